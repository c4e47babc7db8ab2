//! What a generation tells, as clients see it: core values to wire types, members by name. Adds nothing of its own.

use std::time::Duration;

use specfuse_core::{
    generation::{DecidedBy, DraftOutcome, Ending, Exit, ExitReason, Finish, Scoring},
    member::MemberIndex,
};
use specfuse_proto::v1 as proto;

use crate::{
    client::{Token, Work},
    driver::{Item, MemberUsage, Note, RoundReport, Usage},
};

pub(crate) fn response(item: Item) -> proto::GenerateResponse {
    let event = match item {
        Item::Round(report) => proto::generate_response::Event::Segment(segment(&report)),
        Item::Recorded(json) => {
            proto::generate_response::Event::Recording(proto::Recording { json: json.as_ref().to_owned() })
        }
        Item::Finished { finish, usage } => proto::generate_response::Event::Finished(finished(finish, usage)),
    };
    proto::GenerateResponse { event: Some(event) }
}

fn segment(report: &RoundReport) -> proto::Segment {
    let round = &report.round;
    proto::Segment {
        round: round.number,
        text: round.released.clone(),
        winner: report.winner().map(|winner| report.label(winner)).unwrap_or_default(),
        winning_candidate: clamped(round.winner),
        drafts: drafts(report),
        candidates: candidates(report),
        scored: round.scoring.as_ref().is_some_and(|scoring| !scoring.rows.is_empty()),
        scores: round.scoring.as_ref().map(|scoring| scores(scoring, report)).unwrap_or_default(),
        active: round.active.iter().map(|member| report.label(*member)).collect(),
        exits: round.exits.iter().map(|exit| left(*exit, report)).collect(),
        standing: standing(report),
        entropy: round.scoring.as_ref().and_then(|scoring| scoring.entropy),
        timing: Some(proto::Timing {
            draft_micros: micros(report.draft_time),
            score_micros: micros(report.score_time),
        }),
        recalled: round.recalled.iter().map(|member| report.label(*member)).collect(),
        decided_by: decision(round.decided_by).into(),
    }
}

fn decision(decided_by: DecidedBy) -> proto::Decision {
    match decided_by {
        DecidedBy::Nothing => proto::Decision::None,
        DecidedBy::Unopposed => proto::Decision::Unopposed,
        DecidedBy::Scores => proto::Decision::Scores,
        DecidedBy::Author => proto::Decision::Author,
        DecidedBy::Blend => proto::Decision::Blend,
        DecidedBy::Gate => proto::Decision::Gate,
        DecidedBy::Majority => proto::Decision::Majority,
    }
}

fn drafts(report: &RoundReport) -> Vec<proto::DraftReport> {
    let draft = |(member, outcome): &(MemberIndex, DraftOutcome)| {
        let note = report.drafts.get(member);
        let outcome = match outcome {
            DraftOutcome::Drafted(draft) => proto::draft_report::Outcome::Draft(proto::Draft {
                text: draft.text.clone(),
                finished: draft.finished,
                drafted_tokens: draft.tokens,
                token_logprobs: note.map(|note| note.token_logprobs.clone()).unwrap_or_default(),
                work: note.and_then(|note| note.work).map(work),
                tokens: note.map(|note| note.tokens.iter().map(token).collect()).unwrap_or_default(),
                context_tokens: note.map_or(0, |note| note.context_tokens),
            }),
            DraftOutcome::Failed | DraftOutcome::ContextFull | DraftOutcome::Refused => {
                proto::draft_report::Outcome::Missed(why(note))
            }
        };
        proto::DraftReport { member: report.label(*member), outcome: Some(outcome) }
    };
    report.round.drafts.iter().map(draft).collect()
}

fn token(token: &Token) -> proto::DraftedToken {
    let top = token.top.iter().map(|(text, logprob)| proto::Alternative { text: text.clone(), logprob: *logprob });
    proto::DraftedToken { text: token.text.clone(), logprob: token.logprob, top: top.collect() }
}

fn candidates(report: &RoundReport) -> Vec<proto::ScoredCandidate> {
    let round = &report.round;
    let aggregate = round.scoring.as_ref().and_then(|scoring| scoring.aggregate.as_ref());
    let candidate = |(place, candidate): (usize, &specfuse_core::candidate::Candidate)| proto::ScoredCandidate {
        text: candidate.text.clone(),
        finished: candidate.finished,
        authors: candidate.authors.iter().map(|author| report.label(*author)).collect(),
        aggregate: aggregate.and_then(|aggregate| aggregate.get(place).copied()),
    };
    round.candidates.iter().enumerate().map(candidate).collect()
}

