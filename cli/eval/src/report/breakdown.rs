//! The same numbers for a part of the questions: by kind, and by how long their fused answers are.

use serde::{Deserialize, Serialize};

use super::{
    FUSE, Grid, GridRow,
    answers::{ALL, Answers, Evaluation, kind, quality},
    row::MeanCost,
};
use crate::{record::Record, stats::mean};

/// Questions whose fused answers are about as long: a third of them, more or less, since equal lengths stay together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthBand {
    /// Rounds of the fused answer, both included.
    pub from: u32,
    pub to: u32,
    pub questions: usize,
    pub strategies: Vec<BandRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandRow {
    pub strategy: String,
    pub quality: Option<f64>,
    pub members_per_round: Option<f64>,
    pub tokens_s: Option<f64>,
}

pub(super) fn by_kind(all: &[&Answers], kinds: &[&str]) -> Grid {
    let row = |answers: &&Answers| {
        let of_kind = |wanted: &&str| {
            let own = answers.by_question.values().filter(|record| kind(record) == *wanted);
            mean(&own.filter_map(|record| quality(record)).collect::<Vec<_>>())
        };
        let mut cells: Vec<_> = kinds.iter().map(of_kind).collect();
        cells.push(mean(&answers.qualities()));
        GridRow { name: answers.strategy.name.clone(), cells }
    };
    let columns = kinds.iter().copied().chain([ALL]).map(str::to_owned).collect();
    Grid { columns, rows: all.iter().map(row).collect() }
}

/// Empty without fused answers.
pub(super) fn by_length(evaluation: &Evaluation) -> Vec<LengthBand> {
    let Some(fused) = evaluation.named(FUSE) else { return Vec::new() };
    let rounds = |record: &Record| record.cost.rounds;
    let mut lengths: Vec<u32> = fused.answered().map(rounds).filter(|rounds| *rounds > 0).collect();
    lengths.sort_unstable();
    let third = |number: usize| lengths.get((lengths.len() * number).div_ceil(3).saturating_sub(1)).copied();
    let mut ends: Vec<u32> = [1, 2, 3].into_iter().filter_map(third).collect();
    ends.dedup();
    let mut after = 0;
    let mut bands = Vec::new();
    for to in ends {
        let inside = |record: &&Record| (after + 1..=to).contains(&rounds(record));
        let from = fused.answered().filter(inside).map(rounds).min().unwrap_or(to);
        let questions: Vec<&str> = fused.answered().filter(inside).map(|record| record.question.as_str()).collect();
        let strategies = evaluation.strategies.iter().map(|answers| band_row(answers, &questions)).collect();
        bands.push(LengthBand { from, to, questions: questions.len(), strategies });
        after = to;
    }
    bands
}

fn band_row(answers: &Answers, questions: &[&str]) -> BandRow {
    let records: Vec<&Record> =
        questions.iter().filter_map(|question| answers.by_question.get(question).copied()).collect();
    let answered: Vec<&Record> = records.iter().copied().filter(|record| record.error.is_none()).collect();
    let cost = MeanCost::new(&answered);
    BandRow {
        strategy: answers.strategy.name.clone(),
        quality: mean(&records.iter().filter_map(|record| quality(record)).collect::<Vec<_>>()),
        members_per_round: cost.members_per_round,
        tokens_s: cost.tokens_s,
    }
}
