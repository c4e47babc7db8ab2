//! A member that drafts once, and then leaves its callers waiting.

use anyhow::Result;
use specfuse_proto::v1::{
    DescribeRequest, DescribeResponse, DraftRequest, DraftResponse, ScoreRequest, ScoreResponse,
    worker_service_server::{SERVICE_NAME, WorkerService, WorkerServiceServer},
};
use tokio::{net::TcpListener, task::JoinSet};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::ServingStatus;

pub(super) const NAME: &str = "quiet";

/// Serves until it is dropped.
pub(super) struct Quiet {
    pub(super) url: String,
    _serving: JoinSet<Result<(), tonic::transport::Error>>,
}

struct Member;

impl Quiet {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
        let server = Server::builder().add_service(WorkerServiceServer::new(Member)).add_service(health_service);
        let mut serving = JoinSet::new();
        serving.spawn(server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))));
        Ok(Self { url, _serving: serving })
    }
}

#[tonic::async_trait]
impl WorkerService for Member {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        Ok(Response::new(DescribeResponse { model: NAME.to_owned(), context_length: 1 << 20, ..Default::default() }))
    }

    async fn draft(&self, request: Request<DraftRequest>) -> Result<Response<DraftResponse>, Status> {
        if request.get_ref().round > 1 {
            std::future::pending::<()>().await;
        }
        let (text, token_logprobs) = (" something".to_owned(), vec![-0.5]);
        Ok(Response::new(DraftResponse { text, drafted_tokens: 1, token_logprobs, ..Default::default() }))
    }

    async fn score(&self, _: Request<ScoreRequest>) -> Result<Response<ScoreResponse>, Status> {
        Err(Status::unimplemented("there is nobody else to be scored"))
    }
}
