//! Decisions for which nobody is asked to score: there is no choice, the leader is certain, or something else tells candidates apart.

use super::{Ballot, Decision, conclude};
use crate::{
    candidate::Candidate,
    final_answer,
    generation::{
        report::{DecidedBy, Scoring},
        roster::Roster,
    },
    member::MemberIndex,
    policy::Policy,
};

/// One candidate: it wins unscored, everyone's share is even, and nobody leaves.
pub(crate) fn unopposed(roster: &mut Roster, candidate: &Candidate) -> Decision {
    taken(roster, 0, candidate, DecidedBy::Unopposed)
}

/// The leader's candidate, where the leader is certain of it: the mean log-probability of its draft's tokens, calibrated, is above
/// the gate. None: the candidates have to be scored.
pub(crate) fn gated(
    roster: &mut Roster,
    policy: &Policy,
    candidates: &[Candidate],
    mean_of: impl Fn(MemberIndex) -> Option<f64>,
) -> Option<Decision> {
    let gate = policy.gate?;
    let leader = roster.leader()?;
    let certain = policy.calibration(leader).apply(mean_of(leader)?) > gate;
    let of_leader = candidates.iter().enumerate().find(|(_, candidate)| candidate.authors.contains(&leader));
    let (place, candidate) = of_leader.filter(|_| certain)?;
    Some(taken(roster, place, candidate, DecidedBy::Gate))
}

fn taken(roster: &mut Roster, winner: usize, candidate: &Candidate, decided_by: DecidedBy) -> Decision {
    let n = roster.members().len();
    roster.add_shares(&vec![1.0 / n as f64; n]);
    roster.credit(&candidate.authors);
    Decision { winner, decided_by, scoring: None, leaving: Vec::new() }
}

/// By what the authors think of all that they have drafted so far.
pub(crate) fn by_authors(roster: &mut Roster, policy: &Policy, ballot: Ballot<'_>) -> Decision {
    let aggregate = Some(authors_values(roster, policy, ballot.candidates));
    conclude(roster, policy, ballot, (DecidedBy::Author, Scoring { aggregate, ..Scoring::default() }))
}

/// For each candidate the highest of its authors' cumulative means, calibrated.
pub(super) fn authors_values(roster: &Roster, policy: &Policy, candidates: &[Candidate]) -> Vec<f64> {
    let value = |author: &MemberIndex| policy.calibration(*author).apply(roster.own(*author).mean());
    let best = |candidate: &Candidate| candidate.authors.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
    candidates.iter().map(best).collect()
}

/// By how many members come to the same final answer; between equals the author's own mean decides. Nobody leaves.
pub(crate) fn by_majority(roster: &mut Roster, policy: &Policy, ballot: Ballot<'_>) -> Decision {
    let votes = votes(ballot.candidates);
    let own = authors_values(roster, policy, ballot.candidates);
    let mut winner = 0;
    for place in 1..ballot.candidates.len() {
        let ranked = |place: usize| (votes.get(place).copied(), own.get(place).copied());
        if ranked(place) > ranked(winner) {
            winner = place;
        }
    }
    if let Some(candidate) = ballot.candidates.get(winner) {
        roster.credit(&candidate.authors);
    }
    let scoring = Scoring { aggregate: Some(votes), ..Scoring::default() };
    Decision { winner, decided_by: DecidedBy::Majority, scoring: Some(scoring), leaving: Vec::new() }
}

/// For each candidate how many members answer the same. Who has not come to an answer has no vote, unless nobody has.
fn votes(candidates: &[Candidate]) -> Vec<f64> {
    let answers: Vec<Option<String>> =
        candidates.iter().map(|candidate| final_answer::vote(&candidate.text, candidate.finished)).collect();
    let count = |answer: &Option<String>| {
        let Some(answer) = answer else { return 0.0 };
        let agrees = |other: &Option<String>| other.as_ref().is_some_and(|other| final_answer::same(answer, other));
        let agreeing = answers.iter().zip(candidates).filter(|(other, _)| agrees(other));
        agreeing.map(|(_, candidate)| candidate.authors.len() as f64).sum()
    };
    answers.iter().map(count).collect()
}
