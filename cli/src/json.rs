//! The events as JSON, one object a line. Field names are the contract's; a number that is not finite is null.

use serde_json::{Value, json};
use specfuse_proto::v1::{
    Decision, DraftReport, ExitReason, FinishReason, Finished, MemberStanding, ScoreRow, Segment, Usage, Work,
    draft_report::Outcome,
};

pub(crate) fn line(event: &Value) -> String {
    format!("{event}\n")
}

pub(crate) fn segment(segment: &Segment) -> Value {
    let candidates = segment.candidates.iter().map(|candidate| {
        json!({
            "text": candidate.text, "finished": candidate.finished, "authors": candidate.authors,
            "aggregate": candidate.aggregate,
        })
    });
    let exits = segment
        .exits
        .iter()
        .map(|exit| json!({ "member": exit.member, "reason": reason(exit.reason()), "detail": exit.detail }));
    let timing = segment.timing.unwrap_or_default();
    json!({
        "event": "segment",
        "round": segment.round,
        "text": segment.text,
        "winner": segment.winner,
        "winning_candidate": segment.winning_candidate,
        "drafts": segment.drafts.iter().map(draft).collect::<Vec<_>>(),
        "candidates": candidates.collect::<Vec<_>>(),
        "scored": segment.scored,
        "scores": segment.scores.iter().map(scores).collect::<Vec<_>>(),
        "active": segment.active,
        "exits": exits.collect::<Vec<_>>(),
        "standing": segment.standing.iter().map(standing).collect::<Vec<_>>(),
        "entropy": segment.entropy,
        "timing": { "draft_micros": timing.draft_micros, "score_micros": timing.score_micros },
        "recalled": segment.recalled,
        "decided_by": decision(segment.decided_by()),
    })
}

pub(crate) fn finished(finished: &Finished) -> Value {
    let reason = match finished.reason() {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Unspecified => "unspecified",
    };
    let usage = finished.usage.as_ref().map(usage);
    json!({ "event": "finished", "reason": reason, "text": finished.text, "usage": usage })
}

fn draft(report: &DraftReport) -> Value {
    match &report.outcome {
        Some(Outcome::Draft(draft)) => json!({
            "member": report.member, "text": draft.text, "finished": draft.finished,
            "drafted_tokens": draft.drafted_tokens, "token_logprobs": draft.token_logprobs,
            "work": draft.work.as_ref().map(work),
        }),
        Some(Outcome::Missed(missed)) => json!({ "member": report.member, "missed": missed }),
        None => json!({ "member": report.member }),
    }
}

fn scores(row: &ScoreRow) -> Value {
    if !row.abstained.is_empty() {
        return json!({ "member": row.member, "abstained": row.abstained });
    }
    let candidates = row
        .candidates
        .iter()
        .map(|score| json!({ "mean": score.mean, "tokens": score.tokens, "sum_logprob": score.sum_logprob }));
    json!({
        "member": row.member, "candidates": candidates.collect::<Vec<_>>(), "work": row.work.as_ref().map(work),
    })
}

fn standing(standing: &MemberStanding) -> Value {
    json!({
        "member": standing.member, "quality": standing.quality, "keep": standing.keep, "weight": standing.weight,
    })
}

fn usage(usage: &Usage) -> Value {
    let members = usage.members.iter().map(|member| {
        json!({
            "member": member.member, "segments_won": member.segments_won, "bytes_won": member.bytes_won,
            "drafted_tokens": member.drafted_tokens, "tokens_computed": member.tokens_computed,
            "tokens_cached": member.tokens_cached, "scored_tokens": member.scored_tokens,
        })
    });
    json!({
        "completion_tokens": usage.completion_tokens, "rounds": usage.rounds,
        "members_per_round": usage.members_per_round, "draft_calls": usage.draft_calls,
        "score_calls": usage.score_calls, "scored_rounds": usage.scored_rounds, "gated_rounds": usage.gated_rounds,
        "members": members.collect::<Vec<_>>(),
    })
}

fn work(work: &Work) -> Value {
    json!({
        "tokens_computed": work.tokens_computed, "tokens_cached": work.tokens_cached,
        "queue_micros": work.queue_micros, "prefill_micros": work.prefill_micros,
        "decode_micros": work.decode_micros,
    })
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::None => "none",
        Decision::Unopposed => "unopposed",
        Decision::Scores => "scores",
        Decision::Author => "author",
        Decision::Blend => "blend",
        Decision::Gate => "gate",
        Decision::Majority => "majority",
        Decision::Unspecified => "unspecified",
    }
}

pub(crate) fn reason(reason: ExitReason) -> &'static str {
    match reason {
        ExitReason::Quality => "quality",
        ExitReason::ContextFull => "context_full",
        ExitReason::Refused => "refused",
        ExitReason::Failed => "failed",
        ExitReason::Budget => "budget",
        ExitReason::Unspecified => "unspecified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_says_what_decided_it_and_who_is_back() {
        let event = Segment { decided_by: Decision::Gate.into(), recalled: vec!["a".to_owned()], ..Segment::default() };
        let value = segment(&event);
        assert_eq!((&value["decided_by"], &value["recalled"]), (&json!("gate"), &json!(["a"])));
    }

    #[test]
    fn an_event_is_one_line_whatever_the_text() {
        let event = Segment { text: "a\nb\u{1b}".to_owned(), round: 3, ..Segment::default() };
        let line = line(&segment(&event));
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.contains('\u{1b}'));
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&parsed["event"], &parsed["round"], &parsed["text"]),
            (&json!("segment"), &json!(3), &json!("a\nb\u{1b}"))
        );
    }
}
