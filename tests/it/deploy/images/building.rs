//! The Dockerfile's own commands, run in folders instead of containers.
//!
//! It takes as long as a build from nothing: `cargo test --release -p specfuse-tests --test it -- --ignored the_build_stages`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use specfuse_tests::packages::run;
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    super::read::{self, Dockerfile, Instruction, Told},
    copy_from_context,
};

/// On few cores, beside other work.
const DEADLINE: Duration = Duration::from_secs(5400);
/// Those that make the programs of the images for the CPU, in their order.
const STAGES: [&str; 5] = ["source", "tools", "plan", "dependencies", "build"];
const PROGRAMS: [&str; 3] = ["specfuse-coordinator", "specfuse-worker", "specfuse"];
/// Where cargo-auditable keeps the list of a program's crates.
const AUDITED: &[u8] = b".dep-v0\0";

/// Stages that have been built, as folders.
struct Builder<'a> {
    told: &'a Told,
    toolchain: String,
    /// What the tools are installed into: their image's own folder.
    tools: TempDir,
    roots: TempDir,
    /// By stage: its root folder. A stage grows in its base's, where that has files.
    built: BTreeMap<&'a str, PathBuf>,
}

#[tokio::test]
#[ignore = "a build from nothing"]
async fn the_build_stages_make_programs_that_start_and_tell_their_crates() -> Result<()> {
    let Some(told) = read::told().await? else { return Ok(()) };
    let mut builder = Builder::new(&told)?;
    for stage in STAGES {
        builder.build(stage).await?;
    }
    let folder = builder.built["build"].join("src/target/release");
    let version = format!(" {}\n", told.dockerfile.arguments["VERSION"]);
    for program in PROGRAMS {
        let file = folder.join(program);
        let ran = run(Command::new(&file).arg("--version"), Duration::from_secs(60)).await?;
        assert_eq!(String::from_utf8(ran.stdout)?, format!("{program}{version}"));
        let text = fs::read(&file)?;
        assert!(text.windows(AUDITED.len()).any(|found| found == AUDITED), "{program} does not tell its crates");
    }
    Ok(())
}

impl<'a> Builder<'a> {
    fn new(told: &'a Told) -> Result<Self> {
        let image = &told.dockerfile.arguments["RUST_IMAGE"];
        let toolchain = image.split([':', '-']).nth(1).context("no version")?.to_owned();
        let (tools, roots) = (tempfile::tempdir()?, tempfile::tempdir()?);
        Ok(Self { told, toolchain, tools, roots, built: BTreeMap::new() })
    }

    async fn build(&mut self, name: &'a str) -> Result<()> {
        let dockerfile: &'a Dockerfile = &self.told.dockerfile;
        let stage = dockerfile.stage(name).with_context(|| format!("no stage {name}"))?;
        let grown = self.built.get(stage.base.as_str()).filter(|base| base.join("src").is_dir());
        let root = grown.cloned().unwrap_or_else(|| self.roots.path().join(name));
        self.built.insert(name, root.clone());
        let work = if stage.base == "scratch" { root } else { root.join("src") };
        for instruction in &stage.instructions {
            match instruction.kind.as_str() {
                "COPY" => self.copy(instruction, &work)?,
                "RUN" => self.run(instruction, &work).await?,
                "WORKDIR" => ensure!(instruction.words == ["/src"], "{name} works in {:?}", instruction.words),
                "ENV" => {}
                kind => anyhow::bail!("{name}: {kind}"),
            }
        }
        Ok(())
    }

    fn copy(&self, copy: &Instruction, work: &Path) -> Result<()> {
        if copy.from.is_empty() {
            return copy_from_context(&self.told.context, copy, work);
        }
        let from = self.built.get(copy.from.as_str()).with_context(|| format!("no stage {}", copy.from))?;
        ensure!(copy.to == "./", "line {}: to {}", copy.line, copy.to);
        for source in &copy.words {
            let source = from.join(source.trim_start_matches('/'));
            match source.is_dir() {
                true => copy_folder(&source, work)?,
                false => {
                    fs::create_dir_all(work)?;
                    fs::copy(&source, work.join(source.file_name().context("no name")?))?;
                }
            }
        }
        Ok(())
    }

    async fn run(&self, instruction: &Instruction, work: &Path) -> Result<()> {
        // Nothing is in the way of what the stages that grow from this one copy.
        let empty = tempfile::tempdir()?;
        let mut shell = Command::new("sh");
        shell.args(["-c", &instruction.words.join(" ")]);
        shell.current_dir(if work.is_dir() { work } else { empty.path() });
        let mut path = vec![self.tools.path().join("bin")];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        shell.env("PATH", std::env::join_paths(path)?).env("CARGO_INSTALL_ROOT", self.tools.path());
        shell.env("RUSTUP_TOOLCHAIN", &self.toolchain).env("SOURCE_DATE_EPOCH", "0");
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTFLAGS"] {
            shell.env_remove(name);
        }
        run(&mut shell, DEADLINE).await.map(drop)
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}
