//! Models that are pulled before each start of who uses them, as in an init container: a path that stays, and a hub that may be away.

use std::fs;

use anyhow::Result;
use specfuse_tests::{
    hub::{COMMIT, Fault, REPO},
    program::Ran,
};

use super::{Pulling, failed, hub};

fn pinned() -> String {
    format!("{REPO}@{COMMIT}")
}

/// Pulls, and makes a link to it in the folder of the cache.
async fn pull(pulling: &Pulling, repo: &str, link: &str) -> Result<Ran> {
    let path = pulling.cache.path().join(link).display().to_string();
    pulling.run(&["models", "pull", repo, "--link", &path], &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_to_what_was_pulled_and_is_replaced() -> Result<()> {
    let (_hub, pulling) = hub(Fault::None).await?;
    let link = pulling.cache.path().join("served/model");
    let pulled = pull(&pulling, REPO, "served/model").await?;
    assert!(pulled.code == Some(0) && pulled.stderr.contains("specfuse worker --model"), "{pulled:?}");
    assert_eq!(fs::read_link(&link)?, pulling.snapshot());
    assert!(link.join("config.json").is_file());

    fs::remove_file(&link)?;
    std::os::unix::fs::symlink("nowhere", &link)?;
    assert_eq!(pull(&pulling, &pinned(), "served/model/").await?.code, Some(0));
    assert_eq!(fs::read_link(&link)?, pulling.snapshot());
    assert_eq!(fs::read_dir(pulling.cache.path().join("served"))?.count(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_link_is_refused_before_anything_is_downloaded() -> Result<()> {
    let (hub, pulling) = hub(Fault::None).await?;
    fs::write(pulling.cache.path().join("file"), "precious")?;
    fs::create_dir(pulling.cache.path().join("folder"))?;
    for taken in ["file", "folder"] {
        failed(&pull(&pulling, REPO, taken).await?, &["--link", taken, "no link"]);
    }
    failed(&pull(&pulling, REPO, "file/below").await?, &["--link", "file/below"]);
    assert_eq!(fs::read_to_string(pulling.cache.path().join("file"))?, "precious");
    assert!(hub.asked_for("config.json").is_empty() && !pulling.snapshot().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_here_needs_no_hub_and_a_branch_does() -> Result<()> {
    let (hub, pulling) = hub(Fault::None).await?;
    assert_eq!(pulling.pull(&pinned()).await?.code, Some(0));
    assert_eq!(pulling.pull(REPO).await?.code, Some(0));
    drop(hub);
    let again = pull(&pulling, &pinned(), "model").await?;
    assert!(again.code == Some(0) && again.stderr.contains("the hub was not asked"), "{again:?}");
    assert_eq!(fs::read_link(pulling.cache.path().join("model"))?, pulling.snapshot());
    failed(
        &pulling.pull(REPO).await?,
        &["cannot be asked about owner/tiny", COMMIT, "HF_HUB_OFFLINE=1", "cannot be reached"],
    );

    fs::remove_file(pulling.snapshot().join("config.json"))?;
    failed(&pulling.pull(&pinned()).await?, &["cannot be reached"]);
    Ok(())
}
