//! Quality against what it costs: of all strategies by member calls, and of the rules of exit by members per round.

use maud::{Markup, html};

use super::{
    super::{EXIT, FUSE, Report, number},
    axis::Axis,
    figure::{self, Figure, px},
    label::{self, Area},
    role::{Role, legend},
};

pub(super) const WIDTH: f64 = 540.0;
pub(super) const HEIGHT: f64 = 380.0;
pub(super) const EXITS: &str = "Rules of exit, by members per round";
pub(super) const UNBEATEN: &str = "The line joins the rules that no other beats at as many members or fewer.";
const LEFT: f64 = 44.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = HEIGHT - 46.0;
const LETTERS: usize = 28;

struct Point {
    name: String,
    role: Role,
    cost: f64,
    /// In percent.
    quality: f64,
}

/// Nothing without a quality.
pub(super) fn calls(report: &Report) -> Markup {
    let point = |row: &super::super::Row| {
        Some(Point {
            name: row.strategy.clone(),
            role: Role::of(&row.strategy, &row.kind),
            cost: row.cost.calls?,
            quality: row.quality? * 100.0,
        })
    };
    let mut points: Vec<Point> = report.rows.iter().filter_map(point).collect();
    points.sort_by_key(|point| point.role);
    if points.is_empty() {
        return html! {};
    }
    let plot = Plot::new(&points);
    let fused = points.iter().find(|point| point.role == Role::Fused);
    let content = html! {
        @if let Some(fused) = fused { (plot.better_than(fused)) }
        (plot.axes("member calls for an answer"))
        (plot.points(&points))
    };
    let figure = Figure {
        id: "calls",
        title: "All strategies, by member calls",
        description: &described(&points, "member calls"),
        width: WIDTH,
        height: HEIGHT,
    };
    let below = html! {
        (legend(points.iter().map(|point| point.role)))
        @if fused.is_some() { "Shaded: better than " (FUSE) " for no more calls; what they compute is in the table. " }
        "Points without a name have one in the table."
    };
    figure.frame(&content, &below)
}

/// Nothing without a rule of exit to compare with.
pub(super) fn exits(report: &Report) -> Markup {
    let Some(Drawn { content, description, roles }) = drawn_exits(report) else { return html! {} };
    let figure = Figure { id: "exits", title: EXITS, description: &description, width: WIDTH, height: HEIGHT };
    let below = html! { (legend(roles.into_iter())) (UNBEATEN) };
    figure.frame(&content, &below)
}

/// A plot without what is around it, of [`WIDTH`] and [`HEIGHT`].
pub(super) struct Drawn {
    pub(super) content: Markup,
    pub(super) description: String,
    pub(super) roles: Vec<Role>,
}

/// None without a rule of exit to compare with.
pub(super) fn drawn_exits(report: &Report) -> Option<Drawn> {
    let curve = &report.exit_curve;
    if curve.len() < 2 {
        return None;
    }
    let mut points: Vec<Point> = curve
        .iter()
        .map(|point| Point {
            name: point.strategy.strip_prefix(EXIT).unwrap_or(&point.strategy).to_owned(),
            role: Role::in_report(report, &point.strategy),
            cost: point.members_per_round,
            quality: point.quality * 100.0,
        })
        .collect();
    points.sort_by_key(|point| point.role);
    let plot = Plot::new(&points);
    let front: Vec<String> = curve
        .iter()
        .filter(|point| point.efficient)
        .map(|point| {
            format!("{},{}", px(plot.x.place(point.members_per_round)), px(plot.y.place(point.quality * 100.0)))
        })
        .collect();
    let content = html! {
        (plot.axes("members per round"))
        polyline.front points=(front.join(" ")) {}
        (plot.points(&points))
    };
    let roles = points.iter().map(|point| point.role).collect();
    Some(Drawn { content, description: described(&points, "members per round"), roles })
}

struct Plot {
    x: Axis,
    y: Axis,
}

impl Plot {
    fn new(points: &[Point]) -> Self {
        Self {
            x: Axis::around(points.iter().map(|point| point.cost), (0.0, f64::INFINITY), (LEFT, RIGHT)),
            y: Axis::around(points.iter().map(|point| point.quality), (0.0, 100.0), (BOTTOM, TOP)),
        }
    }

    fn axes(&self, title: &str) -> Markup {
        html! {
            (figure::below(&self.x, TOP, BOTTOM, title))
            (figure::left(&self.y, LEFT, RIGHT, "quality, %"))
        }
    }

    fn better_than(&self, point: &Point) -> Markup {
        let (x, y) = (self.x.place(point.cost), self.y.place(point.quality));
        html! { rect.better x=(px(LEFT)) y=(px(TOP)) width=(px(x - LEFT)) height=(px(y - TOP)) {} }
    }

    /// The first are named first and drawn last.
    fn points(&self, points: &[Point]) -> Markup {
        let shown: Vec<String> = points.iter().map(|point| number::shortened(&point.name, LETTERS)).collect();
        let at = |point: &Point| (self.x.place(point.cost), self.y.place(point.quality));
        let names: Vec<_> =
            shown.iter().zip(points).map(|(name, point)| (name.as_str(), at(point).0, at(point).1)).collect();
        let inside = Area { left: LEFT + 2.0, top: TOP - 8.0, right: WIDTH - 2.0, bottom: BOTTOM - 2.0 };
        let places = label::place(&names, inside);
        html! {
            @for ((point, (name, x, y)), place) in points.iter().zip(&names).zip(&places).rev() {
                g class=(point.role.class()) {
                    title { (point.name) ": " (number::percent(Some(point.quality / 100.0))) " %, " (number::decimals(Some(point.cost), 2)) }
                    (point.role.mark(*x, *y))
                    @if let Some((left, baseline)) = place.map(|place| place.start()) {
                        text.name x=(px(left)) y=(px(baseline)) { (name) }
                    }
                }
            }
        }
    }
}

fn described(points: &[Point], cost: &str) -> String {
    let each = points.iter().map(|point| {
        let quality = number::percent(Some(point.quality / 100.0));
        format!("{} {quality} % at {}", point.name, number::decimals(Some(point.cost), 2))
    });
    format!("Quality at {cost}: {}.", each.collect::<Vec<_>>().join(", "))
}
