//! Which candidate wins a round (section 4), and what that does to weights, qualities and memberships (sections 5, 6).
//!
//! - `unscored`: the decisions for which nobody is asked to score

mod unscored;

pub(super) use self::unscored::{by_authors, by_majority, gated, unopposed};
use super::{
    exchange::ScoreOutcome,
    report::{DecidedBy, Scoring},
    roster::Roster,
};
use crate::{
    candidate::Candidate,
    exit,
    member::MemberIndex,
    policy::{ExitRule, Policy, RankRule, ScoreRule, Voters, WeightRule},
    rank::{self, CandidateScore, Row},
    reliability,
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
    pub(super) decided_by: DecidedBy,
    pub(super) scoring: Option<Scoring>,
    /// Positions in the roster of who should leave for its quality, in the order of leaving.
    pub(super) leaving: Vec<usize>,
}

pub(super) fn by_scores(roster: &mut Roster, policy: &Policy, ballot: Ballot<'_>) -> Decision {
    let members = roster.members();
    let scored = |member: &MemberIndex| {
        let (_, outcome) = ballot.scores.iter().find(|(scorer, _)| scorer == member)?;
        row(policy, *member, outcome, ballot.candidates.len())
    };
    let rows: Vec<(MemberIndex, Option<Vec<CandidateScore>>)> = members.iter().map(|m| (*m, scored(m))).collect();
    let values: Vec<Row> = rows.iter().map(|(_, row)| Some(row.as_ref()?.iter().map(|s| s.mean).collect())).collect();
    let candidate_of = candidates_of(&members, ballot.candidates);
    let board = Board { rows: &values, candidate_of: &candidate_of };
    let weights = weigh(roster, policy.weights, board, ballot.round);
    let cross = match policy.voters {
        Voters::Everyone | Voters::First => rank::aggregate(&values, &roster.weights()),
        Voters::Others => {
            let authors = positions_of_authors(&candidate_of, ballot.candidates.len());
            rank::aggregate_of_others(&values, &roster.weights(), &authors)
        }
    };
    let (decided_by, aggregate) = match policy.rank {
        RankRule::Blend { alpha } => {
            let mut own = unscored::authors_values(roster, policy, ballot.candidates);
            if policy.score == ScoreRule::MeanProb {
                own.iter_mut().for_each(|value| *value = value.exp());
            }
            (DecidedBy::Blend, Some(blended(alpha, own, cross)))
        }
        RankRule::Cross | RankRule::Author | RankRule::Majority | RankRule::Gather => (DecidedBy::Scores, cross),
    };
    let scoring = Scoring { rows, aggregate, weights, ..Scoring::default() };
    conclude(roster, policy, ballot, (decided_by, scoring))
}

/// alpha · own + (1 - alpha) · S; the author's own alone where no scorer has a say.
fn blended(alpha: f64, own: Vec<f64>, cross: Option<Vec<f64>>) -> Vec<f64> {
    let Some(cross) = cross else { return own };
    own.into_iter().zip(cross).map(|(own, cross)| alpha * own + (1.0 - alpha) * cross).collect()
}

/// The winner by the scoring's aggregate, who is credited with it, and who leaves for it.
fn conclude(
    roster: &mut Roster,
    policy: &Policy,
    ballot: Ballot<'_>,
    (decided_by, mut scoring): (DecidedBy, Scoring),
) -> Decision {
    // Without a score the first candidate wins: the one of the first active member that has any.
    let winner = scoring.aggregate.as_deref().map_or(0, rank::winner);
    if let Some(candidate) = ballot.candidates.get(winner) {
        roster.credit(&candidate.authors);
    }
    let candidate_of = candidates_of(&roster.members(), ballot.candidates);
    let mut leaving = Vec::new();
    if let Some(scores) = &scoring.aggregate {
        let judgement = judge(roster, policy, &member_scores(scores, &candidate_of));
        leaving = leave(roster, policy, &judgement.keep, ballot.round);
        scoring.entropy = Some(judgement.entropy);
        scoring.keep = Some(judgement.keep);
    }
    Decision { winner, decided_by, scoring: Some(scoring), leaving }
}

/// Each member's candidate; None: it has none.
fn candidates_of(members: &[MemberIndex], candidates: &[Candidate]) -> Vec<Option<usize>> {
    members.iter().map(|member| candidates.iter().position(|c| c.authors.contains(member))).collect()
}

/// For each candidate the positions of its authors among the members.
fn positions_of_authors(candidate_of: &[Option<usize>], candidates: usize) -> Vec<Vec<usize>> {
    let authors = |candidate| {
        let own = candidate_of.iter().enumerate().filter(move |(_, own)| **own == Some(candidate));
        own.map(|(position, _)| position).collect()
    };
    (0..candidates).map(authors).collect()
}

/// A scorer's row; None, an abstention, unless it holds one finite value for each candidate.
fn row(policy: &Policy, member: MemberIndex, outcome: &ScoreOutcome, candidates: usize) -> Option<Vec<CandidateScore>> {
    let terms = match outcome {
        ScoreOutcome::Scored(terms) if terms.len() == candidates => terms,
        ScoreOutcome::Scored(_) | ScoreOutcome::Abstained | ScoreOutcome::Failed => return None,
    };
    let calibration = policy.calibration(member);
    let row: Vec<CandidateScore> = terms.iter().map(|terms| rank::score(policy.score, calibration, terms)).collect();
    row.iter().all(|score| score.mean.is_finite()).then_some(row)
}

/// The weights of this round, which are also kept for the next; None under uniform weights.
fn weigh(roster: &mut Roster, rule: WeightRule, board: Board<'_>, round: u32) -> Option<Vec<f64>> {
    match rule {
        WeightRule::Uniform => return None,
        WeightRule::Hedge { rate } if board.rows.iter().any(Option::is_some) => {
            let weights = weights::hedge(&roster.weights(), board, rate, round);
            roster.set_weights(&weights);
        }
        WeightRule::Hedge { .. } => {}
        WeightRule::Reliability => {
            let agreements = roster.add_agreements(&reliability::agreements(board.rows));
            roster.set_weights(&reliability::weights(&agreements));
        }
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
    let rule = match policy.rank {
        RankRule::Cross | RankRule::Blend { .. } => policy.score,
        // An author's own mean is one of logarithms.
        RankRule::Author | RankRule::Majority | RankRule::Gather => ScoreRule::MeanLogprob,
    };
    let shares = exit::shares(rule, scores);
    roster.add_shares(&shares);
    let entropy = match policy.exit.rule {
        ExitRule::NoEntropy => 1.0,
        ExitRule::Cumulative | ExitRule::Never | ExitRule::FirstRounds { .. } | ExitRule::AllButBest { .. } => {
            exit::entropy(&shares)
        }
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
        ExitRule::AllButBest { rounds } if round >= rounds => exit::all_but_best(&roster.quality()),
        ExitRule::FirstRounds { .. } | ExitRule::AllButBest { .. } => Vec::new(),
    }
}
