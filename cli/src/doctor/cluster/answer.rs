//! One small answer from end to end: what each round took, what each member took of it, and what is left for the ways between.

use std::{collections::BTreeMap, time::Duration};

use specfuse_proto::v1::{
    Conversation, Ensemble, ExitReason, GenerateRequest, Message, Segment, Work, draft_report::Outcome,
    generate_request::Prompt, generate_response::Event,
};
use tokio::time::Instant;
use tonic::Status;

use super::Client;
use crate::{
    doctor::finding::{Finding, Subject, median},
    stream,
};

const QUESTION: &str = "A shop has 47 apples and gets 38 more. How many apples are there now?";
const LONGEST: u32 = 48;
const DEADLINE: Duration = Duration::from_secs(120);

/// All of one answer.
#[derive(Debug, Default)]
struct Answer {
    segments: Vec<Segment>,
    first: Option<Duration>,
    total: Duration,
}

pub(super) async fn examine(client: &Client<'_>, ensemble: &Ensemble) -> Vec<Finding> {
    match ask(client, ensemble).await {
        Ok(answer) => findings(&ensemble.name, &answer),
        Err(status) => {
            let what = format!("{} does not answer: {}", ensemble.name, stream::rejected(&client.access.url, status));
            vec![Subject::Answer.error(what, "see what is said of its workers, and the coordinator's log")]
        }
    }
}

async fn ask(client: &Client<'_>, ensemble: &Ensemble) -> Result<Answer, Status> {
    let message = Message { role: "user".to_owned(), content: QUESTION.to_owned() };
    let request = GenerateRequest {
        ensemble: ensemble.name.clone(),
        prompt: Some(Prompt::Conversation(Conversation { messages: vec![message] })),
        max_tokens: Some(LONGEST.min(ensemble.max_tokens_limit.max(1))),
        ..GenerateRequest::default()
    };
    let begun = Instant::now();
    let mut answer = Answer::default();
    let read = async {
        let mut events = client.calls.clone().generate(client.request(request, DEADLINE)).await?.into_inner();
        while let Some(response) = events.message().await? {
            if let Some(Event::Segment(segment)) = response.event {
                answer.first.get_or_insert_with(|| begun.elapsed());
                answer.segments.push(segment);
            }
        }
        Ok::<(), Status>(())
    };
    let late = |_| Status::deadline_exceeded(format!("the answer takes longer than {DEADLINE:?}"));
    tokio::time::timeout(DEADLINE, read).await.map_err(late)??;
    answer.total = begun.elapsed();
    Ok(answer)
}

