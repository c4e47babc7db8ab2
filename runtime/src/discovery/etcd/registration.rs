//! A worker's own entry: under a lease that is renewed for as long as the worker lives, so that the entry of one that died goes
//! by itself. Whatever is lost, the lease, the entry or etcd, is had again; none of it ends the worker.

use std::{convert::Infallible, time::Duration};

use etcd_client::{Client, LeaseGrantOptions, PutOptions};
use tokio::sync::oneshot;
use tonic::Code;

use super::{
    EtcdConfig,
    attempts::Attempts,
    connector::{Connector, EtcdError, failed, within},
};
use crate::{discovery::WorkerRecord, message::chain, shutdown::Shutdown};

/// Seconds: how long the entry outlives its worker.
const TTL: i64 = 10;
const WITHDRAWAL: Duration = Duration::from_secs(2);
/// Of one attempt: an endpoint that hangs leaves time for the others.
const ATTEMPT: Duration = Duration::from_millis(600);
/// Between two attempts of a withdrawal.
const PAUSE: Duration = Duration::from_millis(100);

/// An entry that is kept up. Dropped, it is left to lapse.
#[derive(Debug)]
#[must_use = "dropped, the entry lapses"]
pub struct Registration {
    withdraw: oneshot::Sender<oneshot::Sender<()>>,
}

/// Registers, and stays registered: until [`Registration::withdraw`], not until the stop, since whoever stops has to withdraw first.
/// Its end is waited for by `shutdown`.
pub fn register(config: EtcdConfig, record: WorkerRecord, shutdown: &Shutdown) -> Registration {
    let (withdraw, orders) = oneshot::channel();
    let key = config.prefix() + &record.instance;
    let attempts = Attempts::at("registration");
    let registrar = Registrar { connector: Connector::new(config), key, record, attempts, held: None };
    shutdown.spawn(registrar.run(orders));
    Registration { withdraw }
}

impl Registration {
    /// Takes the entry away, so that no new call comes. Returns within 2 s: what etcd does not hear by then lapses.
    pub async fn withdraw(self) {
        let (done, withdrawn) = oneshot::channel();
        if self.withdraw.send(done).is_ok() {
            // Its sender is dropped only after the attempt.
            _ = withdrawn.await;
        }
    }
}

struct Registrar {
    connector: Connector,
    key: String,
    record: WorkerRecord,
    attempts: Attempts,
    held: Option<Held>,
}

/// What etcd may hold of us, whether it has said so or not.
struct Held {
    client: Client,
    lease: i64,
}

impl Registrar {
    async fn run(mut self, orders: oneshot::Receiver<oneshot::Sender<()>>) {
        let order = tokio::select! {
            order = orders => order,
            never = self.keep() => match never {},
        };
        // Else it is abandoned.
        if let Ok(done) = order {
            Box::pin(self.withdraw()).await;
            _ = done.send(());
        }
    }

    async fn keep(&mut self) -> Infallible {
        loop {
            let Err(error) = self.hold().await;
            let wait = self.attempts.failed(&error);
            tokio::time::sleep(wait).await;
        }
    }

    /// Registers anew, and renews for as long as that goes well.
    async fn hold(&mut self) -> Result<Infallible, EtcdError> {
        let mut client = self.connector.connect().await?;
        // Chosen here: it can be revoked even if we never hear that it was granted.
        let lease = rand::random_range(1..=i64::MAX);
        self.held = Some(Held { client: client.clone(), lease });
        let options = LeaseGrantOptions::new().with_id(lease);
        let granted = within("LeaseGrant", client.lease_grant(TTL, Some(options))).await?;
        let value = serde_json::to_vec(&self.record)?;
        self.put(&mut client, lease, &value).await?;
        let (mut keeper, mut renewals) = within("LeaseKeepAlive", client.lease_keep_alive(lease)).await?;
        self.attempts.succeeded();
        let mut remaining = granted.ttl();
        loop {
            tokio::time::sleep(half(remaining)).await;
            let call = "LeaseKeepAlive";
            within(call, keeper.keep_alive()).await?;
            remaining = within(call, renewals.message()).await?.ok_or(EtcdError::Ended { call })?.ttl();
            if remaining <= 0 {
                return Err(EtcdError::LeaseLapsed);
            }
            self.check(&mut client, lease, &value).await?;
        }
    }

    async fn put(&self, client: &mut Client, lease: i64, value: &[u8]) -> Result<(), EtcdError> {
        let options = PutOptions::new().with_lease(lease);
        within("Put", client.put(self.key.as_str(), value, Some(options))).await.map(drop)
    }

    /// Others may have removed the entry, or written theirs over it.
    async fn check(&self, client: &mut Client, lease: i64, value: &[u8]) -> Result<(), EtcdError> {
        let found = within("Range", client.get(self.key.as_str(), None)).await?;
        if found.kvs().first().is_some_and(|entry| entry.lease() == lease && entry.value() == value) {
            return Ok(());
        }
        tracing::warn!(key = self.key, "the entry at etcd was changed by others, and is written again");
        self.put(client, lease, value).await
    }

    async fn withdraw(mut self) {
        let Some(held) = self.held.take() else { return };
        let taken_away = Box::pin(self.take_away(held));
        match tokio::time::timeout(WITHDRAWAL, taken_away).await {
            Ok(()) => tracing::info!("the registration at etcd is withdrawn"),
            Err(_) => tracing::warn!("etcd does not hear of the withdrawal: the registration lapses within {TTL} s"),
        }
    }

    /// Until it goes well, at one endpoint after the other.
    async fn take_away(&mut self, held: Held) {
        let Held { client, lease } = held;
        let mut known = Some(client);
        loop {
            let attempt = async {
                let mut client = match known.take() {
                    Some(client) => client,
                    None => self.connector.connect().await?,
                };
                remove(&mut client, &self.key, lease).await
            };
            match tokio::time::timeout(ATTEMPT, attempt).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::debug!(error = chain(&error), "the withdrawal at etcd is tried again"),
                Err(_) => tracing::debug!("the withdrawal at etcd is not answered, and is tried elsewhere"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The entry first: it may hang at an older lease. Then the lease, after which no late write of ours can bring the entry back.
async fn remove(client: &mut Client, key: &str, lease: i64) -> Result<(), EtcdError> {
    client.delete(key, None).await.map_err(|error| failed("DeleteRange", error))?;
    match client.lease_revoke(lease).await.map_err(|error| failed("LeaseRevoke", error)) {
        Ok(_) | Err(EtcdError::Refused { code: Code::NotFound, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn half(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0)) / 2
}
