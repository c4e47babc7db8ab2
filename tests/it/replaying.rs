//! The replay finds what the trials look for: a segment that was lost or altered, and an answer that does not follow.

use anyhow::Result;
use specfuse_tests::{answer::Answer, process::DEADLINE, replay};

use crate::failover;

/// What it is called, and what it does.
type Alteration = (&'static str, fn(&mut Answer));

#[tokio::test(flavor = "multi_thread")]
async fn the_replay_of_an_answer_notices_whatever_is_lost_or_altered() -> Result<()> {
    let Some(fleet) = failover::plan().replicas(1).start().await? else { return Ok(()) };
    let request = failover::long_request();
    let told = fleet.client(0)?.ask(&request, DEADLINE).await.outcome?;
    replay::check(&fleet.ensemble, &request, &told)?;
    let alterations: [Alteration; 6] = [
        ("a lost segment", |told| drop(told.segments.remove(1))),
        ("a segment told twice", |told| told.segments.insert(1, told.segments[1].clone())),
        ("another text", |told| told.segments[1].text.push('!')),
        ("another end", |told| told.finished.text.push('!')),
        ("another winner", |told| told.segments[1].winner = "nobody".to_owned()),
        ("other candidates", |told| {
            let scored = told.segments.iter_mut().find(|segment| segment.scored).unwrap();
            scored.candidates.reverse();
        }),
    ];
    for (what, alter) in alterations {
        let mut altered = told.clone();
        alter(&mut altered);
        assert!(replay::check(&fleet.ensemble, &request, &altered).is_err(), "{what} goes unnoticed");
    }
    Ok(())
}
