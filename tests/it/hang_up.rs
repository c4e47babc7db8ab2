//! A client that hangs up takes its work with it: nothing of it stays in any worker.

use std::time::Duration;

use anyhow::{Context, Result};
use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use specfuse_tests::{
    answer,
    client::channel,
    fleet::{Fleet, cluster},
    process::DEADLINE,
};

use crate::failover;

const STREAMS: usize = 4;
const POLL: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn the_sequences_of_clients_that_hang_up_leave_every_worker() -> Result<()> {
    let Some(fleet) = failover::plan().start().await? else { return Ok(()) };
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let mut client = EnsembleServiceClient::new(channel(&url)?);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = client.generate(failover::long_request()).await?.into_inner();
        answer::next_segment(&mut stream).await?;
        streams.push(stream);
    }
    drop(streams);
    tokio::time::timeout(DEADLINE, idle(&fleet, &url)).await.context("sequences stay")??;
    // Nobody works on what nobody waits for.
    let steps = fleet.steps().await?;
    tokio::time::sleep(POLL * 20).await;
    assert_eq!(fleet.steps().await?, steps);
    Ok(())
}

async fn idle(fleet: &Fleet, coordinator: &str) -> Result<()> {
    while cluster(coordinator).await?.running_generations > 0 {
        tokio::time::sleep(POLL).await;
    }
    for worker in &fleet.workers {
        while worker.load().await?.live_sequences > 0 {
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}
