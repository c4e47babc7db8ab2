//! From a request to its answers, whatever protocol it came by: validate → admit → drive. What passes is counted, tokens are charged
//! to the key as they are written, content is logged where that is wanted, and what decided an answer is kept where the request asks
//! for it.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use specfuse_proto::v1 as proto;
use specfuse_runtime::{discovery::Directory, propagation::Origin};
use tokio::time::Instant;

use super::{
    error::{ApiError, NoRecording},
    validate::{self, Invalid},
};
use crate::{
    activity::Activity,
    admission::{Admission, Ticket},
    auth::Caller,
    config::Ensemble,
    driver::{self, GenerateError, Item},
    limits::{Allowance, Meter, Standings},
    metrics::Metrics,
    pool::Pool,
    recorder::Recorder,
    recordings::{Parts, Recordings},
    request::{GenerateRequest, Sampling},
    standing::Introduction,
};

#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) ensembles: BTreeMap<String, Arc<Ensemble>>,
    pub(crate) pool: Pool,
    pub(crate) directory: Directory,
    pub(crate) admission: Admission,
    pub(crate) recordings: Recordings,
    pub(crate) activity: Activity,
    pub(crate) metrics: Metrics,
    pub(crate) introduction: Introduction,
    /// Prompts and answers may stand in the log.
    pub(crate) log_content: bool,
}

/// Characters that the ids of one request's answers have in common at most.
const LONGEST_SHARED_ID: usize = 120;

/// Who asks, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    /// None: no key is needed.
    pub(crate) caller: Option<Caller>,
    /// When they stop waiting, where they said so.
    pub(crate) deadline: Option<Instant>,
    pub(crate) origin: Origin,
}

/// What an answer holds of its key's limits.
type Held = (Option<Arc<Meter>>, Option<Arc<Allowance>>);

/// The rounds, then the recording where one is asked for, then the end or an error.
pub(super) type Answer = BoxStream<'static, Result<Item, ApiError>>;

/// A request that was admitted.
pub(super) struct Begun {
    /// Those of the first request first.
    pub(super) answers: Vec<Answer>,
    /// Where the key's limits stand.
    pub(super) standings: Standings,
}

impl Intake {
    /// So many answers to each request: with seeds and ids of their own, and together one request to who counts them. The first one is
    /// admitted like any other; the rest begin when there is room.
    pub(super) async fn begin(
        self: &Arc<Self>,
        wires: Vec<proto::GenerateRequest>,
        choices: NonZeroU32,
        asker: Asker,
    ) -> Result<Begun, ApiError> {
        let asked = Instant::now();
        let begun = match self.validated(wires, &asker) {
            Ok(requests) => self.admitted(requests, choices, asker.caller, asked).await,
            Err(error) => Err(error),
        };
        begun.inspect_err(|error| self.metrics.refused(error.code()))
    }

    fn validated(&self, wires: Vec<proto::GenerateRequest>, asker: &Asker) -> Result<Vec<GenerateRequest>, ApiError> {
        let key = asker.caller.as_ref().map(|caller| &caller.name);
        let valid = |wire| {
            let request = validate::request(wire, &self.ensembles)?;
            if request.record && !self.recordings.are_made() {
                return Err(Invalid::NoRecordings.into());
            }
            let origin = asker.origin.clone();
            Ok(GenerateRequest { key: key.cloned(), deadline: asker.deadline, origin, ..request })
        };
        wires.into_iter().map(valid).collect()
    }

    async fn admitted(
        self: &Arc<Self>,
        requests: Vec<GenerateRequest>,
        choices: NonZeroU32,
        caller: Option<Caller>,
        asked: Instant,
    ) -> Result<Begun, ApiError> {
        let deadline = requests.first().and_then(|request| request.deadline);
        let each = usize::try_from(choices.get()).unwrap_or(usize::MAX);
        let choices = requests.iter().flat_map(|request| std::iter::repeat_n(request, each));
        let requests: Vec<GenerateRequest> = (0..).zip(choices.cloned()).map(of_choice).collect();
        let admitted = self.admit(requests.len(), caller.as_ref(), deadline).await;
        let (ticket, allowance) = admitted.inspect_err(|error| {
            let request = requests.first();
            let (request_id, key) = request.map(|request| (&request.request_id, request.key.as_deref())).unzip();
            tracing::debug!(?request_id, ?key, %error, "refused");
        })?;
        let (allowance, meter) = (allowance.map(Arc::new), caller.map(|caller| caller.meter));
        let standings = meter.as_ref().zip(allowance.as_ref()).map(|(meter, allowance)| meter.standings(allowance));
        let mut ticket = Some(ticket);
        let answers = requests.into_iter().map(|request| {
            let (intake, held) = (Arc::clone(self), (meter.clone(), allowance.clone()));
            match ticket.take() {
                Some(ticket) => self.answer(request, ticket, held, asked),
                None => stream::once(async move { intake.follow(request, held, asked).await }).flatten().boxed(),
            }
        });
        Ok(Begun { answers: answers.collect(), standings: standings.unwrap_or_default() })
    }

