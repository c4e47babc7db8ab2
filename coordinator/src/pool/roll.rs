//! Follows the list of workers: one link and one probe for each that is on it, none for who has left. A worker that came back as
//! another process is another one.

use std::sync::Arc;

use specfuse_runtime::{
    discovery::{Listed, Membership},
    shutdown::Shutdown,
    tls::ClientTls,
};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Uri;

use super::{
    Cluster, Link, State, Worker,
    probe::{self, Board},
};
use crate::client::WorkerClient;

pub(super) struct Roll {
    publish: Arc<watch::Sender<Arc<Cluster>>>,
    tls: Option<ClientTls>,
    shutdown: Shutdown,
    /// In the order of the list.
    present: Vec<Present>,
}

struct Present {
    link: Arc<Link>,
    /// Ends the probe.
    _probe: DropGuard,
}

/// Until the stop begins, or nobody writes the list any more.
pub(super) async fn follow(mut roll: Roll, mut list: watch::Receiver<Arc<Membership>>) {
    let shutdown = roll.shutdown.clone();
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            changed = list.changed() => if changed.is_err() {
                // A configured list has no writer. The probes go on as long as the roll is held.
                return shutdown.begun().await;
            }
        }
        let now = Arc::clone(&list.borrow_and_update());
        roll.call(&now);
    }
}

impl Roll {
    pub(super) fn new(publish: Arc<watch::Sender<Arc<Cluster>>>, tls: Option<ClientTls>, shutdown: Shutdown) -> Self {
        Self { publish, tls, shutdown, present: Vec::new() }
    }

    /// Brings links, probes and the snapshot to what the list says.
    pub(super) fn call(&mut self, list: &Membership) {
        let mut before = std::mem::take(&mut self.present);
        for listed in &list.workers {
            let known = before.iter().position(|present| present.link.listed == *listed);
            match known.map(|at| before.swap_remove(at)).or_else(|| self.welcome(listed)) {
                Some(present) => self.present.push(present),
                None => tracing::warn!(worker = %listed.address, "a listed worker has no usable address"),
            }
        }
        for gone in &before {
            tracing::info!(worker = gone.link.url(), "worker has left the list");
        }
        self.publish.send_modify(|cluster| {
            let state = |link: &Arc<Link>| {
                let known = cluster.workers.iter().find(|worker| Arc::ptr_eq(&worker.link, link));
                known.map_or(State::Connecting, |worker| worker.state.clone())
            };
            let worker = |present: &Present| Worker { link: Arc::clone(&present.link), state: state(&present.link) };
            *cluster = Arc::new(Cluster { workers: self.present.iter().map(worker).collect() });
        });
        // Their probes may publish until here; what they say of a link that is not in the snapshot is nobody's.
        drop(before);
    }

    /// None: its address is none.
    fn welcome(&self, listed: &Listed) -> Option<Present> {
        let uri: Uri = listed.address.parse().ok()?;
        let link = Arc::new(Link::new(listed.clone(), WorkerClient::lazy(uri, self.tls.as_ref())));
        let stop = CancellationToken::new();
        let board = Board::new(Arc::clone(&link), Arc::clone(&self.publish));
        let (shutdown, stopped) = (self.shutdown.clone(), stop.clone());
        self.shutdown.spawn(async move {
            tokio::select! {
                () = shutdown.begun() => {}
                () = stopped.cancelled() => {}
                () = probe::run(board) => {}
            }
        });
        Some(Present { link, _probe: stop.drop_guard() })
    }
}
