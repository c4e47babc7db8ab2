//! When members leave, and whether it is those who are wrong that leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Grid, GridRow,
    answers::{ALL, Answers, Evaluation, is_right, kind, quality},
};
use crate::record::Record;

/// Of an exit that the scores decided.
const QUALITY: &str = "quality";
/// Rounds that are counted together: their first and last.
const ROUNDS: [(u32, u32); 11] =
    [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 16), (17, 32), (33, u32::MAX)];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exits {
    pub strategy: String,
    pub by_reason: BTreeMap<String, usize>,
    /// Exits for quality for each answer, by kind of question and round.
    pub by_round: Grid,
    /// None where none left for quality, or no member that did has answered alone.
    pub agreement: Option<Agreement>,
}

/// Members of the strategy's answers, one for each member and question, by their own answer to the same question alone. It is wrong
/// where its quality is below one half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    pub left: usize,
    /// Of those who left for quality, the share who are wrong alone.
    pub left_wrong: f64,
    pub members: usize,
    /// Of all members, the share who are wrong alone: what leaving at random would give.
    pub wrong: f64,
    pub stayed: usize,
    /// Of those who stayed to the end, the share who are right alone; None: nobody stayed.
    pub stayed_right: Option<f64>,
}

impl Exits {
    /// None where nobody left.
    pub(super) fn new(answers: &Answers, evaluation: &Evaluation) -> Option<Self> {
        let mut by_reason = BTreeMap::new();
        for exit in answers.answered().flat_map(|record| &record.exits) {
            *by_reason.entry(exit.reason.clone()).or_default() += 1;
        }
        (!by_reason.is_empty()).then(|| Self {
            strategy: answers.strategy.name.clone(),
            by_reason,
            by_round: by_round(answers, &evaluation.kinds),
            agreement: Agreement::new(answers, evaluation),
        })
    }
}

fn by_round(answers: &Answers, kinds: &[&str]) -> Grid {
    let last = answers.answered().flat_map(|record| &record.exits).map(|exit| exit.round).max().unwrap_or(0);
    let rounds: Vec<(u32, u32)> = ROUNDS.into_iter().filter(|(first, _)| *first <= last).collect();
    let row = |wanted: &str| {
        let records: Vec<_> = answers.answered().filter(|record| wanted == ALL || kind(record) == wanted).collect();
        let exits = |(first, last): &(u32, u32)| {
            let own = records.iter().flat_map(|record| &record.exits);
            own.filter(|exit| exit.reason == QUALITY && (*first..=*last).contains(&exit.round)).count()
        };
        let cell = |rounds| (!records.is_empty()).then(|| exits(rounds) as f64 / records.len() as f64);
        GridRow { name: wanted.to_owned(), cells: rounds.iter().map(cell).collect() }
    };
    let named = |(first, last): &(u32, u32)| match (first, last) {
        (first, last) if first == last => first.to_string(),
        (first, &u32::MAX) => format!("{first}+"),
        (first, last) => format!("{first}–{last}"),
    };
    Grid { columns: rounds.iter().map(named).collect(), rows: kinds.iter().copied().chain([ALL]).map(row).collect() }
}

/// How many, and how many of them are right alone.
#[derive(Default)]
struct Tally {
    members: usize,
    right: usize,
}

impl Tally {
    fn add(&mut self, right: bool) {
        self.members += 1;
        self.right += usize::from(right);
    }

    fn share_right(&self) -> Option<f64> {
        (self.members > 0).then(|| self.right as f64 / self.members as f64)
    }
}

impl Agreement {
    fn new(answers: &Answers, evaluation: &Evaluation) -> Option<Self> {
        let (mut all, mut left, mut stayed) = (Tally::default(), Tally::default(), Tally::default());
        for record in answers.answered() {
            for member in &evaluation.members {
                let alone = evaluation.alone(member, &record.question).and_then(quality);
                let Some(right) = alone.map(is_right) else { continue };
                all.add(right);
                match reason(record, member) {
                    Some(QUALITY) => left.add(right),
                    Some(_) => {}
                    None => stayed.add(right),
                }
            }
        }
        Some(Self {
            left: left.members,
            left_wrong: 1.0 - left.share_right()?,
            members: all.members,
            wrong: 1.0 - all.share_right()?,
            stayed: stayed.members,
            stayed_right: stayed.share_right(),
        })
    }
}

/// Why the member left; None: it stayed.
fn reason<'a>(record: &'a Record, member: &str) -> Option<&'a str> {
    record.exits.iter().find(|exit| exit.member == member).map(|exit| exit.reason.as_str())
}
