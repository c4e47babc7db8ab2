//! Quality against cost: what a rule of exit gives for its members per round, and who answers better for less than the ensemble.

use serde::{Deserialize, Serialize};

use super::{EXIT, FUSE, answers::Evaluation, row::Row, versus::Versus};

/// Means nearer than this are equal.
const EQUAL: f64 = 1e-9;

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

/// A strategy that answers better than the ensemble and asks no more for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dominating {
    pub strategy: String,
    /// Its quality less the ensemble's, over the questions that both have.
    pub better_by: f64,
    /// The ensemble's mean member calls for an answer less its own: 0 or more.
    pub calls_saved: f64,
    /// That the difference in quality is nothing: of McNemar's test, or the bootstrap's where qualities are not 0 or 1.
    pub p: Option<f64>,
}

pub(super) fn dominating(evaluation: &Evaluation, rows: &[Row], seed: u64) -> Vec<Dominating> {
    let calls = |name: &str| rows.iter().find(|row| row.strategy == name).and_then(|row| row.cost.calls);
    let Some((fused, fused_calls)) = evaluation.named(FUSE).zip(calls(FUSE)) else { return Vec::new() };
    let others = evaluation.strategies.iter().filter(|answers| answers.strategy.name != FUSE);
    let found = others.filter_map(|answers| {
        let calls_saved = fused_calls - calls(&answers.strategy.name)?;
        let versus = Versus::new(answers, fused, seed);
        let better_by = versus.difference?;
        (better_by > EQUAL && calls_saved >= -EQUAL).then(|| Dominating {
            strategy: answers.strategy.name.clone(),
            better_by,
            calls_saved: calls_saved.max(0.0),
            p: versus.p_vs_best_single,
        })
    });
    found.collect()
}
