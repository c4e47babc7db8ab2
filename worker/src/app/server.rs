//! The gRPC server: the worker's service, health and reflection, and how they stop.

use std::{future::Future, net::SocketAddr, time::Duration};

use specfuse_proto::{
    DESCRIPTORS,
    v1::worker_service_server::{self, WorkerServiceServer},
};
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::{ServingStatus, pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS, server::HealthReporter};

use crate::service::Service;

/// Bytes of a request.
const MAX_MESSAGE: usize = 16 << 20;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_STREAMS_PER_CONNECTION: u32 = 1024;

/// "" is the server as a whole.
const HEALTH_NAMES: [&str; 2] = ["", worker_service_server::SERVICE_NAME];

#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("--listen {address} is taken by another process")]
    Taken { address: SocketAddr },
    #[error("cannot listen on --listen {address}")]
    Refused { address: SocketAddr, source: std::io::Error },
}

/// The server could not start, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the contract's descriptors cannot be shown")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("the server broke")]
    Transport(#[from] tonic::transport::Error),
}

pub(crate) fn bind(address: SocketAddr) -> Result<TcpIncoming, BindError> {
    match TcpIncoming::bind(address) {
        Ok(incoming) => Ok(incoming.with_nodelay(Some(true)).with_keepalive(Some(KEEPALIVE_INTERVAL))),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(BindError::Taken { address }),
        Err(source) => Err(BindError::Refused { address, source }),
    }
}

/// Serves until `stop` completes and the running calls are answered. Health says so from the first call to the last.
pub(crate) async fn serve(
    service: Service,
    incoming: TcpIncoming,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let health = HealthReporter::new();
    set_health(&health, ServingStatus::Serving).await;
    let leaving = health.clone();
    let stop = async move {
        stop.await;
        set_health(&leaving, ServingStatus::NotServing).await;
        // A health watch ends when its service is cleared; it would otherwise hold its connection for the whole grace.
        let mut leaving = leaving;
        for name in HEALTH_NAMES {
            leaving.clear_service_status(name).await;
        }
    };
    router(service, health)?.serve_with_incoming_shutdown(incoming, stop).await?;
    Ok(())
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

fn router(service: Service, health: HealthReporter) -> Result<Router, ServeError> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(HEALTH_DESCRIPTORS)
            .with_service_name(worker_service_server::SERVICE_NAME)
            .with_service_name(tonic_health::pb::health_server::SERVICE_NAME)
    };
    let health = tonic_health::server::HealthService::from_health_reporter(health);
    let router = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(Some(MAX_STREAMS_PER_CONNECTION))
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(WorkerServiceServer::new(service).max_decoding_message_size(MAX_MESSAGE));
    Ok(router)
}
