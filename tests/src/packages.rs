//! Published packages of other languages, installed from their registries into a folder that is gone afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    installed::installed,
    prerequisite::{self, variable},
};

/// Registries can be slow.
const INSTALL_DEADLINE: Duration = Duration::from_secs(300);
/// Go compiles what it installs.
const COMPILE_DEADLINE: Duration = Duration::from_secs(900);
const RUN_DEADLINE: Duration = Duration::from_secs(600);

/// An interpreter that finds some packages.
#[derive(Debug)]
pub struct Packages {
    folder: TempDir,
    interpreter: PathBuf,
}

impl Packages {
    /// None: there is no Python, and the test is skipped, having said so.
    pub async fn python(requirements: &[&str]) -> Result<Option<Self>> {
        if !has(&["python3"]) {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let interpreter = folder.path().join("bin/python");
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.path()), INSTALL_DEADLINE).await?;
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(requirements);
        Ok(fetched(&mut pip, INSTALL_DEADLINE).await.then_some(Self { folder, interpreter }))
    }

    /// None: there is no Node, and the test is skipped, having said so.
    pub async fn node(packages: &[&str]) -> Result<Option<Self>> {
        if !has(&["node", "npm"]) {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]);
        let fetched = fetched(npm.arg(folder.path()).args(packages), INSTALL_DEADLINE).await;
        Ok(fetched.then_some(Self { folder, interpreter: "node".into() }))
    }

    /// Programs of Go modules, each with its version. None: there is no Go, and the test is skipped, having said so.
    pub async fn go(programs: &[&str]) -> Result<Option<Self>> {
        if !has(&["go"]) {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        for program in programs {
            let mut install = Command::new("go");
            install.args(["install", program]).env("GOBIN", folder.path().join("bin")).current_dir(folder.path());
            if !fetched(&mut install, COMPILE_DEADLINE).await {
                return Ok(None);
            }
        }
        Ok(Some(Self { folder, interpreter: "go".into() }))
    }

    /// Where a Python package lies.
    pub fn python_package(&self, name: &str) -> Result<PathBuf> {
        let versions = fs::read_dir(self.folder.path().join("lib"))?;
        let folders = versions.map(|version| Ok(version?.path().join("site-packages").join(name)));
        let found = folders.collect::<Result<Vec<_>>>()?.into_iter().find(|folder| folder.is_dir());
        found.with_context(|| format!("no package {name}"))
    }

    /// A command that finds the programs that the packages brought before those of the machine.
    pub fn command(&self, program: &str) -> Command {
        let mut folders = vec![self.folder.path().join("bin"), self.folder.path().join("node_modules/.bin")];
        folders.extend(std::env::split_paths(&variable("PATH").unwrap_or_default()));
        let found = folders.iter().map(|folder| folder.join(program)).find(|file| file.is_file());
        let mut command = Command::new(found.unwrap_or_else(|| program.into()));
        // A path with a separator in a folder's name cannot be joined: the machine's own stays.
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        command
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script to its end; an error has what it said. Returns its standard output.
    pub async fn run(&self, script: &Path, arguments: &[&str]) -> Result<String> {
        // Node looks for packages beside the script.
        let copy = self.folder.path().join(script.file_name().context("the script has no name")?);
        fs::copy(script, &copy)?;
        let output = run(Command::new(&self.interpreter).arg(copy).args(arguments), RUN_DEADLINE).await?;
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Builds the tools that a Go module names, each into this folder, which stays: what is there is not built again. False: they cannot
/// be had, and the test is skipped, having said so.
pub async fn go_tools(module: &Path, folder: &Path) -> bool {
    let mut install = Command::new("go");
    install.args(["install", "tool"]).env("GOBIN", folder).current_dir(module);
    has(&["go"]) && fetched(&mut install, COMPILE_DEADLINE).await
}

/// Whether the machine has all of these programs; if not, the test is skipped, having said so.
pub fn has(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !installed(program)).collect();
    if !missing.is_empty() {
        prerequisite::missing(&format!("not installed: {}", missing.join(", ")));
    }
    missing.is_empty()
}

/// Whether packages could be had; if not, as on a machine without a network, the test is skipped, having said so.
async fn fetched(install: &mut Command, deadline: Duration) -> bool {
    let installed = run(install, deadline).await;
    installed.inspect_err(|error| prerequisite::missing(&format!("cannot be installed: {error:#}"))).is_ok()
}

/// Runs a program to its end, and fails where it does.
pub async fn run(command: &mut Command, deadline: Duration) -> Result<Output> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let shown = format!("{:?}", command.as_std());
    let output = tokio::time::timeout(deadline, command.output()).await.with_context(|| format!("{shown}: late"))??;
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
    ensure!(output.status.success(), "{shown}: {}\n{}", output.status, said.concat());
    Ok(output)
}
