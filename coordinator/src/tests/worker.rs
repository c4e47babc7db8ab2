//! A worker that does what its script says: behaviour as values, round by round, on a real port.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use specfuse_proto::v1::{self as proto, worker_service_server as server};
use tokio::{net::TcpListener, sync::watch};
use tonic::{Code, Request, Response, Status, transport::server::TcpIncoming};
use tonic_health::{ServingStatus, server::HealthReporter};

/// What a worker does with a Draft call.
#[derive(Clone, Debug)]
pub(super) enum Draft {
    Say(&'static str),
    End(&'static str),
    Fail(Code, &'static str),
    Hang,
    /// Any answer at all.
    Answer(proto::DraftResponse),
}

/// What a worker does with a Score call.
#[derive(Clone, Debug)]
pub(super) enum Score {
    /// This text is the best.
    Prefer(&'static str),
    NotANumber,
    OneTooFew,
    Fail(Code, &'static str),
    Hang,
}

/// One entry for each round; the last one holds for the rest.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) model: &'static str,
    pub(super) drafts: Vec<Draft>,
    pub(super) scores: Vec<Score>,
}

pub(super) struct ScriptedWorker {
    pub(super) url: String,
    stage: Arc<Stage>,
    health: HealthReporter,
    /// Its own, so that a death closes its connections as the death of a process does.
    runtime: Option<tokio::runtime::Runtime>,
}

struct Stage {
    script: Script,
    drafts: Mutex<Vec<proto::DraftRequest>>,
    in_flight: watch::Sender<usize>,
}

struct InFlight<'a>(&'a watch::Sender<usize>);

impl ScriptedWorker {
    pub(super) async fn start(script: Script) -> Self {
        Self::start_at(script, "127.0.0.1:0").await
    }

    pub(super) async fn start_at(script: Script, address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stage = Arc::new(Stage { script, drafts: Mutex::default(), in_flight: watch::Sender::new(0) });
        let service = server::WorkerServiceServer::from_arc(Arc::clone(&stage));
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status(server::SERVICE_NAME, ServingStatus::Serving).await;
        let address = address.to_owned();
        let serving = async move {
            let listener = bind(&address).await;
            let url = format!("http://{}", listener.local_addr().unwrap());
            let server = tonic::transport::Server::builder().add_service(service).add_service(health_service);
            (url, server.serve_with_incoming(TcpIncoming::from(listener)))
        };
        let (told, url) = tokio::sync::oneshot::channel();
        runtime.handle().spawn(async move {
            let (url, serving) = serving.await;
            told.send(url).unwrap();
            serving.await.unwrap();
        });
        Self { url: url.await.unwrap(), stage, health, runtime: Some(runtime) }
    }

    pub(super) fn drafts(&self) -> Vec<proto::DraftRequest> {
        self.stage.drafts.lock().unwrap().clone()
    }

    /// Completes when so many Draft and Score calls are being handled.
    pub(super) async fn in_flight(&self, calls: usize) {
        let mut now = self.stage.in_flight.subscribe();
        let seen = now.wait_for(|now| *now == calls);
        tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap().unwrap();
    }

    pub(super) async fn health(&self, status: ServingStatus) {
        self.health.set_service_status(server::SERVICE_NAME, status).await;
    }

    pub(super) fn die(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for ScriptedWorker {
    fn drop(&mut self) {
        self.die();
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

impl Stage {
    fn enter(&self) -> InFlight<'_> {
        self.in_flight.send_modify(|calls| *calls += 1);
        InFlight(&self.in_flight)
    }
}

/// A given port may be taken by somebody's connection for a while.
async fn bind(address: &str) -> TcpListener {
    let bound = async {
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{address}: {error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), bound).await.unwrap()
}

fn of_round<T: Clone>(script: &[T], round: u32) -> T {
    script.get(round as usize - 1).or(script.last()).unwrap().clone()
}

/// Three tokens, whatever the text, and the end-of-turn token when finished.
pub(super) fn said(text: &str, finished: bool) -> proto::DraftResponse {
    let work = proto::Work { tokens_computed: 4, tokens_cached: 10, ..Default::default() };
    proto::DraftResponse {
        text: text.to_owned(),
        finished,
        drafted_tokens: 3,
        token_logprobs: vec![-0.5; 3 + usize::from(finished)],
        work: Some(work),
        ..proto::DraftResponse::default()
    }
}

/// A context of ten tokens; where they are asked for, the draft's first token has all of its text, and its second none.
fn telling(said: proto::DraftResponse, alternatives: Option<u32>) -> proto::DraftResponse {
    let token = |text: &str, alternatives| {
        let other = |place| proto::Alternative { text: format!(" other {place}"), logprob: -1.0 };
        proto::DraftedToken { text: text.to_owned(), logprob: -0.5, top: (0..alternatives).map(other).collect() }
    };
    let tokens = alternatives.map(|count| vec![token(&said.text, count), token("", count)]).unwrap_or_default();
    proto::DraftResponse { tokens, context_tokens: 10, ..said }
}

#[tonic::async_trait]
impl server::WorkerService for Stage {
    async fn describe(&self, _: Request<proto::DescribeRequest>) -> Result<Response<proto::DescribeResponse>, Status> {
        let model = self.script.model.to_owned();
        Ok(Response::new(proto::DescribeResponse { model, context_length: 100, ..Default::default() }))
    }

    async fn draft(&self, request: Request<proto::DraftRequest>) -> Result<Response<proto::DraftResponse>, Status> {
        let _in_flight = self.enter();
        let request = request.into_inner();
        let play = of_round(&self.script.drafts, request.round);
        let alternatives = request.top_logprobs;
        self.drafts.lock().unwrap().push(request);
        let told = |said| Response::new(telling(said, alternatives));
        match play {
            Draft::Say(text) => Ok(told(said(text, false))),
            Draft::End(text) => Ok(told(said(text, true))),
            Draft::Answer(answer) => Ok(Response::new(answer)),
            Draft::Fail(code, message) => Err(Status::new(code, message)),
            Draft::Hang => std::future::pending().await,
        }
    }

    async fn score(&self, request: Request<proto::ScoreRequest>) -> Result<Response<proto::ScoreResponse>, Status> {
        let _in_flight = self.enter();
        let request = request.into_inner();
        let terms = |value: f32| proto::CandidateTerms { terms: vec![value, value] };
        let mut candidates: Vec<proto::CandidateTerms> = request.candidates.iter().map(|_| terms(-2.0)).collect();
        match of_round(&self.script.scores, request.round) {
            Score::Prefer(text) => {
                let best = request.candidates.iter().position(|candidate| candidate.text == text).unwrap();
                candidates[best] = terms(-0.125);
            }
            Score::NotANumber => candidates[0] = terms(f32::NAN),
            Score::OneTooFew => drop(candidates.pop()),
            Score::Fail(code, message) => return Err(Status::new(code, message)),
            Score::Hang => std::future::pending().await,
        }
        Ok(Response::new(proto::ScoreResponse { candidates, work: None }))
    }
}
