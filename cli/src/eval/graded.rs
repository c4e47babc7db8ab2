//! What the answers are worth: graded anew from their texts, so that a metric that was mended counts, and apart where qualities of
//! different kinds have no mean in common.

use std::collections::BTreeMap;

use specfuse_eval::{
    metric,
    question::{Measure, Question},
    record::Record,
    report::Strategy,
};

use super::store::Store;

/// What a quality is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scale {
    /// Right or wrong.
    Right,
    /// How near the answer is to a reference.
    Near,
    /// What a judge says.
    Judged,
}

impl Scale {
    pub(super) fn of(question: &Question) -> Self {
        match question.measure {
            Measure::Exact { .. } | Measure::Choice { .. } | Measure::Instructions(_) => Self::Right,
            Measure::Reference { .. } => Self::Near,
            Measure::Open => Self::Judged,
        }
    }

    /// Part of the names of files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Near => "reference",
            Self::Judged => "judged",
        }
    }

    pub(super) fn said(self) -> &'static str {
        match self {
            Self::Right => "questions whose answers are right or wrong",
            Self::Near => "questions with references",
            Self::Judged => "questions that only a judge can tell about",
        }
    }
}

/// Of every strategy and question, as far as there are any.
pub(super) fn records(questions: &[Question], strategies: &[Strategy], store: &Store) -> Vec<Record> {
    let stored = strategies.iter().flat_map(|strategy| {
        questions.iter().filter_map(|question| Some((question, store.get(&question.id, &strategy.name)?)))
    });
    stored.map(|(question, record)| graded(question, record.clone())).collect()
}

fn graded(question: &Question, mut record: Record) -> Record {
    if record.error.is_none() {
        let grade = metric::grade(&question.measure, &record.text);
        (record.quality, record.measures) = (grade.quality, grade.measures);
    }
    record
}

/// Records by what their qualities are; at least one part where there is a record.
pub(super) fn parts(questions: &[Question], records: &[Record]) -> BTreeMap<Scale, Vec<Record>> {
    let scales: BTreeMap<&str, Scale> = questions.iter().map(|it| (it.id.as_str(), Scale::of(it))).collect();
    let mut parts: BTreeMap<Scale, Vec<Record>> = BTreeMap::new();
    for record in records {
        if let Some(scale) = scales.get(record.question.as_str()) {
            parts.entry(*scale).or_default().push(record.clone());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use specfuse_eval::question::Prompt;

    use super::*;

    fn question(id: &str, measure: Measure) -> Question {
        Question {
            id: id.to_owned(),
            kind: String::new(),
            prompt: Prompt::Raw("q".to_owned()),
            measure,
            reference: None,
        }
    }

    fn record(question: &str) -> Record {
        Record {
            question: question.to_owned(),
            strategy: "fuse".to_owned(),
            text: "The answer is 4.".to_owned(),
            quality: Some(0.0),
            measures: BTreeMap::from([("old".to_owned(), 0.0)]),
            ..Record::default()
        }
    }

    #[test]
    fn a_grade_is_that_of_the_text_now() {
        let question = question("1", Measure::Exact { answer: "4".to_owned() });
        let graded = graded(&question, record("1"));
        assert_eq!((graded.quality, graded.measures), (Some(1.0), BTreeMap::from([("exact".to_owned(), 1.0)])));
    }

    #[test]
    fn qualities_of_different_kinds_are_apart() {
        let questions = [
            question("1", Measure::Open),
            question("2", Measure::Exact { answer: "4".to_owned() }),
            question("3", Measure::Reference { texts: vec!["four".to_owned()] }),
        ];
        let parts = parts(&questions, &["1", "2", "3"].map(record));
        let ids = |scale| parts[&scale].iter().map(|record| record.question.as_str()).collect::<Vec<_>>();
        assert_eq!((ids(Scale::Right), ids(Scale::Near), ids(Scale::Judged)), (vec!["2"], vec!["3"], vec!["1"]));
    }
}
