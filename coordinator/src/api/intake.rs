//! From a request to its answers, whatever protocol it came by: validate → admit → drive. What passes is counted, tokens are charged
//! to the key as they are written, content is logged where that is wanted, and what decided an answer is kept where the request asks
//! for it.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use specfuse_proto::v1 as proto;
use specfuse_runtime::discovery::Directory;
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
    request::GenerateRequest,
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
    /// Prompts and answers may stand in the log.
    pub(crate) log_content: bool,
}

/// The rounds, then the recording where one is asked for, then the end or an error.
pub(super) type Answer = BoxStream<'static, Result<Item, ApiError>>;

/// What was admitted: all of it or nothing.
pub(super) struct Begun {
    /// One for each request.
    pub(super) answers: Vec<Answer>,
    /// Where the key's limits stand.
    pub(super) standings: Standings,
}

impl Intake {
    /// Several requests are one to who counts them; each has an answer of its own.
    pub(super) async fn begin(
        &self,
        wires: Vec<proto::GenerateRequest>,
        caller: Option<Caller>,
        deadline: Option<Instant>,
    ) -> Result<Begun, ApiError> {
        let asked = Instant::now();
        let begun = self.begin_all(wires, caller, deadline, asked).await;
        begun.inspect_err(|error| self.metrics.refused(error.code()))
    }

    async fn begin_all(
        &self,
        wires: Vec<proto::GenerateRequest>,
        caller: Option<Caller>,
        deadline: Option<Instant>,
        asked: Instant,
    ) -> Result<Begun, ApiError> {
        let key = caller.as_ref().map(|caller| Arc::clone(&caller.name));
        let valid = |wire| {
            let request = validate::request(wire, &self.ensembles)?;
            if request.record && !self.recordings.are_made() {
                return Err(Invalid::NoRecordings.into());
            }
            Ok(GenerateRequest { key: key.clone(), deadline, ..request })
        };
        let requests: Vec<GenerateRequest> = wires.into_iter().map(valid).collect::<Result<_, ApiError>>()?;
        let admitted = self.admit(requests.len(), caller.as_ref(), deadline).await;
        let (tickets, allowance) = admitted.inspect_err(|error| {
            let request_id = requests.first().map(|request| &request.request_id);
            tracing::debug!(?request_id, key = key.as_deref(), %error, "refused");
        })?;
        let (allowance, meter) = (allowance.map(Arc::new), caller.map(|caller| caller.meter));
        let standings = meter.as_ref().zip(allowance.as_ref()).map(|(meter, allowance)| meter.standings(allowance));
        let answers = requests.into_iter().zip(tickets);
        let answers =
            answers.map(|(request, ticket)| self.answer(request, ticket, (meter.clone(), allowance.clone()), asked));
        Ok(Begun { answers: answers.collect(), standings: standings.unwrap_or_default() })
    }

    fn answer(
        &self,
        request: GenerateRequest,
        ticket: Ticket,
        (meter, allowance): (Option<Arc<Meter>>, Option<Arc<Allowance>>),
        asked: Instant,
    ) -> Answer {
        let logged = self.log_content.then(|| Arc::clone(&request.request_id));
        if let Some(request_id) = &logged {
            tracing::debug!(?request_id, prompt = ?request.prompt, "asked");
        }
        self.metrics.begun();
        let recorder = || Recorder::new(&request, &self.pool.cluster(), self.recordings.clone(), asked);
        let mut watch = Watch {
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
        let items = driver::run(request, self.pool.clone(), ticket);
        items.flat_map(move |item| futures::stream::iter(watch.pass(item.map_err(ApiError::from)))).boxed()
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
        requests: usize,
        caller: Option<&Caller>,
        deadline: Option<Instant>,
    ) -> Result<(Vec<Ticket>, Option<Allowance>), ApiError> {
        let count = u32::try_from(requests).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let allowance = caller.map(|caller| {
            let over = |limit| ApiError::OverLimit { key: Arc::clone(&caller.name), limit };
            caller.meter.allow(count).map_err(over)
        });
        let allowance = allowance.transpose()?;
        Ok((self.admission.admit(count, deadline).await?, allowance))
    }
}

/// Lives as long as the answer, and with it what the key is allowed at once.
struct Watch {
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
                self.metrics.round(report, (self.rounds == 1).then(|| self.asked.elapsed()));
            }
            Ok(Item::Finished { finish, .. }) => {
                self.activity.answered();
                self.metrics.answered(finish);
            }
            Ok(Item::Recorded(_)) => {}
            Err(error) => self.metrics.failed(error.code()),
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
            self.metrics.left();
        }
    }
}
