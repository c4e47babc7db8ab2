//! The numbers of the page, strategy by strategy.

use maud::{Markup, html};

use super::{
    super::{
        Report, Row,
        number::{NONE, decimals, exact, interval, milliseconds, p, percent, points},
    },
    role::Role,
    speed,
};

/// A title, and what a strategy has under it.
type Column = (&'static str, fn(&Row) -> String);

const MAIN: [Column; 13] = [
    ("quality, %", |row| percent(row.quality)),
    ("95 %", |row| interval(row.low, row.high)),
    ("difference, points", |row| points(row.versus.difference)),
    ("p", |row| p(row.versus.p_vs_best_single)),
    ("members per round", |row| decimals(row.cost.members_per_round, 2)),
    ("member calls", |row| decimals(row.cost.calls, 1)),
    ("first segment, ms", |row| milliseconds(row.cost.ttfs_ms)),
    ("tokens/s", |row| decimals(row.cost.tokens_s, 1)),
    ("whole answer, ms", |row| milliseconds(row.cost.total_ms)),
    ("rounds", |row| decimals(row.cost.rounds, 1)),
    ("drafted tokens", |row| decimals(row.cost.drafted_tokens, 0)),
    ("scored tokens", |row| decimals(row.cost.scored_tokens, 0)),
    ("computed tokens", |row| decimals(row.cost.computed_tokens, 0)),
];

const TESTS: [Column; 14] = [
    ("answers", |row| row.answers.to_string()),
    ("right", |row| count(row.right)),
    ("failed", |row| row.failed.to_string()),
    ("not judged", |row| row.unjudged.to_string()),
    ("difference, 95 %", |row| match row.versus.difference_low.zip(row.versus.difference_high) {
        Some((low, high)) => format!("{} to {}", points(Some(low)), points(Some(high))),
        None => NONE.to_owned(),
    }),
    ("only it right", |row| count(row.versus.only_it_right)),
    ("only the other right", |row| count(row.versus.only_other_right)),
    ("p, bootstrap", |row| p(row.versus.p_bootstrap)),
    ("p, McNemar", |row| p(row.versus.p_mcnemar)),
    ("p, sign flips", |row| p(row.versus.p_permutation)),
    ("questions needed", |row| {
        row.versus.questions_needed.map_or_else(|| NONE.to_owned(), |needed| needed.to_string())
    }),
    ("of the oracle's gain, %", |row| percent(row.gain_taken)),
    ("scored rounds", |row| decimals(row.cost.scored_rounds, 1)),
    ("gated rounds", |row| decimals(row.cost.gated_rounds, 1)),
];

fn count(count: Option<usize>) -> String {
    count.map_or_else(|| NONE.to_owned(), |count| count.to_string())
}

pub(super) fn main(report: &Report) -> Markup {
    let caption = "Difference and p against the best member alone; costs for each answer.";
    strategies(report, caption, &MAIN, &[])
}

pub(super) fn tests(report: &Report) -> Markup {
    let mut measures: Vec<&str> = report.rows.iter().flat_map(|row| row.measures.keys().map(String::as_str)).collect();
    measures.sort_unstable();
    measures.dedup();
    strategies(report, "Other measures are means, in percent.", &TESTS, &measures)
}

fn strategies(report: &Report, caption: &str, columns: &[Column], measures: &[&str]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { "strategy" }
                        @for (title, _) in columns { th scope="col" { (title) } }
                        @for measure in measures { th scope="col" { (measure) } }
                    }
                }
                tbody {
                    @for row in &report.rows {
                        tr class=(Role::of(&row.strategy, &row.kind).class()) {
                            (name(report, &row.strategy))
                            @for (_, cell) in columns { td { (cell(row)) } }
                            @for measure in measures { td { (percent(row.measures.get(*measure).copied())) } }
                        }
                    }
                }
            }
        }
    }
}

fn name(report: &Report, strategy: &str) -> Markup {
    html! { th scope="row" { (Role::in_report(report, strategy).sign()) (strategy) } }
}

pub(super) fn curve(report: &Report) -> Markup {
    let rows = report.exit_curve.iter().map(|point| {
        let unbeaten = if point.efficient { "yes" } else { "no" };
        let cells = [
            decimals(Some(point.members_per_round), 2),
            percent(Some(point.quality)),
            decimals(Some(point.calls), 1),
            unbeaten.to_owned(),
        ];
        (point.strategy.as_str(), cells.to_vec())
    });
    plain(report, &["members per round", "quality, %", "member calls", "unbeaten"], rows)
}

pub(super) fn agreement(report: &Report) -> Markup {
    let rows = report.exits.iter().filter_map(|exits| {
        let agreement = exits.agreement?;
        let cells = [
            agreement.left.to_string(),
            percent(Some(agreement.left_quality)),
            agreement.stayed.to_string(),
            percent(agreement.stayed_quality),
            agreement.members.to_string(),
            percent(Some(agreement.quality)),
        ];
        Some((exits.strategy.as_str(), cells.to_vec()))
    });
    let titles =
        ["left", "their quality alone, %", "stayed", "their quality alone, %", "all", "their quality alone, %"];
    plain(report, &titles, rows)
}

pub(super) fn gates(report: &Report) -> Markup {
    let rows = report.gates.iter().map(|gate| {
        let bound = gate.bound;
        let cells = [
            gate.rounds.to_string(),
            percent(Some(gate.won)),
            bound.map_or_else(|| NONE.to_owned(), |bound| exact(bound.mean_logprob)),
            count(bound.map(|bound| bound.rounds)),
            percent(bound.map(|bound| bound.covered)),
            percent(bound.map(|bound| bound.won)),
        ];
        (gate.strategy.as_str(), cells.to_vec())
    });
    let titles = ["rounds", "won by the leader, %", "bound", "rounds above", "of all, %", "won above, %"];
    plain(report, &titles, rows)
}

pub(super) fn lengths(report: &Report) -> Markup {
    let mut titles = Vec::new();
    for band in &report.by_length {
        let rounds = speed::title(band);
        titles.extend([format!("{rounds}: quality, %"), format!("{rounds}: members"), format!("{rounds}: tokens/s")]);
    }
    let rows = report.rows.iter().filter_map(|row| {
        let mut cells = Vec::new();
        for band in &report.by_length {
            let own = band.strategies.iter().find(|own| own.strategy == row.strategy)?;
            cells.extend([percent(own.quality), decimals(own.members_per_round, 2), decimals(own.tokens_s, 1)]);
        }
        Some((row.strategy.as_str(), cells))
    });
    plain(report, &titles.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}

/// Cells that are written already, a line for each strategy.
fn plain<'a>(report: &Report, titles: &[&str], rows: impl Iterator<Item = (&'a str, Vec<String>)>) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th scope="col" { "strategy" } @for title in titles { th scope="col" { (title) } } } }
                tbody {
                    @for (strategy, cells) in rows {
                        tr class=(Role::in_report(report, strategy).class()) {
                            (name(report, strategy))
                            @for cell in cells { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}
