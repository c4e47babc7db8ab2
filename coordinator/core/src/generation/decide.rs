//! Which candidate wins a round (section 4), and what that does to weights, qualities and memberships (sections 5, 6).

use super::{exchange::ScoreOutcome, report::Scoring, roster::Roster};
use crate::{
    candidate::Candidate,
    exit,
    member::MemberIndex,
    policy::{ExitRule, Policy, ScoreRule, WeightRule},
    rank::{self, CandidateScore, Row},
    weights::{self, Board},
};

/// What a scored round is decided from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ballot<'a> {
    pub(super) round: u32,
    /// At least two.
    pub(super) candidates: &'a [Candidate],
    pub(super) scores: &'a [(MemberIndex, ScoreOutcome)],
}

#[derive(Debug)]
pub(super) struct Decision {
    /// Index into the candidates.
    pub(super) winner: usize,
    pub(super) scoring: Option<Scoring>,
    /// Positions in the roster of who should leave for its quality, in the order of leaving.
    pub(super) leaving: Vec<usize>,
}

/// One candidate: it wins unscored, everyone's share is even, and nobody leaves.
pub(super) fn unopposed(roster: &mut Roster, candidate: &Candidate) -> Decision {
    let n = roster.members().len();
    roster.add_shares(&vec![1.0 / n as f64; n]);
    roster.credit(&candidate.authors);
    Decision { winner: 0, scoring: None, leaving: Vec::new() }
}

pub(super) fn by_scores(roster: &mut Roster, policy: &Policy, ballot: Ballot<'_>) -> Decision {
    let members = roster.members();
    let scored = |member: &MemberIndex| {
        let (_, outcome) = ballot.scores.iter().find(|(scorer, _)| scorer == member)?;
        row(policy.score, outcome, ballot.candidates.len())
    };
    let rows: Vec<(MemberIndex, Option<Vec<CandidateScore>>)> = members.iter().map(|m| (*m, scored(m))).collect();
    let values: Vec<Row> = rows.iter().map(|(_, row)| Some(row.as_ref()?.iter().map(|s| s.mean).collect())).collect();
    let candidate_of: Vec<Option<usize>> =
        members.iter().map(|member| ballot.candidates.iter().position(|c| c.authors.contains(member))).collect();

    let weights = weigh(roster, policy.weights, Board { rows: &values, candidate_of: &candidate_of }, ballot.round);
    let aggregate = rank::aggregate(&values, &roster.weights());
    // Without a score the first candidate wins: the one of the first active member that has any.
    let winner = aggregate.as_deref().map_or(0, rank::winner);
    if let Some(candidate) = ballot.candidates.get(winner) {
        roster.credit(&candidate.authors);
    }
    let mut scoring = Scoring { rows, aggregate, weights, entropy: None, keep: None };
    let mut leaving = Vec::new();
    if let Some(scores) = &scoring.aggregate {
        let judgement = judge(roster, policy, &member_scores(scores, &candidate_of));
        leaving = leave(roster, policy, &judgement.keep, ballot.round);
        scoring.entropy = Some(judgement.entropy);
        scoring.keep = Some(judgement.keep);
    }
    Decision { winner, scoring: Some(scoring), leaving }
}

/// A scorer's row; None, an abstention, unless it holds one finite value for each candidate.
fn row(rule: ScoreRule, outcome: &ScoreOutcome, candidates: usize) -> Option<Vec<CandidateScore>> {
    let terms = match outcome {
        ScoreOutcome::Scored(terms) if terms.len() == candidates => terms,
        ScoreOutcome::Scored(_) | ScoreOutcome::Abstained | ScoreOutcome::Failed => return None,
    };
    let row: Vec<CandidateScore> = terms.iter().map(|terms| rank::score(rule, terms)).collect();
    row.iter().all(|score| score.mean.is_finite()).then_some(row)
}

/// The weights of this round, which are also kept for the next; None under uniform weights.
fn weigh(roster: &mut Roster, rule: WeightRule, board: Board<'_>, round: u32) -> Option<Vec<f64>> {
    let WeightRule::Hedge { rate } = rule else { return None };
    if board.rows.iter().any(Option::is_some) {
        let weights = weights::hedge(&roster.weights(), board, rate, round);
        roster.set_weights(&weights);
    }
    Some(roster.weights())
}

/// Each member's S: its candidate's, or the lowest of the round where it has none.
fn member_scores(scores: &[f64], candidate_of: &[Option<usize>]) -> Vec<f64> {
    let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
    candidate_of.iter().map(|own| own.and_then(|own| scores.get(own).copied()).unwrap_or(lowest)).collect()
}

struct Judgement {
    /// H
    entropy: f64,
    /// p
    keep: Vec<f64>,
}

/// Section 5 up to p; adds q to Q.
fn judge(roster: &mut Roster, policy: &Policy, scores: &[f64]) -> Judgement {
    let shares = exit::shares(policy.score, scores);
    roster.add_shares(&shares);
    let entropy = match policy.exit.rule {
        ExitRule::NoEntropy => 1.0,
        ExitRule::Cumulative | ExitRule::Never | ExitRule::FirstRounds { .. } => exit::entropy(&shares),
    };
    Judgement { entropy, keep: exit::keep(&roster.quality(), policy.exit.tau, entropy) }
}

fn leave(roster: &mut Roster, policy: &Policy, keep: &[f64], round: u32) -> Vec<usize> {
    match policy.exit.rule {
        ExitRule::Cumulative | ExitRule::NoEntropy => exit::below(keep, policy.exit.theta),
        ExitRule::Never => Vec::new(),
        ExitRule::FirstRounds { rounds } if round >= rounds && !roster.winless_dismissed => {
            roster.winless_dismissed = true;
            exit::winless(&roster.won())
        }
        ExitRule::FirstRounds { .. } => Vec::new(),
    }
}