    /// One more answer of a request that was admitted.
    async fn follow(&self, request: GenerateRequest, held: Held, asked: Instant) -> Answer {
        match self.admission.follow().await {
            Ok(ticket) => self.answer(request, ticket, held, asked),
            Err(denied) => stream::iter([Err(ApiError::from(denied))]).boxed(),
        }
    }

    fn answer(&self, request: GenerateRequest, ticket: Ticket, (meter, allowance): Held, asked: Instant) -> Answer {
        let logged = self.log_content.then(|| Arc::clone(&request.request_id));
        if let Some(request_id) = &logged {
            tracing::debug!(?request_id, prompt = ?request.prompt, "asked");
        }
        self.metrics.begun(&request.ensemble.name);
        let recorder = || Recorder::new(&request, &self.pool.cluster(), self.recordings.clone(), asked);
        let mut watch = Watch {
            ensemble: Arc::clone(&request.ensemble.name),
            meter,
            _allowance: allowance,
            logged,
            recorder: request.record.then(recorder),
            activity: self.activity.clone(),
            metrics: self.metrics.clone(),
            asked,
            rounds: 0,
            is_over: false,
        };
        let items = driver::run(request, self.pool.clone(), self.metrics.clone(), ticket);
        items.flat_map(move |item| stream::iter(watch.pass(item.map_err(ApiError::from)))).boxed()
    }

    /// What decided an answer that this caller asked for.
    pub(super) fn recording(&self, request_id: &str, caller: Option<&Caller>) -> Result<Parts, ApiError> {
        let key = caller.map(|caller| caller.name.as_ref());
        let found = self.recordings.get(request_id, key);
        found.map_err(|why| NoRecording { request_id: request_id.to_owned(), why }.into())
    }

    /// The key's own limits first: who is over them does not wait among the others.
    async fn admit(
        &self,
        answers: usize,
        caller: Option<&Caller>,
        deadline: Option<Instant>,
    ) -> Result<(Ticket, Option<Allowance>), ApiError> {
        let count = u32::try_from(answers).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let allowance = caller.map(|Caller { name, meter }| {
            let over = |limit| {
                let standings = meter.standings_of_refused(&limit);
                ApiError::OverLimit { key: Arc::clone(name), limit, standings }
            };
            meter.allow(count).map_err(over)
        });
        let allowance = allowance.transpose()?;
        Ok((self.admission.admit(deadline).await?, allowance))
    }
}

/// The request of the answer of this number: the first one's is the request as it came. Workers take ids of 128 characters at most.
fn of_choice((number, request): (u32, GenerateRequest)) -> GenerateRequest {
    if number == 0 {
        return request;
    }
    let id: String = request.request_id.chars().take(LONGEST_SHARED_ID).collect();
    let seed = request.sampling.seed.wrapping_add(number.into());
    GenerateRequest {
        request_id: format!("{id}-{number}").into(),
        sampling: Sampling { seed, ..request.sampling },
        ..request
    }
}

/// Lives as long as the answer, and with it what the key is allowed at once.
struct Watch {
    ensemble: Arc<str>,
    /// None: no key was needed.
    meter: Option<Arc<Meter>>,
    _allowance: Option<Arc<Allowance>>,
    /// The request's id, where content may be logged.
    logged: Option<Arc<str>>,
    recorder: Option<Recorder>,
    activity: Activity,
    metrics: Metrics,
    asked: Instant,
    rounds: u32,
    /// Its end was passed on.
    is_over: bool,
}

impl Watch {
    fn pass(&mut self, item: Result<Item, ApiError>) -> Vec<Result<Item, ApiError>> {
        self.is_over |= matches!(item, Ok(Item::Finished { .. }) | Err(_));
        match &item {
            Ok(Item::Round(report)) => {
                // With each segment, so that a client that leaves early has paid for what it got.
                if let Some(meter) = &self.meter {
                    meter.charge(report.winning_tokens());
                }
                if let Some(request_id) = &self.logged {
                    tracing::debug!(?request_id, round = report.round.number, text = ?report.round.released, "wrote");
                }
                self.activity.count(&report.counts());
                self.rounds += 1;
                self.metrics.round(&self.ensemble, report, (self.rounds == 1).then(|| self.asked.elapsed()));
            }
            Ok(Item::Finished { finish, .. }) => {
                self.activity.answered();
                self.metrics.answered(&self.ensemble, finish.ending, self.asked.elapsed());
            }
            Ok(Item::Recorded(_)) => {}
            Err(error) => self.metrics.failed(&self.ensemble, error.code()),
        }
        let recorded = self.recorder.as_mut().and_then(|recorder| match &item {
            Ok(item) => recorder.hear(item),
            // By then the answer may be over: it did not fail.
            Err(ApiError::Generate(GenerateError::Unread)) => recorder.unread(),
            Err(error) => recorder.fail(&error.to_string()),
        });
        recorded.iter().flat_map(Parts::each).map(|part| Ok(Item::Recorded(part))).chain([item]).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_over {
            self.metrics.left(&self.ensemble);
        }
    }
}
