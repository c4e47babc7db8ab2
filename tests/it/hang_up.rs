//! A client that hangs up takes its work with it: nothing of it stays in any worker.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use specfuse_proto::v1::{
    self as proto, Conversation, DescribeRequest, DraftRequest, context::Prompt,
    ensemble_service_client::EnsembleServiceClient, worker_service_client::WorkerServiceClient,
};
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

/// A draft that would take so many passes.
const LONG: u32 = 900;

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_nobody_waits_for_is_not_finished() -> Result<()> {
    let Some(fleet) = failover::plan().replicas(1).start().await? else { return Ok(()) };
    let worker = &fleet.workers[0];
    let mut client = WorkerServiceClient::new(channel(&worker.process.url())?);
    let description = client.describe(DescribeRequest {}).await?.into_inner();
    let messages = vec![answer::message("user", "How much is 41 × 6?")];
    let prompt = Some(Prompt::Conversation(Conversation { messages }));
    let request = DraftRequest {
        request_id: "long".to_owned(),
        round: 1,
        context: Some(proto::Context { prompt, accepted: String::new() }),
        max_tokens: LONG,
        logit_bias: description.end_of_turn_ids.iter().map(|id| (*id, -100.0)).collect(),
        ..DraftRequest::default()
    };
    let begun = async {
        while worker.load().await?.live_sequences == 0 {
            tokio::task::yield_now().await;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::select! {
        drafted = client.draft(request) => bail!("{drafted:?} before it was seen"),
        begun = begun => begun?,
    }
    let before = worker.load().await?.engine_steps;
    tokio::time::timeout(DEADLINE, async {
        while worker.load().await?.live_sequences > 0 {
            tokio::time::sleep(POLL).await;
        }
        Ok::<_, anyhow::Error>(())
    })
    .await??;
    // One pass may be under way; the others are those made while this process was not looking.
    let steps = worker.load().await?.engine_steps - before;
    assert!(steps < u64::from(LONG) / 10, "{steps} passes were made for nobody");
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
