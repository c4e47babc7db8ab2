//! Whose segments an answer is made of, by kind of question.

use serde::{Deserialize, Serialize};

use super::{
    Grid, GridRow, SINGLE,
    answers::{ALL, Answers, Evaluation, kind},
};
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wins {
    pub strategy: String,
    pub segments: u64,
    /// Of the segments of a kind, the share that each member won.
    pub shares: Grid,
}

impl Wins {
    /// None where nobody won anything, and of a member alone.
    pub(super) fn new(answers: &Answers, evaluation: &Evaluation) -> Option<Self> {
        let count = |wanted: &str, member: Option<&str>| -> u64 {
            let records = answers.by_question.values().filter(|record| wanted == ALL || kind(record) == wanted);
            records.map(|record| won(record, member)).sum()
        };
        let segments = count(ALL, None);
        if segments == 0 || answers.strategy.kind == SINGLE {
            return None;
        }
        let columns: Vec<&str> = evaluation.kinds.iter().copied().chain([ALL]).collect();
        let share = |kind: &&str, member: &str| {
            let of = count(kind, None);
            (of > 0).then(|| count(kind, Some(member)) as f64 / of as f64)
        };
        let row = |member: &&str| GridRow {
            name: (*member).to_owned(),
            cells: columns.iter().map(|kind| share(kind, member)).collect(),
        };
        let rows = evaluation.members.iter().map(row).collect();
        let columns = columns.iter().map(|kind| (*kind).to_owned()).collect();
        Some(Self { strategy: answers.strategy.name.clone(), segments, shares: Grid { columns, rows } })
    }
}

/// Segments that the member won, or anybody.
fn won(record: &Record, member: Option<&str>) -> u64 {
    let counted = record.won.iter().filter(|(name, _)| member.is_none_or(|member| member == *name));
    counted.map(|(_, segments)| u64::from(*segments)).sum()
}
