//! From a request to its answer, whatever protocol it came by: validate → admit → drive. Tokens are charged to the key as they are
//! written, content is logged where that is wanted, and what decided an answer is kept where the request asks for it.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use specfuse_proto::v1 as proto;
use specfuse_runtime::discovery::Directory;
use tokio::time::Instant;

use super::{
    error::{ApiError, NoRecording},
    validate,
};
use crate::{
    admission::{Admission, Ticket},
    auth::Caller,
    config::Ensemble,
    driver::{self, Item},
    limits::{Allowance, Meter},
    pool::Pool,
    recorder::Recorder,
    recordings::Recordings,
    request::GenerateRequest,
};

#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) ensembles: BTreeMap<String, Arc<Ensemble>>,
    pub(crate) pool: Pool,
    pub(crate) directory: Directory,
    pub(crate) admission: Admission,
    pub(crate) recordings: Recordings,
    /// Prompts and answers may stand in the log.
    pub(crate) log_content: bool,
}

/// The rounds, then the recording where one is asked for, then the end or an error.
pub(super) type Answer = BoxStream<'static, Result<Item, ApiError>>;

impl Intake {
    pub(super) async fn begin(
        &self,
        wire: proto::GenerateRequest,
        caller: Option<Caller>,
        deadline: Option<Instant>,
    ) -> Result<Answer, ApiError> {
        let (key, meter) = caller.map(|Caller { name, meter }| (name, meter)).unzip();
        let request = GenerateRequest { key, deadline, ..validate::request(wire, &self.ensembles)? };
        let admitted = self.admit(&request, meter.as_deref()).await;
        let (ticket, allowance) = admitted.inspect_err(|error| {
            tracing::debug!(request_id = ?request.request_id, key = request.key.as_deref(), %error, "refused");
        })?;
        let logged = self.log_content.then(|| Arc::clone(&request.request_id));
        if let Some(request_id) = &logged {
            tracing::debug!(?request_id, prompt = ?request.prompt, "asked");
        }
        let recorder = request.record.then(|| Recorder::new(&request, &self.pool.cluster(), self.recordings.clone()));
        let mut watch = Watch { meter, _allowance: allowance, logged, recorder };
        let items = driver::run(request, self.pool.clone(), ticket);
        Ok(items.flat_map(move |item| futures::stream::iter(watch.pass(item.map_err(ApiError::from)))).boxed())
    }

    /// JSON of what decided an answer that this caller asked for.
    pub(super) fn recording(&self, request_id: &str, caller: Option<&Caller>) -> Result<Arc<str>, ApiError> {
        let key = caller.map(|caller| caller.name.as_ref());
        self.recordings.get(request_id, key).ok_or_else(|| NoRecording(request_id.to_owned()).into())
    }

    /// The key's own limits first: who is over them does not wait among the others.
    async fn admit(
        &self,
        request: &GenerateRequest,
        meter: Option<&Meter>,
    ) -> Result<(Ticket, Option<Allowance>), ApiError> {
        let over = |limit| ApiError::OverLimit { key: request.key.clone().unwrap_or_default(), limit };
        let allowance = meter.map(Meter::allow).transpose().map_err(over)?;
        Ok((self.admission.admit(request.deadline).await?, allowance))
    }
}

/// Lives as long as the answer, and with it what the key is allowed at once.
struct Watch {
    /// None: no key was needed.
    meter: Option<Arc<Meter>>,
    _allowance: Option<Allowance>,
    /// The request's id, where content may be logged.
    logged: Option<Arc<str>>,
    recorder: Option<Recorder>,
}

impl Watch {
    fn pass(&mut self, item: Result<Item, ApiError>) -> Vec<Result<Item, ApiError>> {
        if let Ok(Item::Round(report)) = &item {
            // With each segment, so that a client that leaves early has paid for what it got.
            if let Some(meter) = &self.meter {
                meter.charge(report.winning_tokens());
            }
            if let Some(request_id) = &self.logged {
                tracing::debug!(?request_id, round = report.round.number, text = ?report.round.released, "wrote");
            }
        }
        let recorded = self.recorder.as_mut().and_then(|recorder| match &item {
            Ok(item) => recorder.hear(item),
            Err(error) => recorder.fail(&error.to_string()),
        });
        recorded.map(|json| Ok(Item::Recorded(json))).into_iter().chain([item]).collect()
    }
}
