//! Every question to every strategy: strategies one after another, so that times are of one strategy, its questions at the same time.

use futures::{StreamExt, stream};
use specfuse_eval::{question::Question, report::Strategy};

use super::{
    asking::Asker,
    bar::Bar,
    lines::LinesError,
    store::{Store, StoreError},
};
use crate::stream::StreamError;

/// Of so many answers of a strategy that fail one after another, the next would too.
const HOPELESS: usize = 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no strategy takes these questions: {0}")]
    Refused(String),
    #[error(
        "{HOPELESS} answers of {strategy} failed one after another, the last one so: {error}; those before are kept"
    )]
    Hopeless { strategy: String, error: String },
}

/// What is asked, of whom, and how many at the same time.
#[derive(Debug)]
pub(super) struct Sweep<'a> {
    pub(super) questions: &'a [Question],
    pub(super) strategies: &'a [Strategy],
    pub(super) concurrency: usize,
}

impl Sweep<'_> {
    /// Asks what the store has no answer to. Cancel safe: what is in the store stays.
    pub(super) async fn run(&self, asker: &Asker, store: &mut Store) -> Result<(), SweepError> {
        for (at, strategy) in self.strategies.iter().enumerate() {
            let unanswered = |question: &&Question| !store.is_answered(&question.id, &strategy.name);
            let pending: Vec<&Question> = self.questions.iter().filter(unanswered).collect();
            if pending.is_empty() {
                continue;
            }
            let name = format!("[{}/{}] {}", at + 1, self.strategies.len(), strategy.name);
            let mut bar = Bar::new(&name, self.questions.len() - pending.len(), self.questions.len());
            let asked = pending.into_iter().map(|question| asker.ask(question, &strategy.name));
            let mut answers = stream::iter(asked).buffer_unordered(self.concurrency);
            let mut failures = Failures::default();
            while let Some(record) = answers.next().await {
                let record = record?;
                bar.one(record.error.is_some());
                let hopeless = failures.are_hopeless(record.error.as_deref());
                store.add(record)?;
                if let Some(error) = hopeless {
                    return Err(SweepError::Hopeless { strategy: strategy.name.clone(), error });
                }
            }
        }
        Ok(())
    }

    /// Answers that are there, and those that there shall be.
    pub(super) fn progress(&self, store: &Store) -> (usize, usize) {
        let answered = |strategy: &Strategy| {
            self.questions.iter().filter(|question| store.is_answered(&question.id, &strategy.name)).count()
        };
        (self.strategies.iter().map(answered).sum(), self.questions.len() * self.strategies.len())
    }
}

/// Those since the last answer.
#[derive(Debug, Default)]
struct Failures(usize);

impl Failures {
    /// With the next outcome: the error, where it is one too many.
    fn are_hopeless(&mut self, error: Option<&str>) -> Option<String> {
        self.0 = if error.is_some() { self.0 + 1 } else { 0 };
        error.filter(|_| self.0 >= HOPELESS).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_one_after_another_end_it_and_an_answer_between_does_not() {
        let mut failures = Failures::default();
        for _ in 0..3 {
            assert!((1..HOPELESS).all(|_| failures.are_hopeless(Some("late")).is_none()));
            assert_eq!(failures.are_hopeless(None), None);
        }
        assert!((1..HOPELESS).all(|_| failures.are_hopeless(Some("late")).is_none()));
        assert_eq!(failures.are_hopeless(Some("gone")).as_deref(), Some("gone"));
    }
}
