//! From an answer's events to its record.

use std::{collections::BTreeMap, time::Duration};

use specfuse_eval::{
    metric,
    question::Question,
    record::{Cost, Exit, Lead, Record},
};
use specfuse_proto::v1::{Draft, Finished, MemberStanding, Segment, Usage, draft_report::Outcome};

use crate::json;

/// What has been heard of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    text: String,
    won: BTreeMap<String, u32>,
    exits: Vec<Exit>,
    leads: Vec<Lead>,
    /// After the round before.
    standing: Vec<MemberStanding>,
    usage: Usage,
    first_text: Option<Duration>,
}

impl Heard {
    /// `at`: since the request.
    pub(super) fn segment(&mut self, segment: Segment, at: Duration) {
        self.show(&segment.text, at);
        if segment.scored {
            self.leads.extend(self.lead(&segment));
        }
        if !segment.winner.is_empty() {
            *self.won.entry(segment.winner).or_default() += 1;
        }
        self.exits.extend(segment.exits.into_iter().map(|exit| {
            let reason = json::reason(exit.reason()).to_owned();
            Exit { member: exit.member, round: segment.round, reason }
        }));
        if !segment.standing.is_empty() {
            self.standing = segment.standing;
        }
    }

    pub(super) fn finished(&mut self, finished: Finished, at: Duration) {
        self.show(&finished.text, at);
        self.usage = finished.usage.unwrap_or_default();
    }

    fn show(&mut self, text: &str, at: Duration) {
        if !text.is_empty() {
            self.first_text.get_or_insert(at);
            self.text += text;
        }
    }

    /// The member of highest quality before the round that has a draft in it: of equals the first.
    fn lead(&self, segment: &Segment) -> Option<Lead> {
        let mut leader: Option<(&MemberStanding, &Draft)> = None;
        for standing in &self.standing {
            let Some(draft) = draft_of(segment, &standing.member) else { continue };
            if leader.is_none_or(|(best, _)| standing.quality > best.quality) {
                leader = Some((standing, draft));
            }
        }
        let (standing, draft) = leader?;
        let winner = segment.candidates.get(segment.winning_candidate as usize)?;
        let sum: f64 = draft.token_logprobs.iter().copied().map(f64::from).sum();
        let mean_logprob = sum / draft.token_logprobs.len() as f64;
        mean_logprob.is_finite().then(|| Lead { mean_logprob, won: winner.authors.contains(&standing.member) })
    }

    /// `ended`: why there is no answer, if there is none.
    pub(super) fn record(self, question: &Question, strategy: &str, ended: (Result<(), String>, Duration)) -> Record {
        let (ended, total) = ended;
        let grade = match ended {
            Ok(()) => metric::grade(&question.measure, &self.text),
            Err(_) => specfuse_eval::question::Grade::default(),
        };
        Record {
            question: question.id.clone(),
            kind: question.kind.clone(),
            strategy: strategy.to_owned(),
            error: ended.err(),
            quality: grade.quality,
            measures: grade.measures,
            cost: cost(&self.usage, self.first_text, total),
            text: self.text,
            won: self.won,
            exits: self.exits,
            leads: self.leads,
        }
    }
}

fn draft_of<'a>(segment: &'a Segment, member: &str) -> Option<&'a Draft> {
    let report = segment.drafts.iter().find(|report| report.member == member)?;
    match &report.outcome {
        Some(Outcome::Draft(draft)) if segment.active.iter().any(|active| active == member) => Some(draft),
        Some(Outcome::Draft(_) | Outcome::Missed(_)) | None => None,
    }
}

fn cost(usage: &Usage, first_text: Option<Duration>, total: Duration) -> Cost {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    Cost {
        rounds: usage.rounds,
        members_per_round: usage.members_per_round,
        draft_calls: usage.draft_calls,
        score_calls: usage.score_calls,
        scored_rounds: usage.scored_rounds,
        gated_rounds: usage.gated_rounds,
        completion_tokens: usage.completion_tokens,
        drafted_tokens: usage.members.iter().map(|member| u64::from(member.drafted_tokens)).sum(),
        scored_tokens: usage.members.iter().map(|member| member.scored_tokens).sum(),
        computed_tokens: usage.members.iter().map(|member| member.tokens_computed).sum(),
        first_segment_ms: first_text.map(milliseconds),
        total_ms: milliseconds(total),
    }
}

#[cfg(test)]
mod tests {
    use specfuse_eval::question::{Measure, Prompt};
    use specfuse_proto::v1::{self, DraftReport, ExitReason, MemberUsage, ScoredCandidate};

    use super::*;

