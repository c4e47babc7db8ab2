//! The report as one page that needs nothing else: no script, no request, light or dark as the reader has it. Every text in it is
//! escaped by the way it is built, and every plot's numbers are in a table too.

mod axis;
mod figure;
mod heat;
mod label;
mod picture;
mod role;
mod scatter;
mod speed;
mod tables;
mod whisker;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    FUSE, ORACLE, Report, Row,
    number::{counted, decimals, interval, percent, points},
};

pub use picture::svg;

const STYLE: &str = include_str!("html/page.css");

pub fn html(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "SpecFuse evaluation" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (heading(report))
                    (quality(report))
                    (cost(report))
                    (kinds(report))
                    (rounds(report))
                    (lengths(report))
                    (footing(report))
                }
            }
        }
    };
    page.into_string()
}

fn heading(report: &Report) -> Markup {
    let strategies = report.rows.iter().filter(|row| row.kind != ORACLE).count();
    html! {
        header {
            h1 { "SpecFuse evaluation" }
            p.muted {
                (counted(report.questions, "question")) ", "
                (if strategies == 1 { "1 strategy".to_owned() } else { format!("{strategies} strategies") })
            }
            (tiles(report))
            ul.findings { @for finding in &report.findings { li { (finding.replace(" %", "\u{a0}%")) } } }
        }
    }
}

/// The few numbers to see first.
fn tiles(report: &Report) -> Markup {
    let fused = report.row(FUSE);
    let best = report.best_single.as_deref().and_then(|name| report.row(name));
    let quality = |row: &Row| (percent(row.quality), interval(row.low, row.high));
    let mut tiles: Vec<(String, &str, String)> = Vec::new();
    if let Some((value, range)) = fused.map(quality) {
        tiles.push((value, "%", format!("{FUSE} ({range})")));
    }
    if let Some((value, range)) = best.map(quality) {
        tiles.push((value, "%", format!("best member alone ({range})")));
    }
    if let Some(difference) = fused.and_then(|row| row.versus.difference) {
        tiles.push((points(Some(difference)), "points", format!("{FUSE} against it")));
    }
    if let Some(members) = fused.and_then(|row| row.cost.members_per_round) {
        tiles.push((decimals(Some(members), 2), "members", format!("asked per round of {FUSE}")));
    }
    html! {
        @if !tiles.is_empty() {
            div.tiles {
                @for (value, unit, meaning) in &tiles {
                    div.tile { strong { (value) span.unit { " " (unit) } } span { (meaning) } }
                }
            }
        }
    }
}

fn quality(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Quality" }
            (whisker::quality(report))
            (tables::main(report))
            details { summary { "Tests, counts and other measures" } (tables::tests(report)) }
        }
    }
}

fn cost(report: &Report) -> Markup {
    html! {
        @if report.rows.iter().any(|row| row.quality.is_some()) {
            section {
                h2 { "Quality against cost" }
                div.pair { (scatter::calls(report)) (scatter::exits(report)) }
                @if !report.exit_curve.is_empty() {
                    details { summary { "Rules of exit" } (tables::curve(report)) }
                }
            }
        }
    }
}

fn kinds(report: &Report) -> Markup {
    if report.rows.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "By kind of question" }
            (heat::table("Quality, %", &report.by_kind, heat::percent))
            @for wins in report.wins.iter().filter(|wins| wins.strategy == FUSE) {
                h3 { "Who wins" }
                p.muted { "Of " (counted(usize::try_from(wins.segments).unwrap_or(usize::MAX), "segment")) " of " (FUSE) "." }
                (heat::table("Segments won, %", &wins.shares, heat::percent))
            }
        }
    }
}

fn rounds(report: &Report) -> Markup {
    let fused = report.exits.iter().find(|exits| exits.strategy == FUSE);
    html! {
        @if let Some(exits) = fused {
            section {
                h2 { "When members leave" }
                p.muted { "Exits for quality from " (FUSE) " for each answer, by round." }
                (heat::table("Exits for each answer", &exits.by_round, heat::count))
                p.muted {
                    "By reason: "
                    @for (place, (reason, count)) in exits.by_reason.iter().enumerate() {
                        @if place > 0 { ", " }
                        (reason) " " (count)
                    }
                    "."
                }
            }
        }
        @if report.exits.iter().any(|exits| exits.agreement.is_some()) {
            section {
                h2 { "Do those leave who are wrong?" }
                p.muted { "Every member that took part in an answer, by the quality of what it answers to the same question alone." }
                (tables::agreement(report))
            }
        }
        @if !report.gates.is_empty() {
            section {
                h2 { "When the leader wins anyway" }
                p.muted { "The lowest bound on the sole leader's mean log-probability, uncalibrated, above which its draft won 99 % of at least 50 scored rounds." }
                (tables::gates(report))
            }
        }
    }
}

fn lengths(report: &Report) -> Markup {
    html! {
        @if !report.by_length.is_empty() {
            section {
                h2 { "By length of the answer" }
                p.muted { "Questions in thirds, by the rounds of their fused answer." }
                (speed::by_length(report))
                (tables::lengths(report))
            }
        }
    }
}

fn footing(report: &Report) -> Markup {
    html! {
        footer.muted {
            p {
                "Intervals hold 95 % of the means of " (report.resamples) " bootstrap resamples (seed " (report.seed) "). "
                "Where all are right or all are wrong it is Wilson's interval. "
                "p is that of McNemar's exact test where answers are right or wrong, else of the exact sign-flip test where at most 16 \
                 pairs differ, else of the paired bootstrap; it is not corrected for the number of strategies compared. "
                "The best member alone is chosen by these same questions, which favours it in every comparison. "
                "A failed answer is wrong. Times and speeds are medians, other costs are means, over the answers that did not fail."
            }
        }
    }
}

#[cfg(test)]
mod tests;
