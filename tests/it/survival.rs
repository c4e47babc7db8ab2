//! A worker that dies in the middle of an answer costs its member, not the answer.

use anyhow::Result;
use specfuse_proto::v1::{Exit, ExitReason};
use specfuse_tests::{
    answer::{self, Answer},
    cluster::Cluster,
    ensemble::Ensemble,
    golden,
};

use crate::{ENDLESS, PROGRAM, small_models};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_an_answer_leaves_it_to_the_others() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let ensemble = Ensemble::nobody_leaves().segments_of(4);
    let mut cluster = Cluster::of(PROGRAM, small_models(&golden)).ensemble("default", ensemble).start().await?;

    let mut stream = cluster.stream(answer::question(ENDLESS, 300)).await?;
    let early = [answer::next_segment(&mut stream).await?, answer::next_segment(&mut stream).await?];
    cluster.kill("qwen2").await?;
    let late = Answer::read(stream).await?;

    assert!(early.iter().all(|segment| segment.active == ["llama", "qwen2", "mistral"]), "{early:?}");
    let exits: Vec<&Exit> = late.segments.iter().flat_map(|segment| &segment.exits).collect();
    assert_eq!(exits.len(), 1, "{exits:?}");
    assert_eq!((exits[0].member.as_str(), exits[0].reason()), ("qwen2", ExitReason::Failed), "{exits:?}");
    assert_eq!(late.segments.last().map(|segment| segment.active.clone()).unwrap_or_default(), ["llama", "mistral"]);
    let rounds = late.finished.usage.as_ref().map(|usage| usage.rounds);
    assert_eq!(rounds, late.segments.last().map(|segment| segment.round));
    Ok(())
}
