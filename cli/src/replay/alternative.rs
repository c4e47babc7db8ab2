//! Another policy's rounds beside the recorded ones: a row for each round, and one line that sums them up.

use specfuse_core::{
    recording::Round,
    replay::{Alternative, AnotherRound, Verdict},
};

use crate::{
    text::one_line,
    trace::table::{Cell, Table},
};

pub(super) fn table(alternative: &Alternative) -> String {
    let mut table = Table::default();
    let headings = ["  round", "recorded", "under the policy", "S", "keep", "leaves"];
    table.row(headings.map(|heading| Cell::left(heading.to_owned())));
    for round in &alternative.rounds {
        table.row(row(round));
    }
    table.render() + &summary(alternative)
}

/// Begins with "*" where another candidate wins.
fn row(round: &AnotherRound) -> Vec<Cell> {
    let mark = if round.agrees() == Some(false) { "*" } else { " " };
    let recorded = round.recorded.as_deref().unwrap_or("-");
    let begin = [format!("{mark} {}", round.round), one_line(recorded)];
    let rest = match &round.verdict {
        Verdict::Decided { round: decided, .. } => {
            let winner = decided.winner.as_deref().map_or_else(|| "-".to_owned(), one_line);
            vec![winner, aggregate(decided), keep(decided), leaves(decided) + &end(round)]
        }
        Verdict::NoScores => vec!["cannot be told: it wants scores that were not recorded".to_owned()],
        Verdict::NoDrafts => vec!["cannot be told: nobody whom it would have kept drafted".to_owned()],
    };
    begin.into_iter().chain(rest).map(Cell::left).collect()
}

fn aggregate(round: &Round) -> String {
    let winner = round.winning_candidate.and_then(|winner| round.candidates.get(winner));
    winner.and_then(|winner| winner.aggregate).map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

/// "a 0.60, b 0.40"
fn keep(round: &Round) -> String {
    let Some(keep) = &round.keep else { return "-".to_owned() };
    let shown = round.active.iter().zip(keep).map(|(member, keep)| format!("{} {keep:.2}", one_line(member)));
    shown.collect::<Vec<_>>().join(", ")
}

fn leaves(round: &Round) -> String {
    let exits = round.exits.iter().map(|exit| format!("{} ({})", one_line(&exit.member), one_line(&exit.reason)));
    let exits: Vec<String> = exits.collect();
    if exits.is_empty() { "-".to_owned() } else { exits.join(", ") }
}

fn end(round: &AnotherRound) -> String {
    match round.ends_earlier() {
        Some(reason) => format!("; it would have ended here ({reason})"),
        None if round.goes_on() => "; it would have gone on".to_owned(),
        None => String::new(),
    }
}

fn summary(alternative: &Alternative) -> String {
    let (rounds, decided) = (alternative.rounds.len(), alternative.decided());
    let untold = if decided < rounds { format!("; {} cannot be told", rounds - decided) } else { String::new() };
    let first = match alternative.first_different() {
        Some(round) => format!("; the first that differs is round {round}"),
        None => String::new(),
    };
    format!("{} of {decided} rounds agree{first}{untold}\n", alternative.agreeing())
}

#[cfg(test)]
mod tests {
    use specfuse_core::recording::{Candidate, Exit};

    use super::*;

    fn decided(number: u32, winner: &str, agrees: bool) -> AnotherRound {
        let candidate = |text: &str, author: &str, aggregate| Candidate {
            text: text.to_owned(),
            finished: false,
            authors: vec![author.to_owned()],
            aggregate: Some(aggregate),
        };
        let round = Round {
            round: number,
            stage: 0,
            text: String::new(),
            active: vec!["a".to_owned(), "b".to_owned()],
            drafts: vec![],
            candidates: vec![candidate("x", "a", -0.5), candidate("y", "b", -0.25)],
            scores: vec![],
            winning_candidate: Some(usize::from(winner == "b")),
            winner: Some(winner.to_owned()),
            decided_by: "scores".to_owned(),
            weights: None,
            entropy: Some(1.0),
            keep: Some(vec![0.25, 0.75]),
            quality: vec![0.5, 0.5],
            exits: vec![Exit { member: "a".to_owned(), reason: "quality".to_owned(), detail: String::new() }],
            recalled: vec![],
            draft_micros: 0,
            score_micros: 0,
        };
        let verdict = Verdict::Decided { agrees, round: Box::new(round), ends: (number == 1).then_some("stop") };
        AnotherRound { round: number, recorded: Some("a".to_owned()), ended: number == 2, verdict }
    }

    #[test]
    fn rounds_that_differ_are_marked_and_counted() {
        let untold = AnotherRound { round: 3, recorded: None, ended: false, verdict: Verdict::NoScores };
        let shown = table(&Alternative { rounds: vec![decided(1, "a", true), decided(2, "b", false), untold] });
        let expected = [
            "  round  recorded  under the policy  S       keep            leaves",
            "  1      a         a                 -0.500  a 0.25, b 0.75  a (quality); it would have ended here (stop)",
            "* 2      a         b                 -0.250  a 0.25, b 0.75  a (quality); it would have gone on",
            "  3      -         cannot be told: it wants scores that were not recorded",
            "1 of 2 rounds agree; the first that differs is round 2; 1 cannot be told",
        ];
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
    }
}
