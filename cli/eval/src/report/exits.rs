//! When members leave, and whether it is those who are wrong that leave.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Grid, GridRow,
    answers::{ALL, Answers, Evaluation, are_right_or_wrong, kind, quality},
};
use crate::{
    record::{Exit, Record},
    stats::mean,
};

/// Of an exit that the scores decided.
const QUALITY: &str = "quality";
/// Rounds that are counted together: their first and last.
const ROUNDS: [(u32, u32); 11] =
    [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 16), (17, 32), (33, u32::MAX)];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exits {
    pub strategy: String,
    /// Exits of those who did not come back.
    pub by_reason: BTreeMap<String, usize>,
    /// Of these the exits for quality for each answer, by kind of question and round.
    pub by_round: Grid,
    /// None where none left for quality, or no member that did has answered alone.
    pub agreement: Option<Agreement>,
}

/// Members of the strategy's answers, one for each member and question, by the quality of their own answer to the same question alone.
/// Those who took no part, and those whose answer alone failed, are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Every quality is 0 or 1, so that the means are shares of those who are right.
    pub right_or_wrong: bool,
    /// Those who left for quality, and did not come back.
    pub left: usize,
    /// Their mean quality alone.
    pub left_quality: f64,
    pub members: usize,
    /// Of all members: what leaving at random would give.
    pub quality: f64,
    pub stayed: usize,
    /// Of those who were there at the end; None: nobody.
    pub stayed_quality: Option<f64>,
}

impl Exits {
    /// None where nobody left.
    pub(super) fn new(answers: &Answers, evaluation: &Evaluation) -> Option<Self> {
        let mut by_reason = BTreeMap::new();
        for exit in answers.answered().flat_map(last_exits) {
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
    let last = answers.answered().flat_map(last_exits).map(|exit| exit.round).max().unwrap_or(0);
    let rounds: Vec<(u32, u32)> = ROUNDS.into_iter().filter(|(first, _)| *first <= last).collect();
    let row = |wanted: &str| {
        let records: Vec<_> = answers.answered().filter(|record| wanted == ALL || kind(record) == wanted).collect();
        let exits = |(first, last): &(u32, u32)| {
            let own = records.iter().flat_map(|record| last_exits(record));
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

impl Agreement {
    fn new(answers: &Answers, evaluation: &Evaluation) -> Option<Self> {
        let own = members_of(answers);
        let (mut all, mut left, mut stayed) = (Vec::new(), Vec::new(), Vec::new());
        for record in answers.answered() {
            for member in evaluation.members.iter().filter(|member| took_part(record, member, &own)) {
                let Some(alone) = evaluation.alone(member, &record.question).and_then(quality) else { continue };
                all.push(alone);
                match last_exit(record, member).map(|exit| exit.reason.as_str()) {
                    Some(QUALITY) => left.push(alone),
                    Some(_) => {}
                    None => stayed.push(alone),
                }
            }
        }
        Some(Self {
            right_or_wrong: are_right_or_wrong(all.iter().copied()),
            left: left.len(),
            left_quality: mean(&left)?,
            members: all.len(),
            quality: mean(&all)?,
            stayed: stayed.len(),
            stayed_quality: mean(&stayed),
        })
    }
}

/// Members that any of the strategy's answers names.
fn members_of<'a>(answers: &Answers<'a>) -> BTreeSet<&'a str> {
    let named = |record: &'a Record| record.won.keys().chain(record.exits.iter().map(|exit| &exit.member));
    answers.answered().flat_map(named).map(String::as_str).collect()
}

/// As the record tells; where it does not, whoever the strategy has ever asked is taken to be asked in every answer of a round or more.
fn took_part(record: &Record, member: &str, strategys: &BTreeSet<&str>) -> bool {
    if record.took_part.is_empty() {
        record.cost.rounds > 0 && strategys.contains(member)
    } else {
        record.took_part.iter().any(|name| name == member)
    }
}

/// Of those who are not there at the end, one for each member: how and when it left, for the first time since it last came back.
fn last_exits(record: &Record) -> impl Iterator<Item = &Exit> {
    let members: BTreeSet<&str> = record.exits.iter().map(|exit| exit.member.as_str()).collect();
    members.into_iter().filter_map(|member| last_exit(record, member))
}

/// None: the member is there at the end.
fn last_exit<'a>(record: &'a Record, member: &str) -> Option<&'a Exit> {
    let recalls = record.recalled.iter().filter(|recall| recall.member == member);
    let back = recalls.map(|recall| recall.round).max().unwrap_or(0);
    record.exits.iter().find(|exit| exit.member == member && exit.round > back)
}