    fn draft(member: &str, token_logprobs: &[f32]) -> DraftReport {
        let draft = Draft { text: "x".to_owned(), token_logprobs: token_logprobs.to_vec(), ..Draft::default() };
        DraftReport { member: member.to_owned(), outcome: Some(Outcome::Draft(draft)) }
    }

    fn standing(member: &str, quality: f64) -> MemberStanding {
        MemberStanding { member: member.to_owned(), quality, ..MemberStanding::default() }
    }

    /// Two candidates, of which the second, by b and c, wins.
    fn round(number: u32, text: &str) -> Segment {
        let candidate = |authors: &[&str]| ScoredCandidate {
            authors: authors.iter().map(ToString::to_string).collect(),
            ..ScoredCandidate::default()
        };
        Segment {
            round: number,
            text: text.to_owned(),
            winner: "b".to_owned(),
            winning_candidate: 1,
            drafts: vec![draft("a", &[-1.0, -2.0]), draft("b", &[-0.5]), draft("c", &[-0.25, -0.75])],
            candidates: vec![candidate(&["a"]), candidate(&["b", "c"])],
            scored: true,
            active: ["a", "b", "c"].map(str::to_owned).to_vec(),
            standing: vec![standing("a", 0.2), standing("b", 0.4), standing("c", 0.4)],
            ..Segment::default()
        }
    }

    fn question() -> Question {
        Question {
            id: "1".to_owned(),
            kind: "sums".to_owned(),
            prompt: Prompt::Raw("q".to_owned()),
            measure: Measure::Open,
        }
    }

    fn record(heard: Heard) -> Record {
        heard.record(&question(), "fuse", (Ok(()), Duration::from_millis(90)))
    }

    #[test]
    fn the_text_its_winners_and_its_times_are_kept() {
        let mut heard = Heard::default();
        heard.segment(round(1, ""), Duration::from_millis(10));
        heard.segment(round(2, "4"), Duration::from_millis(20));
        let used = |drafted_tokens, scored_tokens| MemberUsage { drafted_tokens, scored_tokens, ..Default::default() };
        let usage = Usage { rounds: 2, score_calls: 6, members: vec![used(3, 5), used(4, 6)], ..Usage::default() };
        let finished = Finished { text: "2".to_owned(), usage: Some(usage), ..Finished::default() };
        heard.finished(finished, Duration::from_millis(80));
        let record = record(heard);
        assert_eq!((record.text.as_str(), record.won["b"]), ("42", 2));
        let cost = record.cost;
        assert_eq!((cost.first_segment_ms, cost.total_ms), (Some(20.0), 90.0));
        assert_eq!((cost.rounds, cost.score_calls, cost.drafted_tokens, cost.scored_tokens), (2, 6, 7, 11));
    }

    #[test]
    fn a_lead_is_of_whom_the_rounds_before_favour() {
        let mut heard = Heard::default();
        heard.segment(round(1, "x"), Duration::ZERO);
        let mut second = round(2, "x");
        second.standing = vec![standing("a", 0.9), standing("b", 0.4)];
        heard.segment(second, Duration::ZERO);
        heard.segment(Segment { scored: false, ..round(3, "x") }, Duration::ZERO);
        let mut fourth = round(4, "x");
        fourth.drafts.remove(0);
        heard.segment(fourth, Duration::ZERO);
        let leads = record(heard).leads;
        // Round 2: b and c are equal and b is first. Round 4: of those who led after round 3, b again.
        assert_eq!(leads, [Lead { mean_logprob: -0.5, won: true }, Lead { mean_logprob: -0.5, won: true }]);
    }

    #[test]
    fn a_leader_may_lose() {
        let mut heard = Heard::default();
        heard.segment(Segment { standing: vec![standing("a", 1.0)], ..round(1, "x") }, Duration::ZERO);
        heard.segment(round(2, "x"), Duration::ZERO);
        assert_eq!(record(heard).leads, [Lead { mean_logprob: -1.5, won: false }]);
    }

    #[test]
    fn who_leaves_is_told_with_round_and_reason_and_a_failed_answer_has_no_grade() {
        let mut heard = Heard::default();
        let exit = v1::Exit { member: "a".to_owned(), reason: ExitReason::Quality.into(), ..v1::Exit::default() };
        heard.segment(Segment { exits: vec![exit], ..round(3, "x") }, Duration::ZERO);
        let record = heard.record(&question(), "fuse", (Err("gone".to_owned()), Duration::ZERO));
        let expected = Exit { member: "a".to_owned(), round: 3, reason: "quality".to_owned() };
        assert_eq!((record.exits, record.error.as_deref(), record.quality), (vec![expected], Some("gone"), None));
    }
}
