//! Quality against members per round as a picture of its own, for a README: it brings its background and its colours, so that it reads
//! the same on a light page and on a dark one.

use maud::{Markup, PreEscaped, html};

use super::super::Report;
use super::figure::px;
use super::role::Role;
use super::scatter::{Drawn, EXITS, HEIGHT, UNBEATEN, WIDTH, drawn_exits};

const STYLE: &str = include_str!("picture.css");
/// Around the plot.
const MARGIN: f64 = 14.0;
/// Of the title above, and of a line below.
const TITLE: f64 = 20.0;
const LINE: f64 = 18.0;

/// The rules of exit as the text of an SVG file. None without two of them to compare.
pub fn svg(report: &Report) -> Option<String> {
    let Drawn { content, description, mut roles } = drawn_exits(report)?;
    roles.sort_unstable();
    roles.dedup();
    let below = TITLE + HEIGHT;
    let lines = roles.len() as f64 + 1.0;
    let (width, height) = (WIDTH + 2.0 * MARGIN, below + lines * LINE + 2.0 * MARGIN);
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(width)) height=(px(height)) viewBox=(format!("0 0 {} {}", px(width), px(height)))
            role="img" {
            title { (EXITS) }
            desc { (description) }
            style { (PreEscaped(STYLE)) }
            rect.card width=(px(width)) height=(px(height)) rx="8" {}
            g transform=(format!("translate({} {})", px(MARGIN), px(MARGIN))) {
                text.strong x="4" y="14" { (EXITS) }
                g transform=(format!("translate(0 {})", px(TITLE))) { (content) }
                @for (place, role) in roles.iter().enumerate() { (line(*role, below + (place as f64 + 0.5) * LINE)) }
                text.soft x="4" y=(px(below + (lines - 0.5) * LINE + 4.0)) { (UNBEATEN) }
            }
        }
    };
    Some(picture.into_string() + "\n")
}

/// What a shape means.
fn line(role: Role, y: f64) -> Markup {
    html! {
        g class=(role.class()) { (role.mark(10.0, y)) }
        text.soft x="24" y=(px(y + 4.0)) { (role.meaning()) }
    }
}
