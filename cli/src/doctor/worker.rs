//! A worker of the doctor's own: a child process as a cluster starts it, and the calls that a coordinator makes. It ends with the
//! examination.

use std::{ffi::OsString, io, num::NonZero, time::Duration};

use specfuse_proto::v1::{
    Candidate, Context, Conversation, DescribeRequest, DescribeResponse, DraftRequest, DraftResponse, Message,
    Sampling, ScoreRequest, ScoreResponse, context::Prompt, worker_service_client::WorkerServiceClient,
};
use specfuse_worker::config::{self, ModelArgsError};
use tokio::time::Instant;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    cluster::{
        self, ClusterError,
        process::{ChildProcess, ProcessError, STOP_GRACE},
    },
    models::LocalModel,
};

/// Of one call. A large model on a small machine prefills for minutes.
const CALL_DEADLINE: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    #[error(transparent)]
    Program(#[from] ClusterError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the worker cannot be called")]
    Channel(#[from] tonic::transport::Error),
    #[error("{}", .0.message())]
    Describe(#[from] Box<Status>),
}

/// How the model is kept in memory: flags of a worker, passed on.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct WorkerFlags {
    /// Weights in memory, as a worker takes it: auto, f32, bf16 or f16.
    #[arg(long, value_name = "TYPE", value_parser = dtype, conflicts_with = "endpoint")]
    dtype: Option<String>,
    /// Quantise the weights while they are loaded: q8_0 or q4k.
    #[arg(long, value_name = "TYPE", value_parser = quantize, conflicts_with = "endpoint")]
    quantize: Option<String>,
    /// Where the model runs: cpu, cuda, cuda:N or metal.
    #[arg(long, value_name = "DEVICE", value_parser = device, conflicts_with = "endpoint")]
    device: Option<String>,
}

fn dtype(typed: &str) -> Result<String, ModelArgsError> {
    config::precision(typed, None).map(|_| typed.to_owned())
}

fn quantize(typed: &str) -> Result<String, ModelArgsError> {
    config::precision("auto", Some(typed)).map(|_| typed.to_owned())
}

fn device(typed: &str) -> Result<String, ModelArgsError> {
    config::device(typed).map(|_| typed.to_owned())
}

/// A worker that serves.
#[derive(Debug)]
pub(crate) struct Worker {
    process: ChildProcess,
    client: WorkerServiceClient<Channel>,
    pub(crate) description: DescribeResponse,
}

impl WorkerFlags {
    /// Whether a worker takes them together; each of them it takes.
    pub(crate) fn check(&self) -> Result<(), ModelArgsError> {
        config::precision(self.dtype.as_deref().unwrap_or("auto"), self.quantize.as_deref()).map(drop)
    }

    fn arguments(&self) -> Vec<OsString> {
        let given = [("--dtype", &self.dtype), ("--quantize", &self.quantize), ("--device", &self.device)];
        let given = given.into_iter().filter_map(|(flag, value)| Some([flag.into(), value.as_ref()?.into()]));
        given.flatten().collect()
    }
}

impl Worker {
    /// Starts it and waits until it has described itself. Dropping the future stops what was started.
    pub(crate) async fn start(model: &LocalModel, flags: &WorkerFlags) -> Result<Self, WorkerError> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        // What a call fails of is told as a finding.
        let mut arguments = cluster::worker_arguments(model, threads, "off");
        arguments.extend(flags.arguments());
        let process = ChildProcess::start(&cluster::program()?, model.name.clone(), arguments).await?;
        let endpoint = Endpoint::from_shared(process.url())?.timeout(CALL_DEADLINE);
        let mut client = WorkerServiceClient::new(endpoint.connect_lazy());
        let description = client.describe(DescribeRequest {}).await.map_err(Box::new)?.into_inner();
        Ok(Self { process, client, description })
    }

    pub(crate) async fn describe(&self) -> Result<DescribeResponse, Status> {
        self.client.clone().describe(DescribeRequest {}).await.map(Response::into_inner)
    }

    pub(crate) async fn score(&self, context: Context, candidates: Vec<Candidate>) -> Result<ScoreResponse, Status> {
        let request = ScoreRequest { request_id: "doctor".to_owned(), round: 1, context: Some(context), candidates };
        self.client.clone().score(Request::new(request)).await.map(Response::into_inner)
    }

    /// The most probable tokens; with `endless`, none that ends the turn.
    pub(crate) async fn draft(
        &self,
        context: Context,
        max_tokens: u32,
        endless: bool,
    ) -> Result<DraftResponse, Status> {
        let ends = self.description.end_of_turn_ids.iter().filter(|_| endless);
        let request = DraftRequest {
            request_id: "doctor".to_owned(),
            round: 1,
            context: Some(context),
            max_tokens,
            sampling: Some(Sampling::default()),
            logit_bias: ends.map(|id| (*id, -100.0)).collect(),
            as_fits: true,
            ..DraftRequest::default()
        };
        self.client.clone().draft(Request::new(request)).await.map(Response::into_inner)
    }

    /// Bytes of memory that it holds. None: this system does not tell.
    pub(crate) fn resident(&self) -> io::Result<Option<u64>> {
        let Some(id) = self.process.id() else { return Ok(None) };
        match std::fs::read_to_string(format!("/proc/{id}/status")) {
            Ok(status) => Ok(resident_in(&status)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn stop(self) {
        self.process.stop(Instant::now() + STOP_GRACE).await;
    }
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

pub(crate) fn raw(prompt: &str) -> Context {
    Context { prompt: Some(Prompt::Raw(prompt.to_owned())), accepted: String::new() }
}

pub(crate) fn asked(question: &str) -> Context {
    let message = Message { role: "user".to_owned(), content: question.to_owned() };
    Context { prompt: Some(Prompt::Conversation(Conversation { messages: vec![message] })), accepted: String::new() }
}

pub(crate) fn candidate(text: &str, finished: bool) -> Candidate {
    Candidate { text: text.to_owned(), finished }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kib() {
        assert_eq!(resident_in("Name:\tx\nVmRSS:\t   1024 kB\n"), Some(1 << 20));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }

    #[test]
    fn only_given_flags_are_passed_on() {
        assert!(WorkerFlags::default().arguments().is_empty());
        let flags = WorkerFlags { quantize: Some("q8_0".to_owned()), ..WorkerFlags::default() };
        assert_eq!(flags.arguments(), ["--quantize", "q8_0"]);
    }

    #[test]
    fn what_no_worker_takes_is_no_flag() {
        assert!(dtype("bf16").is_ok() && dtype("zzz").is_err() && dtype("q8_0").is_err());
        assert!(quantize("q8_0").is_ok() && quantize("f32").is_err());
        assert!(device("cuda:1").is_ok() && device("gpu").is_err());
        let both = WorkerFlags { quantize: Some("q8_0".to_owned()), dtype: Some("f16".to_owned()), device: None };
        assert!(both.check().is_err());
    }
}
