//! What every plot has: a frame that says in words what it shows, and axes.

use maud::{Markup, html};

use super::axis::Axis;

/// A plot that would be narrower than three quarters of its size and than this scrolls.
const LEAST: f64 = 560.0;
/// No plot is shown larger than so many times its size.
const MOST: f64 = 1.15;

pub(super) struct Figure<'a> {
    /// Unique on the page; no text of others.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// For who cannot see it.
    pub(super) description: &'a str,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Figure<'_> {
    /// `below`: a legend or a remark.
    pub(super) fn frame(&self, content: &Markup, below: &Markup) -> Markup {
        let (title, description) = (format!("{}-title", self.id), format!("{}-description", self.id));
        let size = format!("--least:{}px;--most:{}px", px((self.width * 0.75).min(LEAST)), px(self.width * MOST));
        html! {
            figure {
                h3 { (self.title) }
                div.scroll {
                    svg.plot style=(size) viewBox=(format!("0 0 {} {}", px(self.width), px(self.height))) role="img"
                        aria-labelledby=(title) aria-describedby=(description) {
                        title id=(title) { (self.title) }
                        desc id=(description) { (self.description) }
                        (content)
                    }
                }
                figcaption { (below) }
            }
        }
    }
}

/// A length in pixels, as short as it needs to be.
pub(super) fn px(length: f64) -> String {
    let written = format!("{length:.1}");
    written.strip_suffix(".0").map_or_else(|| written.clone(), str::to_owned)
}

/// Ticks below and their lines up through the plot.
pub(super) fn below(axis: &Axis, top: f64, bottom: f64, title: &str) -> Markup {
    let ticks = axis.ticks();
    let (first, last) = (ticks.first().map_or(0.0, |tick| tick.0), ticks.last().map_or(0.0, |tick| tick.0));
    html! {
        @for (value, written) in &ticks {
            @let x = px(axis.place(*value));
            line.grid x1=(x) y1=(px(top)) x2=(x) y2=(px(bottom)) {}
            text.soft.middle x=(x) y=(px(bottom + 16.0)) { (written) }
        }
        text.soft.middle x=(px((axis.place(first) + axis.place(last)) / 2.0)) y=(px(bottom + 34.0)) { (title) }
    }
}

/// Ticks on the left and their lines through the plot; the title stands above them.
pub(super) fn left(axis: &Axis, from: f64, to: f64, title: &str) -> Markup {
    let ticks = axis.ticks();
    let top = ticks.last().map_or(0.0, |tick| axis.place(tick.0));
    html! {
        @for (value, written) in &ticks {
            @let y = axis.place(*value);
            line.grid x1=(px(from)) y1=(px(y)) x2=(px(to)) y2=(px(y)) {}
            text.soft.end x=(px(from - 6.0)) y=(px(y + 4.0)) { (written) }
        }
        text.soft x="4" y=(px(top - 14.0)) { (title) }
    }
}
