//! Coordinators share nothing but their workers: whoever knows two of them does not miss one.

use anyhow::Result;
use specfuse_tests::{answer, client::Client, process::DEADLINE};
use tonic::Code;

use crate::failover;

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_know_two_coordinators_go_on_when_one_is_killed() -> Result<()> {
    let Some(mut fleet) = failover::plan().coordinators(2).discovered().start().await? else { return Ok(()) };
    let request = answer::question("How much is 41 × 6?", 64);
    let mut clients = [fleet.client(0)?, fleet.client(1)?];
    for client in &mut clients {
        let told = client.ask(&request, DEADLINE).await;
        assert_eq!(told.refusals, 0, "{told:?}");
        told.outcome?;
    }
    let first = fleet.urls()[0].clone();
    fleet.coordinators[0].kill().await?;
    for (client, refusals) in clients.iter_mut().zip([1, 0]) {
        for _ in 0..3 {
            let told = client.ask(&request, DEADLINE).await;
            assert_eq!(told.refusals, refusals, "{told:?}");
            told.outcome?;
        }
    }
    let mut alone = Client::new(std::slice::from_ref(&first), 0)?;
    let failed = alone.ask(&request, DEADLINE).await.outcome.unwrap_err();
    assert_eq!(failed.status.code(), Code::Unavailable, "{failed}");

    fleet.coordinators[0].restart().await?;
    let told = clients[0].ask(&request, DEADLINE).await;
    assert_eq!(told.refusals, 0, "{told:?}");
    told.outcome?;
    Ok(())
}
