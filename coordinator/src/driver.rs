//! Performs an answer's generations: their actions as calls, their outcomes as events, their rounds as a stream. Decides nothing.
//!
//! The stream owns everything: dropping it drops every call under way, and the workers see that. It is written by a task of its
//! own, at most a round ahead of its reader, so that deadlines hold also while nobody reads, and nobody may leave it unread for
//! long. Every action ends in exactly one event by its deadline.

mod calls;
mod desk;
mod error;
mod ledger;
mod spans;
mod stages;
mod stragglers;

use std::{
    collections::VecDeque,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use futures::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use specfuse_core::generation::{Action, Ending, Failure, Finish, Generation};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tracing::Instrument;

use self::{
    calls::Done,
    desk::{Breather, Desk},
    ledger::Ledger,
    spans::Spans,
    stages::Stages,
    stragglers::Stragglers,
};
pub(crate) use self::{
    calls::{Miss, Note},
    error::GenerateError,
    ledger::{MemberUsage, RoundReport, Usage},
};
use crate::{admission::Ticket, metrics::Metrics, pool::Pool, request::GenerateRequest};

/// What a generation tells while it runs.
#[derive(Debug)]
pub(crate) enum Item {
    Round(Box<RoundReport>),
    Finished {
        finish: Finish,
        usage: Usage,
    },
    /// A part of what decided the answer, as JSON: where that is asked for, before its end. Not of the driver's own making.
    Recorded(Arc<str>),
}

/// How long an answer waits for its reader.
const READING: Duration = Duration::from_secs(60);

/// One answer: its rounds, then one `Finished` or one error.
pub(crate) fn run(
    request: GenerateRequest,
    pool: Pool,
    metrics: Metrics,
    ticket: Ticket,
) -> impl Stream<Item = Result<Item, GenerateError>> + Send {
    let spans = Spans::begin(&request);
    let start = Start { request, pool, metrics, ticket, spans };
    let (told, mut items) = mpsc::channel(1);
    let mut writer = JoinSet::new();
    writer.spawn(write(driven(start), told, READING));
    let mut is_over = false;
    stream::poll_fn(move |context| {
        // Its end is the stream's: dropping the stream drops it.
        let _writer = &writer;
        let item = ready!(items.poll_recv(context)).unwrap_or(Err(GenerateError::Unread));
        let was_over = std::mem::replace(&mut is_over, matches!(item, Ok(Item::Finished { .. }) | Err(_)));
        Poll::Ready((!was_over).then_some(item))
    })
}

/// Ends early when nobody reads for so long.
async fn write<T>(items: impl Stream<Item = T>, told: mpsc::Sender<T>, patience: Duration) {
    let mut items = pin!(items);
    while let Some(item) = items.next().await {
        if !matches!(tokio::time::timeout(patience, told.send(item)).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn driven(start: Start) -> impl Stream<Item = Result<Item, GenerateError>> + Send {
    stream::unfold(Progress::Start(Box::new(start)), async |progress| {
        let mut drive = match progress {
            Progress::Start(start) => start.begin().await,
            Progress::Running(drive) => drive,
            Progress::Over => return None,
        };
        let span = drive.spans.answer.clone();
        let item = drive.next().instrument(span).await;
        if let Err(error) = &item {
            drive.spans.failed(error);
        }
        let over = matches!(item, Ok(Item::Finished { .. }) | Err(_));
        Some((item, if over { Progress::Over } else { Progress::Running(drive) }))
    })
}

enum Progress {
    Start(Box<Start>),
    Running(Box<Drive>),
    Over,
}

struct Start {
    request: GenerateRequest,
    pool: Pool,
    metrics: Metrics,
    ticket: Ticket,
    spans: Spans,
}

struct Drive {
    generation: Generation,
    stages: Stages,
    desk: Arc<Desk>,
    calls: FuturesUnordered<BoxFuture<'static, Done>>,
    ledger: Ledger,
    stragglers: Stragglers,
    /// Told but not yet taken.
    items: VecDeque<Result<Item, GenerateError>>,
    ticket: Ticket,
    metrics: Metrics,
    spans: Spans,
}

impl Start {
    async fn begin(self: Box<Self>) -> Box<Drive> {
        let Self { mut request, pool, metrics, ticket, spans } = *self;
        let plan = Arc::clone(&request.strategy).plan(&request.ensemble.members, &mut request.sampling);
        let models = plan.models();
        tokio::select! {
            () = ticket.cut() => {}
            () = passed(request.deadline) => {}
            () = pool.first_contact(&models) => {}
        }
        let mut stages = Stages::new(plan.stages);
        let (generation, actions) = Generation::start(stages.begin(&request));
        let mut drive = Box::new(Drive {
            generation,
            stages,
            ledger: Ledger::new(Arc::clone(&plan.seats)),
            stragglers: Stragglers::new(request.ensemble.straggler_grace),
            desk: Arc::new(Desk::new(request, plan.seats, pool)),
            calls: FuturesUnordered::new(),
            items: VecDeque::new(),
            ticket,
            metrics,
            spans,
        });
        drive.perform(actions);
        drive
    }
}

impl Drive {
    async fn next(&mut self) -> Result<Item, GenerateError> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return item;
            }
            let done = tokio::select! {
                biased;
                () = self.ticket.cut() => return Err(GenerateError::Cut),
                () = passed(self.desk.request.deadline) => return Err(GenerateError::DeadlineExceeded),
                done = self.calls.next() => done,
                () = self.stragglers.over() => continue,
            };
            match done {
                Some(done) => {
                    done.log(&self.desk.seats);
                    self.metrics.called(&done.called(&self.desk.seats));
                    self.ledger.record(&done);
                    let actions = self.generation.step(done.event);
                    self.perform(actions);
                    self.stragglers.wait(self.generation.has_quorum());
                }
                // A generation that waits for nothing has finished: every action ends in an event.
                None => return Err(self.failed(Failure::Unavailable)),
            }
        }
    }

    /// All calls that are asked for at once are of one phase.
    fn perform(&mut self, actions: Vec<Action>) {
        if !actions.is_empty() {
            self.stragglers.next_phase(is_whole(&actions));
        }
        let breather = self.breather(&actions);
        for action in actions {
            let overdue = self.stragglers.overdue();
            match action {
                Action::Draft { round, member, accepted, max_tokens, whole, seed, .. } => {
                    self.ledger.draft_begins(round);
                    let (span, breather) = (self.spans.round(round), breather.clone());
                    let draft = calls::DraftAction {
                        round,
                        member,
                        accepted,
                        max_tokens,
                        whole,
                        seed,
                        span,
                        breather,
                        overdue,
                    };
                    self.calls.push(Box::pin(calls::draft(Arc::clone(&self.desk), draft)));
                }
                Action::Score { round, member, accepted, candidates, whole } => {
                    self.ledger.score_begins();
                    let span = self.spans.round(round);
                    let score = calls::ScoreAction { round, member, accepted, candidates, whole, span, overdue };
                    self.calls.push(Box::pin(calls::score(Arc::clone(&self.desk), score)));
                }
                Action::Emit(round) => {
                    self.stages.hear(&round);
                    let report = self.ledger.close(*round, self.stages.place());
                    self.spans.round_ended(&report);
                    self.items.push_back(Ok(Item::Round(Box::new(report))));
                }
                Action::Finish(finish) => self.finish(finish),
            }
        }
    }

    fn breather(&self, actions: &[Action]) -> Option<Breather> {
        let drafts = actions.iter().filter_map(|action| match action {
            Action::Draft { member, attempt, .. } => Some((*attempt, self.desk.seats.get(member.0)?.model.clone())),
            Action::Score { .. } | Action::Emit(_) | Action::Finish(_) => None,
        });
        let (attempts, members): (Vec<u32>, Vec<Arc<str>>) = drafts.unzip();
        Breather::before(*attempts.first()?, members.into(), self.stages.quorum())
    }

    /// The end of the answer, or of what one generation had to do with it.
    fn finish(&mut self, finish: Finish) {
        if self.stages.goes_on(&finish) {
            self.ledger.forget_misses();
            self.desk = Arc::new(self.desk.showing(self.stages.prompt(&self.desk.request.prompt)));
            let (generation, actions) = Generation::start(self.stages.begin(&self.desk.request));
            self.generation = generation;
            return self.perform(actions);
        }
        let finish = self.stages.total(finish);
        let item = match finish.ending {
            Ending::Failed(failure) => Err(self.failed(failure)),
            Ending::Stop | Ending::Length => {
                tracing::info!(rounds = finish.rounds, tokens = finish.completion_tokens, "answered");
                let usage = self.ledger.usage(&finish);
                self.spans.answered(&finish, &usage);
                Ok(Item::Finished { finish, usage })
            }
        };
        self.items.push_back(item);
    }

    fn failed(&self, failure: Failure) -> GenerateError {
        let ensemble = &self.desk.request.ensemble;
        let labels = self.desk.seats.iter().map(|seat| seat.label.clone());
        let misses: Vec<(Arc<str>, Miss)> =
            labels.zip(self.ledger.misses()).filter_map(|(member, miss)| Some((member, miss?))).collect();
        match failure {
            Failure::Unavailable | Failure::NoQuorum => tracing::warn!(%failure, "no answer"),
            // The request's own fault: its client is told.
            Failure::Refused | Failure::PromptTooLong | Failure::ContextFull => tracing::info!(%failure, "no answer"),
        }
        GenerateError::Failed { ensemble: ensemble.name.clone(), failure, misses }
    }
}

/// Whether calls are for whole answers: those that are slow at that are waited for.
fn is_whole(actions: &[Action]) -> bool {
    actions.iter().any(|action| match action {
        Action::Draft { whole, .. } | Action::Score { whole, .. } => *whole,
        Action::Emit(_) | Action::Finish(_) => false,
    })
}

/// Completes when the deadline has passed; never without one.
async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_nobody_reads_ends_and_what_was_told_can_still_be_read() {
        let (told, mut items) = mpsc::channel(1);
        let written = write(stream::repeat('a'), told, Duration::from_millis(20));
        tokio::time::timeout(Duration::from_secs(20), written).await.unwrap();
        assert_eq!((items.recv().await, items.recv().await), (Some('a'), None));
    }
}
