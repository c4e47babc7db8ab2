//! Members that answer at once: each says something of its own in every round, so that every round is scored.

use std::io;

use specfuse_proto::v1::{
    CandidateTerms, DescribeRequest, DescribeResponse, DraftRequest, DraftResponse, ScoreRequest, ScoreResponse,
    worker_service_server::{WorkerService, WorkerServiceServer},
};
use tokio::{net::TcpListener, task::JoinSet};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// Tokens of a draft, as many as a coordinator asks for by default.
const TOKENS: u32 = 10;
const CONTEXT_LENGTH: u32 = 1 << 20;

/// They serve until this is dropped.
pub(super) struct Scripted {
    pub(super) urls: Vec<String>,
    pub(super) names: Vec<String>,
    _serving: JoinSet<Result<(), tonic::transport::Error>>,
}

struct Member {
    name: String,
    place: usize,
}

impl Scripted {
    pub(super) async fn start(members: usize) -> io::Result<Self> {
        let (mut urls, mut names, mut serving) = (Vec::new(), Vec::new(), JoinSet::new());
        for place in 0..members {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let name = format!("member-{}", place + 1);
            urls.push(format!("http://{}", listener.local_addr()?));
            names.push(name.clone());
            let service = WorkerServiceServer::new(Member { name, place });
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            serving.spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        }
        Ok(Self { urls, names, _serving: serving })
    }
}

#[tonic::async_trait]
impl WorkerService for Member {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        let capabilities = vec!["chat".to_owned(), "raw".to_owned()];
        let (model, context_length) = (self.name.clone(), CONTEXT_LENGTH);
        Ok(Response::new(DescribeResponse { model, context_length, capabilities, ..Default::default() }))
    }

    async fn draft(&self, request: Request<DraftRequest>) -> Result<Response<DraftResponse>, Status> {
        let text = format!(" {} says in round {} what nobody else says", self.name, request.get_ref().round);
        let token_logprobs = vec![-0.5; TOKENS as usize];
        Ok(Response::new(DraftResponse { text, drafted_tokens: TOKENS, token_logprobs, ..Default::default() }))
    }

    /// Each prefers another one.
    async fn score(&self, request: Request<ScoreRequest>) -> Result<Response<ScoreResponse>, Status> {
        let candidates = request.get_ref().candidates.len();
        let terms = |candidate: usize| {
            let rank = (candidate + self.place) % candidates;
            CandidateTerms { terms: vec![-0.25 * (1 + rank) as f32; TOKENS as usize] }
        };
        Ok(Response::new(ScoreResponse { candidates: (0..candidates).map(terms).collect(), work: None }))
    }
}
