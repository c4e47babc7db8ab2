//! The gRPC server: the worker's service, health and reflection, and how they stop.

use std::{future::Future, io, net::SocketAddr};

use specfuse_proto::{
    DESCRIPTORS,
    v1::worker_service_server::{self, WorkerServiceServer},
};
use specfuse_runtime::{
    keepalive,
    tls::{self, ServerTls},
};
use tokio::net::TcpListener;
use tonic::transport::server::Router;
use tonic_health::{ServingStatus, pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS, server::HealthReporter};

use crate::service::Service;

/// Bytes of a request.
const MAX_MESSAGE: usize = 16 << 20;
/// Bytes of a request's headers.
const MAX_HEADERS: u32 = 16 << 10;
const MAX_STREAMS_PER_CONNECTION: u32 = 1024;

/// "" is the server as a whole.
const HEALTH_NAMES: [&str; 2] = ["", worker_service_server::SERVICE_NAME];

#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("--listen {address} is taken by another process")]
    Taken { address: SocketAddr },
    #[error("cannot listen on --listen {address}")]
    Refused { address: SocketAddr, source: io::Error },
}

/// The server could not start, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the contract's descriptors cannot be shown")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("the server broke")]
    Transport(#[from] tonic::transport::Error),
}

/// A port that is listened on. Connections wait there until it is served.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    tls: Option<ServerTls>,
}

impl Port {
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// None: plaintext.
    pub(crate) fn with_tls(self, tls: Option<ServerTls>) -> Self {
        Self { tls, ..self }
    }
}

/// Must be called inside a runtime: the listener belongs to it.
pub(crate) fn bind(address: SocketAddr) -> Result<Port, BindError> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    match listen() {
        Ok(listener) => Ok(Port { listener, tls: None }),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(BindError::Taken { address }),
        Err(source) => Err(BindError::Refused { address, source }),
    }
}

/// Serves until `stop` completes and the running calls are answered. Health says so from the first call to the last.
pub(crate) async fn serve(service: Service, port: Port, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
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
    let incoming = tls::serve(port.listener, port.tls);
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
        .http2_keepalive_interval(Some(keepalive::INTERVAL))
        .http2_keepalive_timeout(Some(keepalive::TIMEOUT))
        .http2_max_header_list_size(MAX_HEADERS)
        .max_concurrent_streams(Some(MAX_STREAMS_PER_CONNECTION))
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(WorkerServiceServer::new(service).max_decoding_message_size(MAX_MESSAGE));
    Ok(router)
}
