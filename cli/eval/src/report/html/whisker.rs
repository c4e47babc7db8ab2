//! Quality by strategy: a mark and its 95 % interval on a line for each.

use maud::{Markup, html};

use super::{
    super::{ORACLE, Report, Row, number},
    axis::Axis,
    figure::{self, Figure, px},
    role::{Role, legend},
};

const WIDTH: f64 = 940.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = WIDTH - 130.0;
const TOP: f64 = 30.0;
const LINE: f64 = 22.0;
/// Longer names are cut: their line has the whole one as its title.
const LETTERS: usize = 26;

/// Nothing without a quality.
pub(super) fn quality(report: &Report) -> Markup {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.quality.is_some()).collect();
    if rows.is_empty() {
        return html! {};
    }
    let ends = rows.iter().flat_map(|row| [row.quality, row.low, row.high]).flatten().map(|value| value * 100.0);
    let axis = Axis::around(ends, (0.0, 100.0), (LEFT, RIGHT));
    let bottom = TOP + rows.len() as f64 * LINE;
    let best = report.best_single.as_deref().and_then(|name| report.row(name));
    let content = html! {
        (figure::below(&axis, TOP, bottom, "quality, %"))
        (reference(best, &axis, bottom))
        @for (place, row) in rows.iter().enumerate() {
            (line(row, &axis, TOP + (place as f64 + 0.5) * LINE))
        }
    };
    let told = rows.iter().map(|row| {
        format!("{} {} ({})", row.strategy, number::percent(row.quality), number::interval(row.low, row.high))
    });
    let figure = Figure {
        id: "quality",
        title: "Quality with 95 % intervals",
        description: &format!("In percent: {}.", told.collect::<Vec<_>>().join(", ")),
        width: WIDTH,
        height: bottom + 42.0,
    };
    figure.frame(&content, &legend(rows.iter().map(|row| Role::of(&row.strategy, &row.kind))))
}

/// The best member alone, as a line through all.
fn reference(best: Option<&Row>, axis: &Axis, bottom: f64) -> Markup {
    let x = best.and_then(|best| best.quality).map(|quality| px(axis.place(quality * 100.0)));
    html! {
        @if let Some(x) = x {
            g.single {
                line.stroke.reference x1=(x) y1=(px(TOP - 6.0)) x2=(x) y2=(px(bottom)) {}
                text.name.middle x=(x) y=(px(TOP - 12.0)) { "best member alone" }
            }
        }
    }
}

fn line(row: &Row, axis: &Axis, y: f64) -> Markup {
    let role = Role::of(&row.strategy, &row.kind);
    let at = |share: Option<f64>| share.map(|share| axis.place(share * 100.0));
    let weight = if role == Role::Fused { "end strong" } else { "end" };
    html! {
        g class=(role.class()) {
            title {
                (row.strategy) ": " (number::percent(row.quality)) " % (" (number::interval(row.low, row.high)) ")"
                @if row.kind == ORACLE { ", the best member for every question, known afterwards" }
            }
            text class=(weight) x=(px(LEFT - 14.0)) y=(px(y + 4.0)) { (number::shortened(&row.strategy, LETTERS)) }
            @if let Some((low, high)) = at(row.low).zip(at(row.high)) {
                line.stroke.whisker x1=(px(low)) y1=(px(y)) x2=(px(high)) y2=(px(y)) {}
            }
            @if let Some(x) = at(row.quality) { (role.mark(x, y)) }
            text.soft x=(px(RIGHT + 16.0)) y=(px(y + 4.0)) {
                (number::percent(row.quality)) "  (" (number::interval(row.low, row.high)) ")"
            }
        }
    }
}
