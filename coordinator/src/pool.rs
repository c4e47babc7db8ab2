//! The workers: a channel to each, what is known of them, and which replica serves a call.
//!
//! A snapshot of the cluster is published through a watch; reading it never waits for a worker. Only the `probe` tasks
//! change it. A model's replicas are asked in rendezvous order of the request's id, so a request's rounds meet a warm cache.

mod probe;
mod rendezvous;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use specfuse_runtime::shutdown::Shutdown;
use tokio::sync::{Notify, watch};

use crate::{
    client::{CallError, Description, WorkerClient},
    config::WorkerUrl,
};

/// How long a request waits for workers that have never been tried.
const FIRST_CONTACT: Duration = Duration::from_secs(2);

/// What is known of the workers, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) workers: Vec<Worker>,
}

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    /// URL as configured.
    pub(crate) url: Arc<str>,
    pub(crate) state: State,
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Until the first attempt has an outcome.
    Connecting,
    Ready(Arc<Description>),
    Unreachable {
        error: String,
        last_known: Option<Arc<Description>>,
    },
}

/// Why no replica can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoReplica {
    #[error("its worker {url} is unreachable: {error}")]
    Unreachable { url: Arc<str>, error: String },
    #[error("no worker that answers serves it ({silent} of {workers} workers do not answer)")]
    Unserved { silent: usize, workers: usize },
}

#[derive(Clone, Debug)]
pub(crate) struct Pool {
    cluster: watch::Receiver<Arc<Cluster>>,
    /// In the order of the configuration, as the cluster's workers are.
    links: Arc<[Arc<Link>]>,
}

/// One worker's channel, and what calls tell the probe about it.
#[derive(Debug)]
pub(crate) struct Link {
    url: Arc<str>,
    pub(crate) client: WorkerClient,
    /// Calls in a row that were not answered in time.
    late: AtomicU32,
    suspected: Notify,
}

impl Pool {
    /// Starts one probe for each worker; they end when the stop begins, and the last snapshot stays.
    pub(crate) fn start(workers: &[WorkerUrl], shutdown: &Shutdown) -> Self {
        let connecting = workers.iter().map(|worker| Worker { url: worker.text.clone(), state: State::Connecting });
        let (publish, cluster) = watch::channel(Arc::new(Cluster { workers: connecting.collect() }));
        let publish = Arc::new(publish);
        let links: Arc<[Arc<Link>]> = workers.iter().map(|worker| Arc::new(Link::new(worker))).collect();
        for (place, link) in links.iter().enumerate() {
            let board = probe::Board { place, publish: Arc::clone(&publish) };
            shutdown.spawn(probe::run(Arc::clone(link), board, shutdown.clone()));
        }
        Self { cluster, links }
    }

    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.cluster.borrow())
    }

    /// Waits until every member has a replica or every worker has been tried once, for at most [`FIRST_CONTACT`].
    pub(crate) async fn first_contact(&self, members: &[Arc<str>]) {
        let mut cluster = self.cluster.clone();
        let settled = cluster.wait_for(|cluster| {
            let tried = !cluster.workers.iter().any(|worker| matches!(worker.state, State::Connecting));
            tried || members.iter().all(|member| cluster.serves(member))
        });
        // Too late and a closed channel are the same here: the calls find out.
        let _ = tokio::time::timeout(FIRST_CONTACT, settled).await;
    }

    /// The ready replicas of a model, the one to ask first in front. Never empty.
    pub(crate) fn replicas(&self, model: &str, request_id: &str) -> Result<Vec<Arc<Link>>, NoReplica> {
        let cluster = self.cluster();
        let ready = cluster.workers.iter().zip(self.links.iter()).filter(|(worker, _)| worker.serves(model));
        let mut ranked: Vec<(u64, &Arc<Link>)> =
            ready.map(|(worker, link)| (rendezvous::weight(request_id, &worker.url), link)).collect();
        ranked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        if ranked.is_empty() {
            return Err(cluster.why_unserved(model));
        }
        Ok(ranked.into_iter().map(|(_, link)| Arc::clone(link)).collect())
    }
}

impl Cluster {
    pub(crate) fn serves(&self, model: &str) -> bool {
        self.workers.iter().any(|worker| worker.serves(model))
    }

    fn why_unserved(&self, model: &str) -> NoReplica {
        let lost = self.workers.iter().find_map(|worker| match &worker.state {
            State::Unreachable { error, last_known: Some(known) } if known.model == model => {
                Some(NoReplica::Unreachable { url: worker.url.clone(), error: error.clone() })
            }
            State::Connecting | State::Ready(_) | State::Unreachable { .. } => None,
        });
        let silent = self.workers.iter().filter(|worker| !matches!(worker.state, State::Ready(_))).count();
        lost.unwrap_or(NoReplica::Unserved { silent, workers: self.workers.len() })
    }
}

impl Worker {
    fn serves(&self, model: &str) -> bool {
        matches!(&self.state, State::Ready(description) if description.model == model)
    }
}

impl State {
    pub(crate) fn description(&self) -> Option<&Arc<Description>> {
        match self {
            Self::Connecting => None,
            Self::Ready(description) => Some(description),
            Self::Unreachable { last_known, .. } => last_known.as_ref(),
        }
    }
}

impl Link {
    fn new(worker: &WorkerUrl) -> Self {
        Self {
            url: worker.text.clone(),
            client: WorkerClient::lazy(worker.uri.clone()),
            late: AtomicU32::new(0),
            suspected: Notify::new(),
        }
    }

    /// Tells how a call ended: the probe looks at once after a worker that did not answer.
    pub(crate) fn called<T>(&self, outcome: &Result<T, CallError>) {
        match outcome {
            Err(CallError::Late { .. }) => {
                self.late.fetch_add(1, Ordering::Relaxed);
                self.suspected.notify_one();
            }
            Err(CallError::Unreachable(_)) => self.suspected.notify_one(),
            Ok(_)
            | Err(
                CallError::Busy(_)
                | CallError::ContextFull(_)
                | CallError::Refused(_)
                | CallError::Invalid(_)
                | CallError::Broken(_)
                | CallError::Malformed(_),
            ) => self.late.store(0, Ordering::Relaxed),
        }
    }
}
