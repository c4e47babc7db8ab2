//! The Dockerfile: nothing in it that BuildKit's linter warns of, bases that stay what they are, images that need neither root nor a
//! shell, and everything that is built among what is copied.

mod building;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use specfuse_tests::packages::run;
use tokio::process::Command;

use super::{
    read::{self, Dockerfile, Instruction, Stage, Told},
    root,
};

const DEADLINE: Duration = Duration::from_secs(120);
/// The images, by the names of their stages, and the programs that they start.
const IMAGES: [(&str, &str); 4] = [
    ("coordinator", "/usr/local/bin/specfuse-coordinator"),
    ("worker", "/usr/local/bin/specfuse-worker"),
    ("worker-cuda", "/usr/local/bin/specfuse-worker"),
    ("cli", "/usr/local/bin/specfuse"),
];
const LABELS: [&str; 6] = ["title", "description", "version", "revision", "licenses", "base.name"];

#[tokio::test]
async fn the_linter_has_nothing_to_say_about_the_dockerfile() -> Result<()> {
    let Some(Told { dockerfile, .. }) = read::told().await? else { return Ok(()) };
    assert!(dockerfile.warnings.is_empty(), "\n{}", dockerfile.warnings.join("\n"));
    Ok(())
}

#[tokio::test]
async fn what_images_are_built_from_is_named_by_version_and_agrees_with_the_workspace() -> Result<()> {
    let Some(Told { dockerfile, .. }) = read::told().await? else { return Ok(()) };
    for stage in dockerfile.stages.iter().filter(|stage| dockerfile.stage(&stage.base).is_none()) {
        let argument = stage.base.trim_start_matches("${").trim_end_matches('}');
        assert!(
            stage.base == "scratch" || dockerfile.arguments.contains_key(argument),
            "{} is no argument",
            stage.base
        );
    }
    for (name, image) in dockerfile.arguments.iter().filter(|(name, _)| name.ends_with("_IMAGE")) {
        assert!(is_pinned(image), "{name}: {image} is another one tomorrow");
    }
    let manifest: toml::Table = fs::read_to_string(root()?.join("Cargo.toml"))?.parse()?;
    let toolchain: toml::Table = fs::read_to_string(root()?.join("rust-toolchain.toml"))?.parse()?;
    let channel = toolchain["toolchain"]["channel"].as_str().context("no channel")?;
    let rust = &dockerfile.arguments["RUST_IMAGE"];
    assert!(rust.starts_with(&format!("rust:{channel}-")), "{rust} is not {channel}");
    let version = manifest["workspace"]["package"]["version"].as_str().context("no version")?;
    assert_eq!(dockerfile.arguments["VERSION"], version);
    Ok(())
}

/// Distroless images have no tags for versions: the name has the distribution's.
pub(super) fn is_pinned(image: &str) -> bool {
    let Some((name, tag)) = image.rsplit_once(':') else { return false };
    let numbers = tag.split(['.', '-']).filter(|part| part.trim_start_matches('v').parse::<u32>().is_ok()).count();
    image.contains("@sha256:")
        || numbers >= 3
        || (name.starts_with("gcr.io/distroless/") && name.ends_with(char::is_numeric))
}

