//! Every question to every strategy: strategies one after another, so that times are of one strategy, its questions at the same time.

use futures::{StreamExt, stream};
use specfuse_eval::{
    question::{Measure, Message, Prompt, Question},
    report::Strategy,
};

use super::{asking::Asker, bar::Bar, lines::LinesError, store::Store};
use crate::stream::StreamError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Lines(#[from] LinesError),
}

/// What is asked, of whom, and how many at the same time.
#[derive(Debug)]
pub(super) struct Sweep<'a> {
    pub(super) asker: &'a Asker,
    pub(super) questions: &'a [Question],
    pub(super) strategies: &'a [Strategy],
    pub(super) concurrency: usize,
}

impl Sweep<'_> {
    /// Asks what the store has no answer to. Cancel safe: what is in the store stays.
    pub(super) async fn run(&self, store: &mut Store) -> Result<(), SweepError> {
        for (at, strategy) in self.strategies.iter().enumerate() {
            let unanswered = |question: &&Question| !store.is_answered(&question.id, &strategy.name);
            let pending: Vec<&Question> = self.questions.iter().filter(unanswered).collect();
            if pending.is_empty() {
                continue;
            }
            let name = format!("[{}/{}] {}", at + 1, self.strategies.len(), strategy.name);
            let mut bar = Bar::new(&name, self.questions.len() - pending.len(), self.questions.len());
            // Nobody's times are those of cold processes.
            self.asker.ask(&warm_up(pending.first().map(|question| &question.prompt)), &strategy.name).await?;
            let asked = pending.into_iter().map(|question| self.asker.ask(question, &strategy.name));
            let mut answers = stream::iter(asked).buffer_unordered(self.concurrency);
            while let Some(record) = answers.next().await {
                let record = record?;
                bar.one(record.error.is_some());
                store.add(record)?;
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

/// Of the set's form but none of it, so that no cache holds an answer's beginning.
fn warm_up(like: Option<&Prompt>) -> Question {
    let text = "How many days are there in a week?".to_owned();
    let prompt = match like {
        Some(Prompt::Raw(_)) => Prompt::Raw(text),
        Some(Prompt::Conversation(_)) | None => {
            Prompt::Conversation(vec![Message { role: "user".to_owned(), content: text }])
        }
    };
    Question { id: String::new(), kind: String::new(), prompt, measure: Measure::Open }
}
