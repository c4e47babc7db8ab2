//! A worker's stop: what runs is finished, unless a second signal comes.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use futures::future::join_all;
use specfuse_proto::v1::{
    Context, DescribeRequest, DraftRequest, context::Prompt, worker_service_client::WorkerServiceClient,
};
use specfuse_tests::{
    cluster, golden,
    process::{DEADLINE, Process},
};
use tonic::{Status, transport::Channel};

use crate::PROGRAM;

const POLL: Duration = Duration::from_millis(20);
/// Together they take a worker many seconds.
const CALLS: u32 = 150;
const TOKENS: u32 = 900;

async fn worker() -> Result<Option<(Process, WorkerServiceClient<Channel>)>> {
    let Some(golden) = golden::folder() else { return Ok(None) };
    let worker = cluster::worker(Path::new(PROGRAM), "llama", &golden.join("models/llama")).await?;
    let client = WorkerServiceClient::connect(worker.url()).await?;
    Ok(Some((worker, client)))
}

async fn draft(mut client: WorkerServiceClient<Channel>, seed: u32, end_of_turn: &[u32]) -> Result<(), Status> {
    let context = Some(Context { prompt: Some(Prompt::Raw(format!("{seed} apples"))), accepted: String::new() });
    // It never ends its turn.
    let logit_bias: HashMap<u32, f32> = end_of_turn.iter().map(|id| (*id, -100.0)).collect();
    let request = DraftRequest {
        request_id: seed.to_string(),
        round: 1,
        context,
        max_tokens: TOKENS,
        logit_bias,
        ..Default::default()
    };
    client.draft(request).await.map(drop)
}

async fn until_busy(client: &mut WorkerServiceClient<Channel>) -> Result<()> {
    let busy = async {
        loop {
            let load = client.describe(DescribeRequest {}).await?.into_inner().load.context("no load")?;
            if load.live_sequences == CALLS && load.waiting_calls == 0 {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(DEADLINE, busy).await.context("the calls never run")?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_a_worker_at_once() -> Result<()> {
    let Some((mut worker, mut client)) = worker().await? else { return Ok(()) };
    let end_of_turn = client.describe(DescribeRequest {}).await?.into_inner().end_of_turn_ids;
    let calls = join_all((0..CALLS).map(|seed| draft(client.clone(), seed, &end_of_turn)));
    let mut describing = client.clone();
    let signals = async {
        until_busy(&mut describing).await?;
        worker.signal("TERM").await?;
        // Two signals that wait are one.
        tokio::time::sleep(POLL * 10).await;
        worker.signal("TERM").await?;
        worker.ended().await
    };
    let (answers, status) = tokio::join!(calls, signals);
    let status = status?;
    let said = worker.log()?;
    assert!(!status.success() && said.contains("second signal: 150 calls were cut"), "{status}: {said}");
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    Ok(())
}