#[tokio::test]
async fn every_image_runs_its_program_as_nobody_without_a_shell() -> Result<()> {
    let Some(Told { dockerfile, .. }) = read::told().await? else { return Ok(()) };
    for (name, program) in IMAGES {
        let stage = dockerfile.stage(name).with_context(|| format!("no stage {name}"))?;
        assert_eq!(stage.all("RUN").count(), 0, "{name} needs a shell to be built");
        let users: Vec<_> = stage.all("USER").map(|user| user.words.as_slice()).collect();
        assert_eq!(users, [["65532:65532"]], "{name}");
        let [entrypoint] = stage.all("ENTRYPOINT").collect::<Vec<_>>()[..] else {
            anyhow::bail!("{name}: not one ENTRYPOINT")
        };
        assert!(!entrypoint.shell, "{name}: a shell would stand between the program and its signals");
        assert_eq!(entrypoint.words, [program], "{name}");
        let labels = stage.all("LABEL").flat_map(|label| &label.pairs);
        let told: BTreeSet<&str> =
            labels.filter(|(_, value)| !value.is_empty()).map(|(key, _)| key.trim_matches('"')).collect();
        let expected: BTreeSet<String> =
            LABELS.iter().map(|label| format!("org.opencontainers.image.{label}")).collect();
        assert_eq!(told, expected.iter().map(String::as_str).collect(), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_run_is_locked_and_what_is_copied_reaches_the_builder() -> Result<()> {
    let Some(Told { dockerfile, context, .. }) = read::told().await? else { return Ok(()) };
    for instruction in dockerfile.stages.iter().flat_map(|stage| &stage.instructions) {
        let at = format!("line {}", instruction.line);
        let command = instruction.words.join(" ");
        match instruction.kind.as_str() {
            // Only a plan asks for nothing.
            "RUN" if command.contains("cargo chef prepare") => {}
            "RUN" => assert!(command.contains(" --locked "), "{at}: {command}"),
            "WORKDIR" => assert!(command.starts_with('/'), "{at}: {command}"),
            "COPY" if instruction.from.is_empty() => {
                for source in &instruction.words {
                    assert!(!files(&context, source).is_empty(), "{at}: {source} does not reach the builder");
                }
            }
            _ => {}
        }
    }
    let stranger = context.iter().find(|file| file.contains("node_modules") || file.starts_with("target"));
    assert_eq!(stranger, None);
    Ok(())
}

#[tokio::test]
async fn the_copied_sources_are_the_whole_workspace() -> Result<()> {
    let Some(Told { dockerfile, context, .. }) = read::told().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let source = dockerfile.stage("source").context("no stage source")?;
    for copy in source.all("COPY") {
        copy_from_context(&context, copy, folder.path())?;
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host()]);
    let ran = run(cargo.current_dir(folder.path()), DEADLINE).await?;
    let metadata: serde_json::Value = serde_json::from_slice(&ran.stdout)?;
    let manifest: toml::Table = fs::read_to_string(root()?.join("Cargo.toml"))?.parse()?;
    let members = manifest["workspace"]["members"].as_array().context("no members")?;
    let found = metadata["workspace_members"].as_array().context("no members")?;
    assert_eq!(found.len(), members.len(), "{found:?}");
    Ok(())
}

/// What the crates that are downloaded here are for.
const fn host() -> &'static str {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        "x86_64-unknown-linux-gnu"
    } else if cfg!(target_os = "linux") {
        "aarch64-unknown-linux-gnu"
    } else if cfg!(target_arch = "x86_64") {
        "x86_64-apple-darwin"
    } else {
        "aarch64-apple-darwin"
    }
}

impl Dockerfile {
    fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

impl Stage {
    fn all(&self, kind: &str) -> impl Iterator<Item = &Instruction> {
        self.instructions.iter().filter(move |instruction| instruction.kind == kind)
    }
}

/// Files of the context that a source names: itself, or what is below it.
fn files<'a>(context: &'a [String], source: &str) -> Vec<&'a str> {
    let below = |file: &&str| *file == source || file.strip_prefix(source).is_some_and(|rest| rest.starts_with('/'));
    context.iter().map(String::as_str).filter(below).collect()
}

/// As COPY does it: what is below a folder, or a file, goes to a folder that ends with "/"; else it becomes the target.
fn copy_from_context(context: &[String], copy: &Instruction, target: &Path) -> Result<()> {
    let root = root()?;
    for source in &copy.words {
        for file in files(context, source) {
            let below = Path::new(file).strip_prefix(source)?;
            let mut to = PathBuf::from(copy.to.trim_start_matches('/'));
            if below == Path::new("") && (copy.to.ends_with('/')) {
                to.push(Path::new(file).file_name().context("no name")?);
            } else if below != Path::new("") {
                to.push(below);
            }
            let to = target.join(to);
            fs::create_dir_all(to.parent().context("no parent")?)?;
            fs::copy(root.join(file), to)?;
        }
    }
    Ok(())
}