fn findings(ensemble: &str, answer: &Answer) -> Vec<Finding> {
    let Answer { segments, first, total } = answer;
    let first = first.map_or(0.0, milliseconds);
    let what = format!(
        "{ensemble} answers in {} rounds and {:.1} ms, the first segment after {first:.1} ms",
        segments.len(),
        milliseconds(*total)
    );
    let mut findings = vec![Subject::Answer.ok(what)];
    findings.extend(rounds(segments));
    findings.extend(segments.iter().flat_map(faults));
    findings
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What a worker says that a call took: milliseconds.
fn worked(work: &Work) -> f64 {
    (work.queue_micros + work.prefill_micros + work.decode_micros) as f64 / 1e3
}

/// Medians over the rounds.
fn rounds(segments: &[Segment]) -> Vec<Finding> {
    let (mut drafting, mut scoring, mut between) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_member: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for segment in segments {
        let Some(timing) = &segment.timing else { continue };
        let round = timing.draft_micros as f64 / 1e3;
        drafting.push(round);
        if segment.scored {
            scoring.push(timing.score_micros as f64 / 1e3);
        }
        let drafts = segment.drafts.iter().filter_map(|report| match &report.outcome {
            Some(Outcome::Draft(draft)) => Some((report.member.as_str(), worked(&draft.work.unwrap_or_default()))),
            Some(Outcome::Missed(_)) | None => None,
        });
        let mut slowest = None;
        for (member, worked) in drafts {
            by_member.entry(member).or_default().push(worked);
            slowest = Some(worked.max(slowest.unwrap_or(0.0)));
        }
        // The round waits for its slowest member: what is left is texts, queues before the engine, and the way there and back.
        between.extend(slowest.map(|slowest| (round - slowest).max(0.0)));
    }
    let Some(draft) = median(&drafting) else { return Vec::new() };
    let score =
        median(&scoring).map_or_else(|| "nobody is asked to score".to_owned(), |score| format!("score {score:.1} ms"));
    let mut findings = vec![Subject::Answer.ok(format!("a round: draft {draft:.1} ms, {score} (medians)"))];
    let members = by_member.iter().filter_map(|(member, times)| Some(format!("{member} {:.1} ms", median(times)?)));
    findings.push(Subject::Answer.ok(format!("a draft in its engine: {}", members.collect::<Vec<_>>().join(", "))));
    if let Some(between) = median(&between) {
        let what = format!(
            "from the coordinator to the workers and back, with the reading of texts: {between:.1} ms of a round"
        );
        findings.push(match between > SLOW {
            true => Subject::Answer.warning(
                what,
                "bring workers and coordinator nearer together, or give the workers' machines fewer processes",
            ),
            false => Subject::Answer.ok(what),
        });
    }
    findings
}

/// Milliseconds.
const SLOW: f64 = 250.0;

/// Members that missed the round or left it for another reason than quality.
fn faults(segment: &Segment) -> Vec<Finding> {
    let round = segment.round;
    let missed = segment.drafts.iter().filter_map(|report| match &report.outcome {
        Some(Outcome::Missed(why)) => Some(format!("{} missed round {round}: {why}", report.member)),
        Some(Outcome::Draft(_)) | None => None,
    });
    let left = segment.exits.iter().filter_map(|exit| match exit.reason() {
        ExitReason::Failed => {
            Some(format!("{} failed out of the answer in round {round}: {}", exit.member, exit.detail))
        }
        ExitReason::Refused => Some(format!("{} refuses this conversation: {}", exit.member, exit.detail)),
        ExitReason::Quality | ExitReason::ContextFull | ExitReason::Budget | ExitReason::Unspecified => None,
    });
    missed.chain(left).map(|what| Subject::Answer.warning(what, "see this member's worker and its log")).collect()
}

#[cfg(test)]
mod tests {
    use specfuse_proto::v1::{Draft, DraftReport, Timing};

    use super::*;
    use crate::doctor::finding::Severity;

    fn drafted(member: &str, micros: u64) -> DraftReport {
        let work = Work { decode_micros: micros, ..Work::default() };
        let draft = Draft { work: Some(work), ..Draft::default() };
        DraftReport { member: member.to_owned(), outcome: Some(Outcome::Draft(draft)) }
    }

    fn segment(drafts: Vec<DraftReport>) -> Segment {
        let timing = Timing { draft_micros: 9_000, score_micros: 2_000 };
        Segment { round: 1, drafts, timing: Some(timing), scored: true, ..Segment::default() }
    }

    #[test]
    fn the_way_is_what_the_slowest_member_leaves_of_a_round() {
        let told = rounds(&[segment(vec![drafted("a", 3_000), drafted("b", 7_500)])]);
        assert_eq!(told[0].what, "a round: draft 9.0 ms, score 2.0 ms (medians)");
        assert!(told[1].what.ends_with("a 3.0 ms, b 7.5 ms"), "{told:?}");
        assert!(told[2].what.ends_with("1.5 ms of a round"), "{told:?}");
    }

    #[test]
    fn a_member_that_missed_a_round_is_told_with_the_reason() {
        let missed = DraftReport { member: "a".to_owned(), outcome: Some(Outcome::Missed("too late".to_owned())) };
        let [only] = faults(&segment(vec![missed])).try_into().unwrap();
        assert!(only.severity == Severity::Warning && only.what == "a missed round 1: too late", "{only:?}");
    }

    #[test]
    fn an_answer_without_rounds_has_no_medians() {
        assert!(rounds(&[]).is_empty());
    }
}
