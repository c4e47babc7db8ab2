//! Quality against cost: what a rule of exit gives for its members per round.

use serde::{Deserialize, Serialize};

use super::{EXIT, FUSE, row::Row};

/// The ensemble, or the same with another rule of exit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub strategy: String,
    pub members_per_round: f64,
    pub quality: f64,
    pub calls: f64,
    /// No other point is as good with fewer members per round, or better with as many.
    pub efficient: bool,
}

/// By members per round.
pub(super) fn exit_curve(rows: &[Row]) -> Vec<CurvePoint> {
    let point = |row: &Row| {
        Some(CurvePoint {
            strategy: row.strategy.clone(),
            members_per_round: row.cost.members_per_round?,
            quality: row.quality?,
            calls: row.cost.calls?,
            efficient: false,
        })
    };
    let own = rows.iter().filter(|row| row.strategy == FUSE || row.strategy.starts_with(EXIT));
    let mut points: Vec<CurvePoint> = own.filter_map(point).collect();
    points.sort_by(|a, b| a.members_per_round.total_cmp(&b.members_per_round).then(b.quality.total_cmp(&a.quality)));
    let mut highest: Option<(f64, f64)> = None;
    for point in &mut points {
        let here = (point.members_per_round, point.quality);
        point.efficient = highest.is_none_or(|highest| here == highest || here.1 > highest.1);
        if point.efficient {
            highest = Some(here);
        }
    }
    points
}
