//! What both servers speak besides their own contract: health and reflection, the standard ones.

use anyhow::Result;
use specfuse_tests::{cluster::Cluster, ensemble::Ensemble, golden};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{PROGRAM, small_models};

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_are_healthy_and_describe_themselves() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let one = small_models(&golden).into_iter().take(1);
    let cluster = Cluster::of(PROGRAM, one).ensemble("default", Ensemble::default()).start().await?;
    speaks(cluster.coordinator.url(), "specfuse.v1.EnsembleService").await?;
    for worker in cluster.workers.values() {
        speaks(worker.url(), "specfuse.v1.WorkerService").await?;
    }
    Ok(())
}

async fn speaks(url: String, service: &str) -> Result<()> {
    let channel = Channel::from_shared(url)?.connect().await?;
    for asked in ["", service] {
        let request = HealthCheckRequest { service: asked.to_owned() };
        let health = HealthClient::new(channel.clone()).check(request).await?.into_inner();
        assert_eq!(health.status(), ServingStatus::Serving, "{service} asked for {asked:?}");
    }
    assert_eq!(services(channel).await?, [service, "grpc.health.v1.Health"]);
    Ok(())
}

async fn services(channel: Channel) -> Result<Vec<String>> {
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let requests = tokio_stream::once(request);
    let mut responses = ServerReflectionClient::new(channel).server_reflection_info(requests).await?.into_inner();
    match responses.message().await?.and_then(|response| response.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        other => anyhow::bail!("{other:?} instead of a list"),
    }
}
