//! The example clients as their readers make and run them: in a copy of the folder, against a local cluster.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use specfuse_tests::{
    fleet::{cluster, load},
    packages::{Packages, has, run},
    process::DEADLINE,
    up::{Up, bundled_models},
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    PROGRAM,
    contract::{BUF, proto},
    guarded::{FREE, Guarded},
};

const INSTALL_DEADLINE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(10);
const APPLES: &str = "A shop has 47 apples and gets 38 more. How many apples are there now?";
/// So hot that hardly any answer ends before its last token.
const ENDLESS: [&str; 2] = ["--temperature", "100"];

/// An example that can be run, in a copy of the repository's folders that it needs.
struct Example {
    grounds: TempDir,
    language: &'static str,
    /// What starts it, in its folder.
    command: Vec<String>,
    /// One that nothing can be answered within, as its flag wants it.
    instant: &'static str,
    /// Whether its endpoint is a URL, and not a host and a port.
    takes_url: bool,
    packages: Option<Packages>,
}

impl Example {
    fn copy(language: &'static str) -> Result<Self> {
        let grounds = tempfile::tempdir()?;
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(language);
        copy(&from, &grounds.path().join("examples").join(language))?;
        copy(&proto().join("specfuse"), &grounds.path().join("proto/specfuse"))?;
        fs::copy(proto().join("buf.yaml"), grounds.path().join("proto/buf.yaml"))?;
        let (command, packages) = (Vec::new(), None);
        Ok(Self { grounds, language, command, instant: "0.001", takes_url: false, packages })
    }

    fn folder(&self) -> PathBuf {
        self.grounds.path().join("examples").join(self.language)
    }

    fn started_by(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    fn program(&self, name: &str) -> Command {
        let mut command = self.packages.as_ref().map_or_else(|| Command::new(name), |found| found.command(name));
        command.current_dir(self.folder());
        command
    }

    /// One step on the way to an example that can be run.
    async fn make(&self, words: &[&str]) -> Result<()> {
        let (name, arguments) = words.split_first().context("no command")?;
        run(self.program(name).args(arguments), INSTALL_DEADLINE).await.map(drop)
    }

    /// `url` has a scheme, and no slash at its end.
    async fn ask(&self, url: &str, arguments: &[&str]) -> Result<(Output, String, String)> {
        let (name, before) = self.command.split_first().context("no command")?;
        let address = url.split("://").last().unwrap_or_default();
        let mut command = self.program(name);
        command.args(before).args(["--endpoint", if self.takes_url { url } else { address }]).args(arguments);
        command.arg(APPLES).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await.context("it does not end")??;
        let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
        let [stdout, stderr] = said;
        Ok((output, stdout, stderr))
    }

    /// All that an example shows.
    async fn shows_everything(&self) -> Result<()> {
        let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
        let url = up.coordinator.trim_end_matches('/');
        self.streams(url, &[]).await?;
        self.cancels(&up).await?;
        let (output, _, stderr) = self.ask(url, &["--temperature=-1"]).await?;
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("reason: INVALID_FIELD"), "{stderr}");
        assert!(stderr.contains("field: sampling.temperature: -1 is not in 0 to 100"), "{stderr}");
        let (output, _, stderr) = self.ask(url, &["--deadline", self.instant]).await?;
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.to_lowercase().replace('_', "").contains("deadlineexceeded"), "{stderr}");
        self.shows_a_key(&up).await
    }

    /// Over TLS.
    async fn shows_a_key(&self, up: &Up) -> Result<()> {
        let guarded = Guarded::encrypted(up).await?;
        let url = format!("https://{}", guarded.process.address);
        let ca = guarded.authority.as_ref().context("no authority")?.ca.display().to_string();
        let (output, _, stderr) = self.ask(&url, &["--tls-ca", &ca]).await?;
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("reason: API_KEY_MISSING"), "{stderr}");
        self.streams(&url, &["--tls-ca", &ca, "--api-key", FREE]).await
    }

    async fn streams(&self, url: &str, arguments: &[&str]) -> Result<()> {
        let (output, stdout, stderr) = self.ask(url, arguments).await?;
        assert!(output.status.success(), "{stdout}{stderr}");
        let lines: Vec<&str> = stdout.lines().collect();
        let (end, segments) = lines.split_last().context("it said nothing")?;
        assert!(segments.len() > 1 && segments.iter().all(|line| line.contains(": ")), "{stdout}");
        assert!(segments.iter().any(|line| line.starts_with("abacus-llama: ")), "{stdout}");
        assert!(stdout.contains("85") && end.contains("STOP: "), "{stdout}");
        Ok(())
    }

    async fn cancels(&self, up: &Up) -> Result<()> {
        let url = up.coordinator.trim_end_matches('/');
        let (output, stdout, stderr) = self.ask(url, &[&ENDLESS[..], &["--segments", "2"]].concat()).await?;
        assert!(output.status.success(), "{stdout}{stderr}");
        assert!(stdout.lines().last() == Some("cancelled after 2 segments"), "{stdout}");
        tokio::time::timeout(DEADLINE, idle(up)).await.context("sequences stay")?
    }
}

/// Completes when no worker has anything to do.
pub(crate) async fn idle(up: &Up) -> Result<()> {
    while cluster(&up.coordinator).await?.running_generations > 0 {
        tokio::time::sleep(POLL).await;
    }
    for worker in up.urls.iter().filter(|url| **url != up.coordinator) {
        while load(worker).await?.live_sequences > 0 {
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Whatever lies in a folder, but for what its tools left behind.
fn copy(from: &Path, to: &Path) -> Result<()> {
    const MADE: [&str; 6] = ["node_modules", "gen", "dist", ".venv", "package-lock.json", "ask"];
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if MADE.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_python_streams_cancels_and_reads_what_is_wrong() -> Result<()> {
    let mut example = Example::copy("python")?.started_by(&["python", "ask.py"]);
    let requirements = example.folder().join("requirements.txt").display().to_string();
    let Some(packages) = Packages::python(&["-r", &requirements]).await? else { return Ok(()) };
    example.packages = Some(packages);
    example.make(&["sh", "generate.sh"]).await?;
    example.shows_everything().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_go_streams_cancels_and_reads_what_is_wrong() -> Result<()> {
    if !has(&["go"]) {
        return Ok(());
    }
    let mut example = Example::copy("go")?;
    example.command = vec![example.folder().join("ask").display().to_string()];
    let Some(packages) = Packages::node(&[BUF]).await? else { return Ok(()) };
    (example.packages, example.instant) = (Some(packages), "1ms");
    example.make(&["buf", "generate"]).await?;
    example.make(&["go", "build", "-o", "ask", "."]).await?;
    example.shows_everything().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_typescript_streams_cancels_and_reads_what_is_wrong() -> Result<()> {
    if !has(&["node", "npm"]) {
        return Ok(());
    }
    let mut example = Example::copy("typescript")?.started_by(&["node", "dist/src/ask.js"]);
    example.takes_url = true;
    example.make(&["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]).await?;
    example.make(&["npm", "run", "generate"]).await?;
    example.make(&["npm", "run", "build"]).await?;
    example.shows_everything().await
}
