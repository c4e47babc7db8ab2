//! What an evaluation found: every number of it as one value, made from the records alone. The same records, in any order, and the same
//! seed make the same report. It is written as `report.json` as it is; [`terminal`], [`markdown`] and [`html`] show it to people.
//!
//! An answer that failed has quality 0. An answer that no judge has seen has none, is left out of every mean of qualities, and is counted.
//! Two strategies are compared over the questions for which both have a quality.

mod answers;
mod breakdown;
mod curve;
mod exits;
mod findings;
mod gate;
mod html;
mod number;
mod oracle;
mod rival;
mod row;
mod table;
mod versus;
mod wins;

pub use breakdown::{BandRow, LengthBand};
pub use curve::CurvePoint;
pub use exits::{Agreement, Exits};
pub use gate::{Bound, Gate};
pub use html::{html, svg};
pub use oracle::Gain;
pub use rival::{Rival, Sides};
pub use row::{MeanCost, Row};
pub use table::{markdown, terminal};
pub use versus::Versus;
pub use wins::Wins;

use serde::{Deserialize, Serialize};

use crate::{record::Record, stats::bootstrap::RESAMPLES};
use answers::{Answers, Evaluation};

/// The name of the ensemble's own strategy.
pub const FUSE: &str = "fuse";
/// The kind of a strategy that asks one member alone. It is named "single/MEMBER".
pub const SINGLE: &str = "single";
/// The name and kind of the row that knows afterwards whom to ask. No strategy has it.
pub const ORACLE: &str = "oracle";
/// What the names of strategies begin with that differ from [`FUSE`] in who leaves when.
pub const EXIT: &str = "exit/";

/// A way to answer, as its records name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strategy {
    pub name: String,
    /// "fuse", [`SINGLE`], or another.
    pub kind: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub seed: u64,
    /// Of every bootstrap.
    pub resamples: usize,
    /// Different questions in the records.
    pub questions: usize,
    /// The strategy of kind [`SINGLE`] with the highest quality; of equals the first. It is chosen by these same questions, which
    /// favours it in every comparison.
    pub best_single: Option<String>,
    /// In the order of the strategies; last the oracle's, which has no costs: nobody can ask it.
    pub rows: Vec<Row>,
    /// What is worth saying, as sentences.
    pub findings: Vec<String>,
    /// Strategies that answer better than [`FUSE`] with no more member calls and no more computed tokens.
    pub dominating: Vec<Rival>,
    /// Strategies that answer better than [`FUSE`], more than by chance, with fewer of the one and more of the other.
    pub trading: Vec<Rival>,
    /// Quality by strategy and kind of question.
    pub by_kind: Grid,
    pub by_length: Vec<LengthBand>,
    /// Of every strategy in which members win segments.
    pub wins: Vec<Wins>,
    /// Of every strategy in which members leave.
    pub exits: Vec<Exits>,
    /// Of every strategy whose scored rounds had a leader.
    pub gates: Vec<Gate>,
    /// [`FUSE`] and its variants of exit, by members per round.
    pub exit_curve: Vec<CurvePoint>,
}

/// Numbers by two names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    pub columns: Vec<String>,
    pub rows: Vec<GridRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridRow {
    pub name: String,
    /// One for each column; None: there is nothing to count.
    pub cells: Vec<Option<f64>>,
}

impl Report {
    /// Records of strategies that are not listed are not looked at. Of several records of one strategy and question the last counts.
    pub fn build(strategies: &[Strategy], records: &[Record], seed: u64) -> Report {
        let evaluation = Evaluation::new(strategies, records);
        let best = evaluation.best_single();
        let oracle_strategy = Strategy { name: ORACLE.to_owned(), kind: ORACLE.to_owned() };
        let oracle = oracle::oracle(&evaluation, &oracle_strategy);
        let all: Vec<&Answers> = evaluation.strategies.iter().chain(&oracle).collect();
        let mut report = Report {
            seed,
            resamples: RESAMPLES,
            questions: evaluation.questions(),
            best_single: best.map(|best| best.strategy.name.clone()),
            rows: all.iter().map(|answers| Row::new(answers, best, oracle.as_ref(), seed)).collect(),
            findings: Vec::new(),
            dominating: Vec::new(),
            trading: Vec::new(),
            by_kind: breakdown::by_kind(&all, &evaluation.kinds),
            by_length: breakdown::by_length(&evaluation),
            wins: evaluation.strategies.iter().filter_map(|answers| Wins::new(answers, &evaluation)).collect(),
            exits: evaluation.strategies.iter().filter_map(|answers| Exits::new(answers, &evaluation)).collect(),
            gates: evaluation.strategies.iter().filter_map(Gate::new).collect(),
            exit_curve: Vec::new(),
        };
        let rivals = rival::rivals(&evaluation, seed);
        report.dominating = rivals.iter().filter(|rival| rival.dominates()).cloned().collect();
        report.trading = rivals.into_iter().filter(Rival::trades).collect();
        report.exit_curve = curve::exit_curve(&report.rows);
        report.findings = findings::findings(&report);
        report
    }

    pub fn row(&self, strategy: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.strategy == strategy)
    }
}

#[cfg(test)]
mod tests;