/// Only of those who were asked to score.
fn scores(scoring: &Scoring, report: &RoundReport) -> Vec<proto::ScoreRow> {
    let asked = scoring.rows.iter().filter_map(|(member, row)| Some((member, row, report.scores.get(member)?)));
    asked
        .map(|(member, row, note)| proto::ScoreRow {
            member: report.label(*member),
            candidates: row.iter().flatten().map(score).collect(),
            abstained: if row.is_some() { String::new() } else { why(Some(note)) },
            work: note.work.map(work),
        })
        .collect()
}

fn score(score: &specfuse_core::generation::CandidateScore) -> proto::CandidateScore {
    proto::CandidateScore { mean: score.mean, tokens: clamped(score.terms), sum_logprob: score.sum_logprob }
}

fn standing(report: &RoundReport) -> Vec<proto::MemberStanding> {
    let round = &report.round;
    let keep = round.scoring.as_ref().and_then(|scoring| scoring.keep.as_ref());
    let weights = round.scoring.as_ref().and_then(|scoring| scoring.weights.as_ref());
    let standing = |(place, (member, quality)): (usize, (&MemberIndex, &f64))| proto::MemberStanding {
        member: report.label(*member),
        quality: *quality,
        keep: keep.and_then(|keep| keep.get(place).copied()),
        weight: weights.and_then(|weights| weights.get(place).copied()),
    };
    round.active.iter().zip(&round.quality).enumerate().map(standing).collect()
}

fn left(exit: Exit, report: &RoundReport) -> proto::Exit {
    let miss = || {
        let notes = [report.scores.get(&exit.member), report.drafts.get(&exit.member)];
        notes.into_iter().flatten().find_map(|note| note.miss.as_ref()).map(ToString::to_string)
    };
    let (reason, detail) = match exit.reason {
        ExitReason::Quality => (proto::ExitReason::Quality, None),
        ExitReason::Budget => (proto::ExitReason::Budget, None),
        ExitReason::ContextFull => (proto::ExitReason::ContextFull, miss()),
        ExitReason::Refused => (proto::ExitReason::Refused, miss()),
        ExitReason::Failed => (proto::ExitReason::Failed, miss()),
    };
    proto::Exit { member: report.label(exit.member), reason: reason.into(), detail: detail.unwrap_or_default() }
}

pub(crate) fn finished(finish: Finish, usage: Usage) -> proto::Finished {
    let reason = match finish.ending {
        Ending::Stop => proto::FinishReason::Stop,
        Ending::Length => proto::FinishReason::Length,
        // The driver ends a failed generation with an error: there is no such response.
        Ending::Failed(_) => proto::FinishReason::Unspecified,
    };
    let member = |member: MemberUsage| proto::MemberUsage {
        member: member.name.to_string(),
        segments_won: member.segments_won,
        bytes_won: clamped(member.bytes_won),
        drafted_tokens: member.drafted_tokens,
        tokens_computed: member.tokens_computed,
        tokens_cached: member.tokens_cached,
        scored_tokens: member.scored_tokens,
    };
    let usage = proto::Usage {
        completion_tokens: finish.completion_tokens,
        rounds: finish.rounds,
        members_per_round: mean(finish.member_rounds, finish.rounds),
        draft_calls: usage.draft_calls,
        score_calls: usage.score_calls,
        members: usage.members.into_iter().map(member).collect(),
        scored_rounds: usage.scored_rounds,
        gated_rounds: usage.gated_rounds,
        prompt_tokens: usage.prompt_tokens,
    };
    proto::Finished { reason: reason.into(), text: finish.released, usage: Some(usage) }
}

fn mean(sum: u64, count: u32) -> f64 {
    let sum = u32::try_from(sum).unwrap_or(u32::MAX);
    if count == 0 { 0.0 } else { f64::from(sum) / f64::from(count) }
}

fn why(note: Option<&Note>) -> String {
    note.and_then(|note| note.miss.as_ref()).map(ToString::to_string).unwrap_or_default()
}

fn work(work: Work) -> proto::Work {
    proto::Work {
        tokens_computed: work.tokens_computed,
        tokens_cached: work.tokens_cached,
        queue_micros: work.queue_micros,
        prefill_micros: work.prefill_micros,
        decode_micros: work.decode_micros,
    }
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
