//! Tokens per second by the length of the answer: a course for each strategy, named at its end.

use maud::{Markup, html};

use super::{
    super::{EXIT, LengthBand, Report, number},
    axis::Axis,
    figure::{self, Figure, px},
    role::{Role, legend},
};

const WIDTH: f64 = 940.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = WIDTH - 200.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = HEIGHT - 46.0;
/// Between the names at the right.
const APART: f64 = 15.0;
/// More names than this have no room.
const COURSES: usize = 16;
const LETTERS: usize = 26;

struct Course {
    name: String,
    role: Role,
    /// One for each band that has a speed.
    places: Vec<(f64, f64)>,
}

/// Of all but the rules of exit: those are in the table.
pub(super) fn by_length(report: &Report) -> Markup {
    let bands = &report.by_length;
    let speeds = bands.iter().flat_map(|band| &band.strategies).filter(|row| !row.strategy.starts_with(EXIT));
    let y = Axis::around(speeds.filter_map(|row| row.tokens_s).chain([0.0]), (0.0, f64::INFINITY), (BOTTOM, TOP));
    let courses = courses(report, &y);
    let ends: Vec<f64> = courses.iter().map(|course| course.places.last().map_or(BOTTOM, |place| place.1)).collect();
    let content = html! {
        (figure::left(&y, LEFT, RIGHT, "tokens/s"))
        @for (number, band) in bands.iter().enumerate() {
            text.soft.middle x=(px(column(number, bands.len()))) y=(px(BOTTOM + 18.0)) { (title(band)) }
        }
        text.soft.middle x=(px((LEFT + RIGHT) / 2.0)) y=(px(BOTTOM + 36.0)) { "rounds of the fused answer" }
        @for (course, end) in courses.iter().zip(spread(&ends)).rev() { (drawn(course, end)) }
    };
    let figure = Figure {
        id: "speed",
        title: "Tokens per second by length of the answer",
        description: "The median speed of every strategy in each band of lengths; the table below has the numbers.",
        width: WIDTH,
        height: HEIGHT,
    };
    figure.frame(&content, &legend(courses.iter().map(|course| course.role)))
}

/// "4–7"
pub(super) fn title(band: &LengthBand) -> String {
    if band.from == band.to { band.from.to_string() } else { format!("{}–{}", band.from, band.to) }
}

/// The middle of a band.
fn column(number: usize, bands: usize) -> f64 {
    LEFT + (RIGHT - LEFT) * (number as f64 + 0.5) / bands.max(1) as f64
}

fn courses(report: &Report, y: &Axis) -> Vec<Course> {
    let bands = &report.by_length;
    let names = report.rows.iter().filter(|row| !row.strategy.starts_with(EXIT));
    let course = |row: &super::super::Row| {
        let place = |(number, band): (usize, &LengthBand)| {
            let speed = band.strategies.iter().find(|own| own.strategy == row.strategy)?.tokens_s?;
            Some((column(number, bands.len()), y.place(speed)))
        };
        let places: Vec<_> = bands.iter().enumerate().filter_map(place).collect();
        let role = Role::of(&row.strategy, &row.kind);
        (!places.is_empty()).then(|| Course { name: row.strategy.clone(), role, places })
    };
    let mut courses: Vec<Course> = names.filter_map(course).collect();
    courses.sort_by_key(|course| course.role);
    courses.truncate(COURSES);
    courses
}

fn drawn(course: &Course, name_at: f64) -> Markup {
    let corners: Vec<String> = course.places.iter().map(|(x, y)| format!("{},{}", px(*x), px(*y))).collect();
    let end = course.places.last().copied().unwrap_or((RIGHT, name_at));
    let x = RIGHT - 20.0;
    html! {
        g class=(course.role.class()) {
            title { (course.name) }
            polyline.stroke.course points=(corners.join(" ")) {}
            @for (x, y) in &course.places { (course.role.mark(*x, *y)) }
            line.stroke.reference x1=(px(end.0 + 8.0)) y1=(px(end.1)) x2=(px(x)) y2=(px(name_at)) opacity="0.4" {}
            text.name x=(px(x + 4.0)) y=(px(name_at + 4.0)) { (number::shortened(&course.name, LETTERS)) }
        }
    }
}

/// Each as near to where it was as it can be, in the same order and [`APART`].
fn spread(wanted: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let at = |number: &usize| wanted.get(*number).copied().unwrap_or_default();
    order.sort_by(|a, b| at(a).total_cmp(&at(b)));
    let lowest = BOTTOM - APART * order.len().saturating_sub(1) as f64;
    let mut places = vec![0.0; wanted.len()];
    let mut next = f64::NEG_INFINITY;
    for (rank, number) in order.iter().enumerate() {
        let place = at(number).min(lowest + APART * rank as f64).max(next);
        if let Some(own) = places.get_mut(*number) {
            *own = place;
        }
        next = place + APART;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_keep_their_order_and_their_distance(wanted in proptest::collection::vec(TOP..BOTTOM, 0..=COURSES)) {
            let places = spread(&wanted);
            let mut pairs: Vec<(f64, f64)> = wanted.iter().copied().zip(places).collect();
            pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            for pair in pairs.windows(2) {
                prop_assert!(pair[1].1 - pair[0].1 >= APART - 1e-9, "{pairs:?}");
            }
            prop_assert!(pairs.iter().all(|(_, place)| (0.0..=BOTTOM + 1e-9).contains(place)), "{pairs:?}");
        }
    }
}
