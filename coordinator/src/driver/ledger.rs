//! What a generation's calls cost and how long its rounds took. Watches; changes nothing.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use specfuse_core::{
    candidate::Draft,
    generation::{DecidedBy, DraftOutcome, Event, Finish, Round, ScoreOutcome},
    member::MemberIndex,
};
use tokio::time::Instant;

use super::{
    calls::{Done, Miss, Note},
    stages::Place,
};
use crate::{activity::Counts, strategy::Seat};

/// A round that is over, with what its calls told beside it.
#[derive(Debug)]
pub(crate) struct RoundReport {
    /// Of which generation of the answer, counted as they began.
    pub(crate) stage: usize,
    /// Which of the strategy's plan that is: a generation can be begun again.
    pub(crate) planned: usize,
    /// Whose names they are.
    pub(crate) seats: Arc<[Seat]>,
    pub(crate) round: Round,
    pub(crate) drafts: BTreeMap<MemberIndex, Note>,
    /// Of those who were asked.
    pub(crate) scores: BTreeMap<MemberIndex, Note>,
    pub(crate) draft_time: Duration,
    pub(crate) score_time: Duration,
}

impl RoundReport {
    pub(crate) fn seat(&self, member: MemberIndex) -> Option<&Seat> {
        self.seats.get(member.0)
    }

    /// What clients know a member by.
    pub(crate) fn label(&self, member: MemberIndex) -> String {
        self.seat(member).map(|seat| seat.label.to_string()).unwrap_or_default()
    }

    /// The winning segment's first author.
    pub(crate) fn winner(&self) -> Option<MemberIndex> {
        self.round.candidates.get(self.round.winner)?.authors.first().copied()
    }

    /// The winning segment, as its first author drafted it.
    pub(crate) fn winning_draft(&self) -> Option<&Draft> {
        let winner = self.winner()?;
        self.round.drafts.iter().find(|(member, _)| *member == winner).and_then(|(_, outcome)| outcome.draft())
    }

    /// 0 where nothing won.
    pub(crate) fn winning_tokens(&self) -> u32 {
        self.winning_draft().map_or(0, |draft| draft.tokens)
    }

