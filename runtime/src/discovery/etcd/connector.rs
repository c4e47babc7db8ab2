//! Connections to etcd, each to the next endpoint, and calls that end in time.

use std::{future::Future, time::Duration};

use etcd_client::{Channel, Client, ConnectOptions};
use tonic::{Code, transport::Endpoint};

use super::EtcdConfig;
use crate::{message::chain, tls};

/// Of every call. Registration and watch also hear of a dead host by it: their next call comes soon.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// etcd hangs up on clients that ping more often than every 5 s, its default. So pings only clear away what is dead.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(6);
/// Bytes of a list of all workers.
const MAX_MESSAGE: usize = 64 << 20;

/// The connection cannot be used any more, and another has to be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum EtcdError {
    #[error("{call} was not answered within {CALL_TIMEOUT:?}")]
    Late { call: &'static str },
    #[error("{call} was refused: {code:?}: {message}")]
    Refused { call: &'static str, code: Code, message: String },
    #[error("{call} failed")]
    Failed { call: &'static str, source: etcd_client::Error },
    #[error("{call} ended")]
    Ended { call: &'static str },
    #[error("the lease has lapsed")]
    LeaseLapsed,
    #[error("revision {0} is no longer known")]
    Compacted(i64),
    #[error("the watch was cancelled: {0}")]
    Cancelled(String),
    #[error("the record cannot be written")]
    Record(#[from] serde_json::Error),
}

pub(super) struct Connector {
    config: EtcdConfig,
    next: usize,
}

impl Connector {
    /// Begins anywhere, so that not all begin at the same.
    pub(super) fn new(config: EtcdConfig) -> Self {
        Self { next: rand::random_range(0..config.endpoints.len().max(1)), config }
    }

    pub(super) async fn connect(&mut self) -> Result<Client, EtcdError> {
        let EtcdConfig { endpoints, user, tls, .. } = &self.config;
        let Some(uri) = endpoints.get(self.next % endpoints.len().max(1)) else {
            return Err(EtcdError::Ended { call: "the list of endpoints" });
        };
        self.next = self.next.wrapping_add(1);
        let endpoint = Endpoint::from(uri.clone())
            .connect_timeout(CALL_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(CALL_TIMEOUT);
        let mut options = ConnectOptions::new().with_require_leader(true);
        if let Some(user) = user {
            options = options.with_user(&user.name, &user.password);
        }
        let channel = Channel::Tonic(tls::channel(endpoint, tls.as_ref()));
        within("Authenticate", Client::from_channel(channel, Some(options))).await
    }
}

pub(super) fn kv(client: &Client) -> etcd_client::KvClient {
    client.kv_client().max_decoding_message_size(MAX_MESSAGE)
}

pub(super) fn watches(client: &Client) -> etcd_client::WatchClient {
    client.watch_client().max_decoding_message_size(MAX_MESSAGE)
}

pub(super) async fn within<T>(
    call: &'static str,
    answer: impl Future<Output = Result<T, etcd_client::Error>>,
) -> Result<T, EtcdError> {
    let answered = tokio::time::timeout(CALL_TIMEOUT, answer).await.map_err(|_| EtcdError::Late { call })?;
    answered.map_err(|source| failed(call, source))
}

pub(super) fn failed(call: &'static str, error: etcd_client::Error) -> EtcdError {
    let etcd_client::Error::GRpcStatus(status) = error else {
        return EtcdError::Failed { call, source: error };
    };
    let causes = std::error::Error::source(&status).map(|cause| format!(": {}", chain(cause)));
    let message = status.message().to_owned() + &causes.unwrap_or_default();
    EtcdError::Refused { call, code: status.code(), message }
}
