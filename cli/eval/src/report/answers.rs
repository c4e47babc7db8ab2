//! The records, by strategy and question.

use std::collections::{BTreeMap, BTreeSet};

use super::{SINGLE, Strategy};
use crate::{record::Record, stats};

/// The column and row that hold all of them together.
pub(super) const ALL: &str = "all";
const UNNAMED: &str = "unnamed";

pub(super) struct Evaluation<'a> {
    pub(super) strategies: Vec<Answers<'a>>,
    /// In the order of the members' own strategies; after them those that only won or left.
    pub(super) members: Vec<&'a str>,
    pub(super) kinds: Vec<&'a str>,
}

/// What one strategy answered.
pub(super) struct Answers<'a> {
    pub(super) strategy: &'a Strategy,
    pub(super) by_question: BTreeMap<&'a str, &'a Record>,
}

/// None: nobody has judged it.
pub(super) fn quality(record: &Record) -> Option<f64> {
    if record.error.is_some() { Some(0.0) } else { record.quality.filter(|quality| quality.is_finite()) }
}

/// Whether there is nothing between right and wrong: only then is an answer called either.
pub(super) fn are_right_or_wrong(qualities: impl IntoIterator<Item = f64>) -> bool {
    qualities.into_iter().all(|quality| quality == 0.0 || quality == 1.0)
}

pub(super) fn is_right(quality: f64) -> bool {
    quality == 1.0
}

pub(super) fn kind(record: &Record) -> &str {
    if record.kind.is_empty() { UNNAMED } else { &record.kind }
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(strategies: &'a [Strategy], records: &'a [Record]) -> Self {
        let strategies: Vec<_> = strategies.iter().map(|strategy| Answers::new(strategy, records)).collect();
        let all = || strategies.iter().flat_map(|answers| answers.by_question.values().copied());
        let kinds: BTreeSet<_> = all().map(kind).collect();
        let seen: BTreeSet<_> = all()
            .flat_map(|record| record.won.keys().chain(record.exits.iter().map(|exit| &exit.member)))
            .map(String::as_str)
            .collect();
        let mut members: Vec<_> = strategies.iter().filter_map(Answers::member).collect();
        members
            .extend(seen.into_iter().filter(|name| !strategies.iter().any(|answers| answers.member() == Some(name))));
        let kinds = kinds.into_iter().collect();
        Self { strategies, members, kinds }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Answers<'a>> {
        self.strategies.iter().find(|answers| answers.strategy.name == name)
    }

    /// Members alone that have answered anything.
    pub(super) fn singles(&self) -> impl Iterator<Item = &Answers<'a>> {
        self.strategies.iter().filter(|answers| answers.member().is_some() && !answers.by_question.is_empty())
    }

    pub(super) fn best_single(&self) -> Option<&Answers<'a>> {
        let mut best: Option<(&Answers, f64)> = None;
        for single in self.singles() {
            let Some(quality) = stats::mean(&single.qualities()) else { continue };
            if best.is_none_or(|(_, highest)| quality > highest) {
                best = Some((single, quality));
            }
        }
        best.map(|(single, _)| single)
    }

    /// What the member answers to the question when it is asked alone, unless it failed.
    pub(super) fn alone(&self, member: &str, question: &str) -> Option<&'a Record> {
        let single = self.strategies.iter().find(|answers| answers.member() == Some(member))?;
        single.by_question.get(question).copied().filter(|record| record.error.is_none())
    }

    pub(super) fn questions(&self) -> usize {
        self.strategies.iter().flat_map(|answers| answers.by_question.keys()).collect::<BTreeSet<_>>().len()
    }
}

impl<'a> Answers<'a> {
    fn new(strategy: &'a Strategy, records: &'a [Record]) -> Self {
        let own = records.iter().filter(|record| record.strategy == strategy.name);
        Self { strategy, by_question: own.map(|record| (record.question.as_str(), record)).collect() }
    }

    /// Whom this strategy asks alone.
    pub(super) fn member(&self) -> Option<&'a str> {
        if self.strategy.kind != SINGLE {
            return None;
        }
        let name = self.strategy.name.as_str();
        Some(name.split_once('/').map_or(name, |(_, member)| member))
    }

    pub(super) fn qualities(&self) -> Vec<f64> {
        self.by_question.values().filter_map(|record| quality(record)).collect()
    }

    /// Without those that failed.
    pub(super) fn answered(&self) -> impl Iterator<Item = &'a Record> {
        self.by_question.values().copied().filter(|record| record.error.is_none())
    }

    /// Records of both that did not fail, and have a quality, by question.
    pub(super) fn both_answered(&self, other: &Answers<'a>) -> Vec<(&'a Record, &'a Record)> {
        let answered = |record: &Record| record.error.is_none() && quality(record).is_some();
        let pair = |(question, record): (&&str, &&'a Record)| Some((*record, *other.by_question.get(question)?));
        let pairs = self.by_question.iter().filter_map(pair);
        pairs.filter(|(own, other)| answered(own) && answered(other)).collect()
    }

    /// Qualities of both, by question.
    pub(super) fn paired(&self, other: &Answers) -> Vec<(f64, f64)> {
        let pair = |(question, record): (&&str, &&Record)| {
            Some((quality(record)?, quality(other.by_question.get(question)?)?))
        };
        self.by_question.iter().filter_map(pair).collect()
    }
}
