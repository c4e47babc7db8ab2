//! A stop loses nothing: what runs is finished, what comes goes elsewhere. A second signal stops at once.

use std::{error::Error as _, time::Duration};

use anyhow::{Context, Result};
use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use specfuse_tests::{
    answer::{self, Answer, next_segment},
    client::channel,
    fleet::cluster,
    process::DEADLINE,
};
use tonic::Code;

use crate::failover;

const POLL: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_leaves_the_list_and_the_answer_to_its_replica() -> Result<()> {
    let Some(mut fleet) = failover::plan().discovered().start().await? else { return Ok(()) };
    let (expected, worked) = failover::undisturbed(&fleet).await?;
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let segments = failover::disturbed(&mut fleet, async |fleet| {
        for place in &worked {
            fleet.workers[*place].process.signal("TERM").await?;
        }
        Ok(())
    })
    .await?;
    assert!(segments == expected, "{segments:#?} is not {expected:#?}");
    for place in worked {
        let worker = &mut fleet.workers[place];
        let status = worker.process.ended().await?;
        assert!(status.success(), "{status}: {}", worker.process.log()?);
        let gone = async {
            while cluster(&url).await?.workers.iter().any(|listed| listed.endpoint == worker.process.url()) {
                tokio::time::sleep(POLL).await;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::time::timeout(DEADLINE, gone).await.context("it is still listed")??;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_drains_finishes_its_answers_and_takes_no_more() -> Result<()> {
    let Some(mut fleet) = failover::plan().start().await? else { return Ok(()) };
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let mut client = EnsembleServiceClient::new(channel(&url)?);
    let mut running = client.generate(failover::long_request()).await?.into_inner();
    next_segment(&mut running).await?;
    fleet.coordinators[0].signal("TERM").await?;
    let refused = async {
        loop {
            let refused = match client.generate(answer::question("How much is 41 × 6?", 64)).await {
                Ok(stream) => Answer::read(stream.into_inner()).await.err(),
                Err(status) => Some(status),
            };
            // The signal may not have arrived yet, and where it has, the connection ends first, perhaps under a call.
            if let Some(status) = refused.filter(|status| status.source().is_none()) {
                return status;
            }
        }
    };
    let status = tokio::time::timeout(DEADLINE, refused).await?;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    Answer::read(running).await?;
    let status = fleet.coordinators[0].ended().await?;
    assert!(status.success(), "{status}: {}", fleet.coordinators[0].log()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_a_coordinator_at_once() -> Result<()> {
    let plan = failover::plan().set("shutdown_grace", "10min");
    let Some(mut fleet) = plan.start().await? else { return Ok(()) };
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let mut client = EnsembleServiceClient::new(channel(&url)?);
    // Its workers say nothing: it would wait for them as long as the grace is.
    for worker in &fleet.workers {
        worker.process.signal("STOP").await?;
    }
    let running = client.generate(failover::long_request()).await?.into_inner();
    for _ in 0..2 {
        fleet.coordinators[0].signal("TERM").await?;
        // Two signals that wait are one.
        tokio::time::sleep(POLL * 10).await;
    }
    let status = fleet.coordinators[0].ended().await?;
    assert!(!status.success(), "{status}: {}", fleet.coordinators[0].log()?);
    assert!(Answer::read(running).await.is_err());
    Ok(())
}
