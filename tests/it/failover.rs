//! A member with another replica loses nothing when one dies: the answer is the same to the bit.

use std::{path::Path, sync::OnceLock, time::Duration};

use anyhow::{Context, Result};
use specfuse_proto::v1::{GenerateRequest, Segment, ensemble_service_client::EnsembleServiceClient};
use specfuse_tests::{
    answer::{self, Answer, decision},
    client::channel,
    ensemble::Ensemble,
    fleet::{Fleet, Member, Plan, cluster, ready_of},
    prerequisite,
    process::DEADLINE,
    up::bundled_models,
};
use tokio::time::Instant;

use crate::PROGRAM;

const POLL: Duration = Duration::from_millis(20);

/// Every member has two replicas. Calls have so long that no deadline notices what is gone.
pub(crate) fn plan() -> Plan {
    let members = ["abacus-llama", "calendar-qwen2", "speller-mistral"];
    let members = members.iter().map(|name| Member::of(bundled_models().join(name))).collect();
    Plan::of(Path::new(PROGRAM), members).replicas(2).ensemble(Ensemble::nobody_leaves().segments_of(3))
}

/// Answered in so many rounds that something can happen in the middle.
pub(crate) fn long_request() -> GenerateRequest {
    let question = "Ben was born on a Tuesday. What day was it 93 days later?";
    // Rounds of requests with the same id go to the same replicas.
    GenerateRequest { request_id: "the-same".to_owned(), ..answer::question(question, 128) }
}

/// Asks undisturbed: the segments, and the places of the workers that wrote them.
pub(crate) async fn undisturbed(fleet: &Fleet) -> Result<(Vec<Segment>, Vec<usize>)> {
    let before = fleet.steps().await?;
    let answer = fleet.client(0)?.ask(&long_request(), DEADLINE).await.outcome?;
    let after = fleet.steps().await?;
    let worked = before.iter().zip(&after).enumerate().filter(|(_, (before, after))| before < after);
    let worked: Vec<usize> = worked.map(|(place, _)| place).collect();
    assert_eq!(worked.len(), 3, "one replica for each member: {before:?}, {after:?}");
    Ok((answer.segments.into_iter().map(decision).collect(), worked))
}

/// Asks again, and lets something happen once two segments are there.
pub(crate) async fn disturbed(
    fleet: &mut Fleet,
    disturb: impl AsyncFnOnce(&mut Fleet) -> Result<()>,
) -> Result<Vec<Segment>> {
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let mut client = EnsembleServiceClient::new(channel(&url)?);
    let mut stream = client.generate(long_request()).await?.into_inner();
    let mut segments = vec![answer::next_segment(&mut stream).await?, answer::next_segment(&mut stream).await?];
    disturb(fleet).await?;
    segments.extend(tokio::time::timeout(DEADLINE, Answer::read(stream)).await??.segments);
    Ok(segments.into_iter().map(decision).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_same_to_the_bit_when_every_replica_that_writes_it_dies() -> Result<()> {
    let Some(mut fleet) = plan().start().await? else { return Ok(()) };
    let (expected, worked) = undisturbed(&fleet).await?;
    let idle: Vec<usize> = (0..fleet.workers.len()).filter(|place| !worked.contains(place)).collect();
    let before = fleet.steps().await?;
    let segments = disturbed(&mut fleet, async |fleet| {
        for place in &worked {
            fleet.workers[*place].process.kill().await?;
        }
        Ok(())
    })
    .await?;
    assert!(segments == expected, "{segments:#?} is not {expected:#?}");
    for place in idle {
        assert!(fleet.workers[place].load().await?.engine_steps > before[place], "worker {place} was not asked");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_host_vanishes_is_noticed_long_before_its_call_is_late() -> Result<()> {
    let Some(mut fleet) = plan().discovered().start_on_namespaces().await? else { return Ok(()) };
    let (expected, worked) = undisturbed(&fleet).await?;
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let lost = fleet.workers[worked[0]].process.url();
    let cut = OnceLock::new();
    let watch = async {
        while ready_of(&cluster(&url).await?).contains(&lost) {
            tokio::time::sleep(POLL).await;
        }
        Ok::<_, anyhow::Error>(cut.get().map(Instant::elapsed))
    };
    let watch = async { tokio::time::timeout(DEADLINE, watch).await? };
    let answered = disturbed(&mut fleet, async |fleet| {
        cut.get_or_init(Instant::now);
        fleet.workers[worked[0]].host.cut()
    });
    let (segments, noticed) = tokio::try_join!(answered, watch)?;
    let noticed = noticed.context("noticed before it was so")?;
    prerequisite::tell(&format!("failover: a host that vanished was noticed after {noticed:.1?}"));
    // 4 s by the pings; the rest is for a machine that has other things to do. A call's own timeout is 30 s.
    assert!(noticed < Duration::from_secs(10), "{noticed:?}");
    assert!(segments == expected, "{segments:#?} is not {expected:#?}");
    Ok(())
}
