//! A grid of numbers as a table whose cells are the darker the larger they are: readable without the colours.

use maud::{Markup, html};

use super::super::{Grid, number};

pub(super) fn percent(share: f64) -> String {
    number::percent(Some(share))
}

pub(super) fn count(count: f64) -> String {
    number::decimals(Some(count), 2)
}

/// The darkest cell has the largest number.
pub(super) fn table(caption: &str, grid: &Grid, written: fn(f64) -> String) -> Markup {
    let largest =
        grid.rows.iter().flat_map(|row| &row.cells).flatten().fold(0.0, |largest: f64, cell| largest.max(*cell));
    let share = |value: f64| if largest > 0.0 { (value / largest).clamp(0.0, 1.0) } else { 0.0 };
    html! {
        div.scroll {
            table.heat {
                caption { (caption) }
                thead { tr { th scope="col" {} @for column in &grid.columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            th scope="row" { (row.name) }
                            @for cell in &row.cells {
                                @match cell {
                                    Some(value) => td style=(format!("--share:{:.3}", share(*value))) { (written(*value)) },
                                    None => td style="--share:0" { (number::NONE) },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
