//! Without etcd nothing new is learnt and nothing known is forgotten: answers go on, and the dead are found out by their silence.

use std::time::Duration;

use anyhow::{Context, Result};
use specfuse_proto::v1::{GetClusterResponse, ensemble_service_client::EnsembleServiceClient};
use specfuse_tests::{
    answer::{self, Answer},
    client::channel,
    fleet::{Fleet, await_ready, cluster, ready_of},
    prerequisite,
    process::DEADLINE,
};
use tokio::time::Instant;

use crate::failover;

const POLL: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_on_while_etcd_is_away() -> Result<()> {
    outage(Duration::from_secs(5)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn answers_go_on_while_etcd_is_away_for_a_minute() -> Result<()> {
    let Some(recovery) = outage(Duration::from_secs(60)).await? else { return Ok(()) };
    assert!(recovery < Duration::from_secs(15), "in order only after {recovery:?}");
    Ok(())
}

/// Stops etcd for so long. How long it took until all was in order again; None: skipped.
async fn outage(time: Duration) -> Result<Option<Duration>> {
    let Some(mut fleet) = failover::plan().discovered().start().await? else { return Ok(None) };
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let mut running = EnsembleServiceClient::new(channel(&url)?).generate(failover::long_request()).await?.into_inner();
    answer::next_segment(&mut running).await?;

    fleet.etcd.as_mut().context("no etcd")?.kill().await?;
    let start = Instant::now();
    // One replica dies and stays dead, one dies and comes back; neither can tell etcd.
    let dead = fleet.workers[0].process.url();
    fleet.workers[0].process.kill().await?;
    fleet.workers[2].process.kill().await?;
    fleet.workers[2].process.restart().await?;
    Answer::read(running).await?;
    noticed(&url, |cluster| !ready_of(cluster).contains(&dead)).await.context("the dead are not missed")?;
    while start.elapsed() < time {
        answered(&fleet).await?;
    }
    let stale = cluster(&url).await?.discovery_last_sync_seconds.context("no time of the last list")?;
    assert!(stale + 1.0 >= time.as_secs_f64(), "the list of workers claims to be {stale} s old after {time:?}");

    fleet.etcd.as_mut().context("no etcd")?.resume().await?;
    let back = Instant::now();
    let living: Vec<String> = fleet.workers[1..].iter().map(|worker| worker.process.url()).collect();
    noticed(&url, |cluster| cluster.workers.iter().all(|worker| worker.endpoint != dead)).await?;
    await_ready(&url, &living).await?;
    let recovery = back.elapsed();
    answered(&fleet).await?;
    prerequisite::tell(&format!("etcd_outage: in order {recovery:.1?} after etcd was back from {time:?}"));
    Ok(Some(recovery))
}

async fn answered(fleet: &Fleet) -> Result<()> {
    fleet.client(0)?.ask(&answer::question("How much is 41 × 6?", 64), DEADLINE).await.outcome?;
    Ok(())
}

/// Waits until the coordinator's view is so.
async fn noticed(url: &str, seen: impl Fn(&GetClusterResponse) -> bool) -> Result<()> {
    let watch = async {
        loop {
            if seen(&cluster(url).await?) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(DEADLINE, watch).await.with_context(|| format!("{url} does not notice"))?
}
