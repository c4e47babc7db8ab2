//! Certificates of a port and of its clients are replaced again and again while calls run, on connections old and new.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context, Result};
use specfuse_proto::v1::{
    Context as CallContext, DraftRequest, context::Prompt, worker_service_client::WorkerServiceClient,
};
use specfuse_runtime::tls::ClientTls;
use specfuse_tests::{
    certificates::{Authority, Validity, write},
    golden,
    process::{DEADLINE, Process},
};
use tonic::transport::Channel;

use super::{ADDRESS, channel, client, flags, worker};

const ROTATIONS: u32 = 4;
/// Longer than a process may take to notice new files.
const BETWEEN: Duration = Duration::from_millis(1500);

async fn draft(channel: Channel) -> Result<()> {
    let prompt = Some(Prompt::Raw("How many apples".to_owned()));
    let context = Some(CallContext { prompt, accepted: String::new() });
    let request =
        DraftRequest { request_id: "rotation".to_owned(), round: 1, context, max_tokens: 3, ..Default::default() };
    let mut client = WorkerServiceClient::new(channel);
    tokio::time::timeout(DEADLINE, client.draft(request)).await.context("no answer")??;
    Ok(())
}

/// Calls until told to stop; says how often. `kept`: on one connection, else on a new one for each call.
async fn calls(worker: &Process, tls: &ClientTls, kept: bool, stop: &AtomicBool) -> Result<u32> {
    let (mut made, one) = (0, channel(worker, Some(tls))?);
    while !stop.load(Relaxed) {
        let channel = if kept { one.clone() } else { channel(worker, Some(tls))? };
        draft(channel).await.with_context(|| format!("call {made}, kept: {kept}"))?;
        made += 1;
    }
    Ok(made)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_change_under_load_without_a_failed_call() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let authorities = [Authority::new(folder.path(), "old")?, Authority::new(folder.path(), "new")?];
    let [old, new] = &authorities;
    let both = folder.path().join("both.pem");
    let text = std::fs::read_to_string(&old.ca)? + &std::fs::read_to_string(&new.ca)?;
    write(&both, &text)?;
    let server = old.issue("server", ADDRESS, Validity::Now)?;
    let shown = old.issue("client", "a client", Validity::Now)?;
    let worker = worker(&golden, &flags("tls", Some(&server), Some(("client-ca", &both)))).await?;
    let tls = client(&both, Some(&shown))?;

    let stop = AtomicBool::new(false);
    let rotations = async {
        for turn in 1..=ROTATIONS {
            // The last is the new authority's.
            let authority = &authorities[usize::from((ROTATIONS - turn).is_multiple_of(2))];
            authority.issue("server", ADDRESS, Validity::Now)?;
            authority.issue("client", "a client", Validity::Now)?;
            tokio::time::sleep(BETWEEN).await;
        }
        stop.store(true, Relaxed);
        anyhow::Ok(())
    };
    let load = |kept| calls(&worker, &tls, kept, &stop);
    let (kept, fresh, more, ()) = tokio::try_join!(load(true), load(false), load(false), rotations)?;
    assert!(kept.min(fresh).min(more) > ROTATIONS, "{kept} {fresh} {more} calls");

    draft(channel(&worker, Some(&client(&new.ca, Some(&shown))?))?).await.context("the new certificate is shown")?;
    let outdated = draft(channel(&worker, Some(&client(&old.ca, Some(&shown))?))?).await;
    assert!(outdated.is_err(), "the old certificate is shown no more");
    Ok(())
}
