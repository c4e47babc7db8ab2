//! The contract keeps to the rules of its linter, and the linter would say so if it did not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use specfuse_tests::packages::{Packages, run};

pub(crate) const BUF: &str = "@bufbuild/buf@1.75.0";
const LINT_DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_linted_and_a_name_without_a_comment_is_found() -> Result<()> {
    let Some(packages) = Packages::node(&[BUF]).await? else { return Ok(()) };
    run(packages.command("buf").arg("lint").arg(proto()), LINT_DEADLINE).await?;

    let broken = tempfile::tempdir()?;
    fs::create_dir_all(broken.path().join("specfuse/v1"))?;
    for file in ["buf.yaml", "specfuse/v1/worker.proto"] {
        fs::copy(proto().join(file), broken.path().join(file))?;
    }
    let file = broken.path().join("specfuse/v1/worker.proto");
    fs::write(&file, fs::read_to_string(&file)? + "message badName {}\n")?;
    let linted = run(packages.command("buf").arg("lint").arg(broken.path()), LINT_DEADLINE).await;
    let complaint = linted.err().context("nothing is wrong with badName")?.to_string();
    assert!(complaint.contains("should be PascalCase") && complaint.contains("non-empty comment"), "{complaint}");
    Ok(())
}
