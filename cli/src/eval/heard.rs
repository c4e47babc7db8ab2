//! From an answer's events to its record.

use std::{collections::BTreeMap, time::Duration};

use specfuse_eval::{
    metric,
    question::Question,
    record::{Cost, Exit, Lead, Recall, Record},
};
use specfuse_proto::v1::{Draft, ExitReason, Finished, MemberStanding, Segment, Usage, draft_report::Outcome};

use crate::json;

/// What has been heard of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    text: String,
    won: BTreeMap<String, u32>,
    exits: Vec<Exit>,
    recalled: Vec<Recall>,
    /// In the order in which they were first asked.
    took_part: Vec<String>,
    leads: Vec<Lead>,
    /// After the round before.
    standing: Vec<MemberStanding>,
    usage: Usage,
    first_text: Option<Duration>,
    rounds: u32,
    missed_drafts: u32,
}

impl Heard {
    /// `at`: since the request.
    pub(super) fn segment(&mut self, segment: Segment, at: Duration) {
        self.show(&segment.text, at);
        self.rounds = segment.round;
        self.missed_drafts += missed(&segment);
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
        let round = segment.round;
        self.recalled.extend(segment.recalled.into_iter().map(|member| Recall { member, round }));
        for report in segment.drafts {
            if !self.took_part.contains(&report.member) {
                self.took_part.push(report.member);
            }
        }
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

    /// The member that alone has the highest quality before the round, if it drafts in it: as the coordinator's gate has it.
    fn lead(&self, segment: &Segment) -> Option<Lead> {
        let best = self.standing.iter().max_by(|a, b| a.quality.total_cmp(&b.quality))?;
        if self.standing.iter().filter(|standing| standing.quality >= best.quality).count() > 1 {
            return None;
        }
        let draft = draft_of(segment, &best.member)?;
        let winner = segment.candidates.get(segment.winning_candidate as usize)?;
        let sum: f64 = draft.token_logprobs.iter().copied().map(f64::from).sum();
        let mean_logprob = sum / draft.token_logprobs.len() as f64;
        mean_logprob.is_finite().then(|| Lead { mean_logprob, won: winner.authors.contains(&best.member) })
    }

    /// Whether nothing has been heard.
    pub(super) fn is_silent(&self) -> bool {
        self.rounds == 0
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
            cost: Cost { missed_drafts: self.missed_drafts, ..cost(&self.usage, self.first_text, total) },
            text: self.text,
            won: self.won,
            exits: self.exits,
            recalled: self.recalled,
            took_part: self.took_part,
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

/// Members that failed or were late; whoever left because it refuses, or has no room, has not failed.
fn missed(segment: &Segment) -> u32 {
    let excused =
        |member: &str| segment.exits.iter().any(|exit| exit.member == member && exit.reason() != ExitReason::Failed);
    let missed = segment.drafts.iter().filter(|report| matches!(report.outcome, Some(Outcome::Missed(_))));
    missed.filter(|report| !excused(&report.member)).map(|_| 1).sum()
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
        missed_drafts: 0,
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
    use specfuse_proto::v1::{self, DraftReport, MemberUsage, ScoredCandidate};

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
            reference: None,
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
    fn a_lead_is_of_who_alone_leads_and_drafts() {
        let mut heard = Heard::default();
        heard.segment(round(1, "x"), Duration::ZERO);
        // b and c are equal: nobody leads.
        heard.segment(
            Segment { standing: vec![standing("a", 0.9), standing("b", 0.4)], ..round(2, "x") },
            Duration::ZERO,
        );
        let mut without_a = round(3, "x");
        without_a.drafts.remove(0);
        without_a.standing = vec![standing("b", 1.0), standing("c", 0.4)];
        heard.segment(without_a, Duration::ZERO);
        heard.segment(Segment { scored: false, standing: Vec::new(), ..round(4, "x") }, Duration::ZERO);
        heard.segment(round(5, "x"), Duration::ZERO);
        assert_eq!(record(heard).leads, [Lead { mean_logprob: -0.5, won: true }]);
    }

    #[test]
    fn an_answer_is_damaged_where_a_member_failed_and_not_where_one_refused() {
        let missed = |member: &str| DraftReport {
            member: member.to_owned(),
            outcome: Some(Outcome::Missed("it is late".to_owned())),
        };
        let exit =
            |reason: ExitReason| v1::Exit { member: "a".to_owned(), reason: reason.into(), ..v1::Exit::default() };
        let damaged = |exits: Vec<v1::Exit>| {
            let mut heard = Heard::default();
            heard.segment(
                Segment { drafts: vec![missed("a"), draft("b", &[-1.0])], exits, ..round(1, "x") },
                Duration::ZERO,
            );
            let record = record(heard);
            (record.cost.missed_drafts, record.is_damaged())
        };
        assert_eq!(damaged(Vec::new()), (1, true));
        assert_eq!(damaged(vec![exit(ExitReason::Failed)]), (1, true));
        assert_eq!(damaged(vec![exit(ExitReason::Refused)]), (0, false));
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
        heard.segment(Segment { recalled: vec!["a".to_owned()], ..round(4, "x") }, Duration::ZERO);
        let record = heard.record(&question(), "fuse", (Err("gone".to_owned()), Duration::ZERO));
        assert_eq!(record.recalled, [Recall { member: "a".to_owned(), round: 4 }]);
        assert_eq!(record.took_part, ["a", "b", "c"]);
        let expected = Exit { member: "a".to_owned(), round: 3, reason: "quality".to_owned() };
        assert_eq!((record.exits, record.error.as_deref(), record.quality), (vec![expected], Some("gone"), None));
    }
}
