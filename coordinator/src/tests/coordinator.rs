//! A coordinator under test: the real server on a real port, before scripted workers.

use std::{net::SocketAddr, path::Path, time::Duration};

use specfuse_proto::v1::{self as proto, ensemble_service_client::EnsembleServiceClient, generate_response::Event};
use specfuse_runtime::shutdown::Shutdown;
use tokio::{net::TcpListener, task::JoinSet};
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};

use super::worker::ScriptedWorker;
use crate::{app, config::Config};

pub(super) struct Coordinator {
    pub(super) shutdown: Shutdown,
    pub(super) address: SocketAddr,
    pub(super) channel: Channel,
    served: JoinSet<anyhow::Result<()>>,
}

/// What a stream told until its end.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) segments: Vec<proto::Segment>,
    pub(super) end: Result<proto::Finished, Status>,
}

impl Coordinator {
    /// `ensembles`: the tables of the configuration.
    pub(super) async fn start(workers: &[&ScriptedWorker], ensembles: &str) -> Self {
        let urls: Vec<&str> = workers.iter().map(|worker| worker.url.as_str()).collect();
        Self::start_with(&format!("workers = {urls:?}\n{ensembles}")).await
    }

    pub(super) async fn start_with(config: &str) -> Self {
        Self::start_as(Config::parse(config, Path::new("test")).unwrap()).await
    }

    pub(super) async fn start_as(config: Config) -> Self {
        let shutdown = Shutdown::new(config.shutdown_grace);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let mut served = JoinSet::new();
        served.spawn(app::serve(listener, None, config, shutdown.clone()));
        Self { shutdown, address, channel, served }
    }

    pub(super) fn client(&self) -> EnsembleServiceClient<Channel> {
        EnsembleServiceClient::new(self.channel.clone())
    }

    pub(super) async fn generate(
        &self,
        request: proto::GenerateRequest,
    ) -> Result<Streaming<proto::GenerateResponse>, Status> {
        Ok(self.client().generate(request).await?.into_inner())
    }

    pub(super) async fn answer(&self, request: proto::GenerateRequest) -> Told {
        let answered = async {
            match self.generate(request).await {
                Ok(stream) => finish(stream).await,
                Err(status) => Told { segments: Vec::new(), end: Err(status) },
            }
        };
        tokio::time::timeout(Duration::from_secs(20), answered).await.unwrap()
    }

    /// Completes when so many workers are ready.
    pub(super) async fn ready(&self, workers: usize) {
        let found = async {
            loop {
                let cluster = self.client().get_cluster(proto::GetClusterRequest {}).await.unwrap().into_inner();
                let ready = |worker: &&proto::Worker| worker.state() == proto::WorkerState::Ready;
                if cluster.workers.iter().filter(ready).count() == workers {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.unwrap();
    }

    /// The outcome of the whole server, once it has ended.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        let ended = tokio::time::timeout(Duration::from_secs(10), self.served.join_next()).await;
        ended.unwrap().unwrap().unwrap()
    }
}

pub(super) async fn finish(mut stream: Streaming<proto::GenerateResponse>) -> Told {
    let mut segments = Vec::new();
    let end = loop {
        match stream.message().await {
            Ok(Some(proto::GenerateResponse { event: Some(Event::Segment(segment)) })) => segments.push(segment),
            Ok(Some(proto::GenerateResponse { event: Some(Event::Finished(finished)) })) => break Ok(finished),
            Ok(other) => panic!("neither a segment nor an end: {other:?}"),
            Err(status) => break Err(status),
        }
    };
    Told { segments, end }
}

pub(super) fn ask(content: &str) -> proto::GenerateRequest {
    let message = proto::Message { role: "user".to_owned(), content: content.to_owned() };
    let conversation = proto::Conversation { messages: vec![message] };
    proto::GenerateRequest {
        prompt: Some(proto::generate_request::Prompt::Conversation(conversation)),
        ..Default::default()
    }
}
