//! What a round computes does not grow with the answer: the prefix cache serves all that was read before.

use anyhow::{Context, Result};
use specfuse_proto::v1::{Segment, draft_report::Outcome};
use specfuse_tests::{answer, cluster::Cluster, ensemble::Ensemble, golden};

use crate::{ENDLESS, PROGRAM, small_models};

const SEGMENT_TOKENS: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_round_computes_no_token_of_the_accepted_text_again() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let ensemble = Ensemble::nobody_leaves().segments_of(SEGMENT_TOKENS);
    let cluster = Cluster::of(PROGRAM, small_models(&golden)).ensemble("default", ensemble).start().await?;
    let answer = cluster.ask(answer::question(ENDLESS, 400)).await?;
    assert!(answer.segments.len() >= 20, "{} rounds only: {}", answer.segments.len(), answer.text());
    let mut checked = 0;
    for segment in answer.segments.iter().skip(1) {
        checked += drafts_are_cheap(segment)? + scores_are_cheap(segment)?;
    }
    assert!(checked > answer.segments.len() * 3, "{checked} calls only");
    Ok(())
}

/// The segment itself, and the few tokens whose encoding the last one changed.
fn drafts_are_cheap(segment: &Segment) -> Result<usize> {
    for report in &segment.drafts {
        let Some(Outcome::Draft(draft)) = &report.outcome else {
            anyhow::bail!("round {}: {report:?}", segment.round);
        };
        let work = draft.work.context("no work is reported")?;
        let most = SEGMENT_TOKENS + 3;
        assert!(work.tokens_computed <= most, "round {}, {}: {work:?}", segment.round, report.member);
    }
    Ok(segment.drafts.len())
}

/// The candidates' own tokens, and one before each to predict its first.
fn scores_are_cheap(segment: &Segment) -> Result<usize> {
    for row in &segment.scores {
        let work = row.work.context("no work is reported")?;
        let most: u32 = row.candidates.iter().map(|candidate| candidate.tokens + 1).sum();
        assert!(work.tokens_computed <= most, "round {}, {}: {work:?} > {most}", segment.round, row.member);
    }
    Ok(segment.scores.len())
}
