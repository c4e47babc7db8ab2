//! Which answers are compared, and what follows from the verdicts.

use std::collections::BTreeMap;

use specfuse_eval::{question::Question, record::Record};

use super::verdict::{self, Verdict};
use crate::eval::digest::Digest;

/// Two answers to one question: a strategy's and the baseline's.
#[derive(Debug)]
pub(super) struct Bout<'a> {
    question: &'a str,
    strategy: &'a str,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// Nobody need be asked: one failed or both did, or they are alike. What is given to the strategy's.
    Known(f64),
    /// In both orders.
    Judged([Comparison; 2]),
}

/// What the judge is asked once.
#[derive(Debug)]
pub(super) struct Comparison {
    /// The strategy's answer is shown first.
    pub(super) first: bool,
    pub(super) asked: String,
    /// Of all that the judge reads.
    pub(super) digest: String,
}

/// Of every strategy but the baseline, where both have been asked.
pub(super) fn bouts<'a>(
    questions: &'a [Question],
    records: &'a [Record],
    baseline: &str,
    model: &str,
) -> Vec<Bout<'a>> {
    let questions: BTreeMap<&str, &Question> = questions.iter().map(|it| (it.id.as_str(), it)).collect();
    let against: BTreeMap<&str, &Record> = records
        .iter()
        .filter(|record| record.strategy == baseline)
        .map(|record| (record.question.as_str(), record))
        .collect();
    let bout = |record: &'a Record| {
        let question = *questions.get(record.question.as_str())?;
        let against = *against.get(record.question.as_str())?;
        let outcome = match (&record.error, &against.error) {
            (None, Some(_)) => Outcome::Known(1.0),
            (Some(_), None) => Outcome::Known(0.0),
            (Some(_), Some(_)) => Outcome::Known(0.5),
            (None, None) if record.text == against.text => Outcome::Known(0.5),
            (None, None) => {
                Outcome::Judged([true, false].map(|first| Comparison::new(question, (record, against), first, model)))
            }
        };
        Some(Bout { question: &record.question, strategy: &record.strategy, outcome })
    };
    records.iter().filter(|record| record.strategy != baseline).filter_map(bout).collect()
}

impl Comparison {
    fn new(question: &Question, (answer, against): (&Record, &Record), first: bool, model: &str) -> Self {
        let (a, b) = if first { (answer, against) } else { (against, answer) };
        let asked = verdict::asked(question, &a.text, &b.text);
        let mut digest = Digest::new();
        [model, verdict::SYSTEM, &asked].iter().for_each(|part| digest.part(part.as_bytes()));
        Self { first, asked, digest: digest.hex() }
    }
}

impl Bout<'_> {
    pub(super) fn key(&self) -> (String, String) {
        (self.question.to_owned(), self.strategy.to_owned())
    }

    /// Empty where nobody need be asked.
    pub(super) fn comparisons(&self) -> std::slice::Iter<'_, Comparison> {
        match &self.outcome {
            Outcome::Known(_) => [].iter(),
            Outcome::Judged(comparisons) => comparisons.iter(),
        }
    }

    /// 1: better in both orders; 0: worse in both. None: not all is known.
    pub(super) fn quality(&self, known: &BTreeMap<String, Verdict>) -> Option<f64> {
        let [before, after] = match &self.outcome {
            Outcome::Known(quality) => return Some(*quality),
            Outcome::Judged([before, after]) => [known.get(&before.digest)?, known.get(&after.digest)?],
        };
        Some(f64::midpoint(before.first_share(), 1.0 - after.first_share()))
    }
}