    /// Its part in what the cluster does.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts {
            tokens: self.winning_tokens().into(),
            rounds: 1,
            member_rounds: self.round.active.len() as u64,
            ..Counts::default()
        };
        let name = |member: &MemberIndex| self.seats.get(member.0).map(|seat| Arc::clone(&seat.label));
        for (member, outcome) in &self.round.drafts {
            let Some(name) = name(member) else { continue };
            let tokens = outcome.draft().map_or(0, |draft| draft.tokens);
            counts.members.entry(name).or_default().drafted_tokens += u64::from(tokens);
        }
        for (member, row) in self.round.scoring.iter().flat_map(|scoring| &scoring.rows) {
            let Some(name) = name(member) else { continue };
            let terms: usize = row.iter().flatten().map(|score| score.terms).sum();
            counts.members.entry(name).or_default().scored_tokens += terms as u64;
        }
        if let Some(name) = self.winner().as_ref().and_then(name) {
            counts.members.entry(name).or_default().segments_won += 1;
        }
        counts
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Usage {
    pub(crate) draft_calls: u32,
    pub(crate) score_calls: u32,
    pub(crate) scored_rounds: u32,
    pub(crate) gated_rounds: u32,
    /// Tokens of the prompt, as the first winner's model reads it; 0 while nobody has won.
    pub(crate) prompt_tokens: u32,
    /// Everyone who has a seat, in their order.
    pub(crate) members: Vec<MemberUsage>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MemberUsage {
    pub(crate) name: Arc<str>,
    pub(crate) segments_won: u32,
    pub(crate) bytes_won: usize,
    pub(crate) drafted_tokens: u32,
    pub(crate) tokens_computed: u64,
    pub(crate) tokens_cached: u64,
    pub(crate) scored_tokens: u64,
}

pub(super) struct Ledger {
    seats: Arc<[Seat]>,
    drafts: BTreeMap<MemberIndex, Note>,
    scores: BTreeMap<MemberIndex, Note>,
    /// The round under way, and when it began.
    round: u32,
    began: Instant,
    last_draft: Instant,
    last_score: Instant,
    usage: Usage,
    /// What each member's last call failed with.
    misses: Vec<Option<Miss>>,
    /// Who wrote which bytes of the accepted text.
    won: Vec<(MemberIndex, Range<usize>)>,
}

impl Ledger {
    pub(super) fn new(seats: Arc<[Seat]>) -> Self {
        let now = Instant::now();
        let usage = |seat: &Seat| MemberUsage { name: seat.label.clone(), ..MemberUsage::default() };
        let members = seats.iter().map(usage).collect();
        Self {
            drafts: BTreeMap::new(),
            scores: BTreeMap::new(),
            round: 0,
            began: now,
            last_draft: now,
            last_score: now,
            usage: Usage {
                draft_calls: 0,
                score_calls: 0,
                scored_rounds: 0,
                gated_rounds: 0,
                prompt_tokens: 0,
                members,
            },
            misses: vec![None; seats.len()],
            won: Vec::new(),
            seats,
        }
    }

    pub(super) fn draft_begins(&mut self, round: u32) {
        self.usage.draft_calls = self.usage.draft_calls.saturating_add(1);
        if round != self.round {
            self.round = round;
            self.began = Instant::now();
        }
    }

    pub(super) fn score_begins(&mut self) {
        self.usage.score_calls = self.usage.score_calls.saturating_add(1);
    }

    pub(super) fn record(&mut self, done: &Done) {
        let now = Instant::now();
        let member = match &done.event {
            Event::Drafted { member, outcome, .. } => {
                self.last_draft = now;
                self.last_score = now;
                self.drafts.insert(*member, done.note.clone());
                if let (Some(usage), DraftOutcome::Drafted(draft)) = (self.usage.members.get_mut(member.0), outcome) {
                    usage.drafted_tokens = usage.drafted_tokens.saturating_add(draft.tokens);
                }
                *member
            }
            Event::Scored { member, outcome, .. } => {
                self.last_score = now;
                self.scores.insert(*member, done.note.clone());
                if let (Some(usage), ScoreOutcome::Scored(terms)) = (self.usage.members.get_mut(member.0), outcome) {
                    let scored: usize = terms.iter().map(|terms| terms.as_slice().len()).sum();
                    usage.scored_tokens = usage.scored_tokens.saturating_add(scored as u64);
                }
                *member
            }
        };
        if let (Some(usage), Some(work)) = (self.usage.members.get_mut(member.0), done.note.work) {
            usage.tokens_computed = usage.tokens_computed.saturating_add(work.tokens_computed.into());
            usage.tokens_cached = usage.tokens_cached.saturating_add(work.tokens_cached.into());
        }
        if let Some(last) = self.misses.get_mut(member.0) {
            last.clone_from(&done.note.miss);
        }
    }

    /// The report of the round that these calls were made for.
    pub(super) fn close(&mut self, round: Round, of: Place) -> RoundReport {
        let winner = round.candidates.get(round.winner);
        if let Some((candidate, author)) = winner.and_then(|winner| Some((winner, winner.authors.first()?))) {
            if self.won.is_empty() {
                // Nothing is accepted before the first winner: the context is the prompt.
                self.usage.prompt_tokens = self.drafts.get(author).map_or(0, |note| note.context_tokens);
            }
            let from = round.accepted.len();
            self.won.push((*author, from..from.saturating_add(candidate.text.len())));
        }
        let is_scored = round.scoring.as_ref().is_some_and(|scoring| !scoring.rows.is_empty());
        self.usage.scored_rounds = self.usage.scored_rounds.saturating_add(is_scored.into());
        let is_gated = round.decided_by == DecidedBy::Gate;
        self.usage.gated_rounds = self.usage.gated_rounds.saturating_add(is_gated.into());
        RoundReport {
            stage: of.stage,
            planned: of.planned,
            seats: Arc::clone(&self.seats),
            round,
            drafts: std::mem::take(&mut self.drafts),
            scores: std::mem::take(&mut self.scores),
            draft_time: self.last_draft.saturating_duration_since(self.began),
            score_time: self.last_score.saturating_duration_since(self.last_draft),
        }
    }

    /// A stop string may have cut the answer: bytes beyond its end were won by nobody.
    pub(super) fn usage(&self, finish: &Finish) -> Usage {
        let mut usage = self.usage.clone();
        let length = finish.text.len();
        for (member, bytes) in &self.won {
            if let Some(usage) = usage.members.get_mut(member.0) {
                usage.segments_won = usage.segments_won.saturating_add(1);
                usage.bytes_won += bytes.end.min(length).saturating_sub(bytes.start);
            }
        }
        usage
    }

    /// What went wrong before is not the reason of what does now.
    pub(super) fn forget_misses(&mut self) {
        self.misses.fill(None);
    }

    /// Why each member's last call failed, where it did, in the order of the seats.
    pub(super) fn misses(&self) -> impl Iterator<Item = Option<Miss>> {
        self.misses.iter().cloned()
    }
}
