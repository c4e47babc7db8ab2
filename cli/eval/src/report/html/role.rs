//! What a strategy is in the plots: its colour and its shape, so that neither alone has to tell.

use maud::{Markup, html};

use super::super::{EXIT, FUSE, ORACLE, Report, SINGLE};
use super::figure::px;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Fused,
    Single,
    Oracle,
    Other,
    Exit,
}

impl Role {
    pub(super) fn of(strategy: &str, kind: &str) -> Self {
        match (strategy, kind) {
            (FUSE, _) => Self::Fused,
            (_, SINGLE) => Self::Single,
            (_, ORACLE) => Self::Oracle,
            (name, _) if name.starts_with(EXIT) => Self::Exit,
            _ => Self::Other,
        }
    }

    /// Of the strategy that the report's rows name so.
    pub(super) fn in_report(report: &Report, strategy: &str) -> Self {
        Self::of(strategy, report.row(strategy).map_or("", |row| &row.kind))
    }

    /// The class that sets its colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Fused => "fuse",
            Self::Single => "single",
            Self::Oracle => "oracle",
            Self::Other => "other",
            Self::Exit => "exit",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Fused => "fuse",
            Self::Single => "a member alone",
            Self::Oracle => "oracle: the best member, known afterwards",
            Self::Other => "another strategy",
            Self::Exit => "fuse with another rule of exit",
        }
    }

    /// The shape, inside a group of its class.
    pub(super) fn mark(self, x: f64, y: f64) -> Markup {
        let polygon = |offsets: &[(f64, f64)]| {
            let corners: Vec<String> =
                offsets.iter().map(|(dx, dy)| format!("{},{}", px(x + dx), px(y + dy))).collect();
            html! { polygon.mark points=(corners.join(" ")) {} }
        };
        match self {
            Self::Fused => html! { circle.mark cx=(px(x)) cy=(px(y)) r="6" {} },
            Self::Exit => html! { circle.mark cx=(px(x)) cy=(px(y)) r="4" {} },
            Self::Single => html! { rect.mark x=(px(x - 4.5)) y=(px(y - 4.5)) width="9" height="9" {} },
            Self::Oracle => polygon(&[(0.0, -6.0), (6.0, 5.0), (-6.0, 5.0)]),
            Self::Other => polygon(&[(0.0, -6.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0)]),
        }
    }

    /// The shape alone, for a line of text.
    pub(super) fn sign(self) -> Markup {
        html! { svg viewBox="0 0 12 12" aria-hidden="true" { g class=(self.class()) { (self.mark(6.0, 6.0)) } } }
    }
}

/// What the shapes mean that a plot has.
pub(super) fn legend(roles: impl Iterator<Item = Role>) -> Markup {
    let mut roles: Vec<Role> = roles.collect();
    roles.sort_unstable();
    roles.dedup();
    html! { ul.legend { @for role in roles { li { (role.sign()) (role.meaning()) } } } }
}
