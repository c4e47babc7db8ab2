//! The workers: a channel to each, what is known of them, and which replica serves a call.
//!
//! - `roll`: follows the list of workers, and keeps one probe for each
//! - `probe`: what a worker says of itself, again and again
//! - `link`: a worker's channel, and how the calls to it have gone
//! - `choice`: which replica a request belongs to
//!
//! A snapshot of the cluster is published through a watch; reading it never waits for a worker. A call that is under way keeps
//! its link, whatever becomes of the worker: a removed one is left at the next call.

mod choice;
mod link;
mod probe;
mod roll;

use std::{sync::Arc, time::Duration};

use specfuse_runtime::{discovery::Membership, shutdown::Shutdown, tls::ClientTls};
use tokio::sync::watch;

pub(crate) use self::link::{Calling, Link};
use self::{choice::Replica, roll::Roll};
use crate::client::Description;

/// How long a request waits for workers that have never been tried.
const FIRST_CONTACT: Duration = Duration::from_secs(2);

/// What is known of the workers, in the order of their list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) workers: Vec<Worker>,
}

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) link: Arc<Link>,
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
}

impl Pool {
    /// Follows the list until the stop begins; the last snapshot stays.
    pub(crate) fn start(list: watch::Receiver<Arc<Membership>>, tls: Option<ClientTls>, shutdown: &Shutdown) -> Self {
        let (publish, cluster) = watch::channel(Arc::default());
        let mut roll = Roll::new(Arc::new(publish), tls, shutdown.clone());
        roll.call(&list.borrow());
        shutdown.spawn(roll::follow(roll, list));
        Self { cluster }
    }

    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.cluster.borrow())
    }

    /// Waits until every member has a replica or every worker has been tried once, for at most [`FIRST_CONTACT`].
    pub(crate) async fn first_contact(&self, members: &[Arc<str>]) {
        let mut cluster = self.cluster.clone();
        let settled = cluster.wait_for(|cluster| {
            let untried = |worker: &Worker| matches!(worker.state, State::Connecting);
            let tried = !cluster.workers.is_empty() && !cluster.workers.iter().any(untried);
            tried || members.iter().all(|member| cluster.serves(member))
        });
        // Too late and a closed channel are the same here: the calls find out.
        let _ = tokio::time::timeout(FIRST_CONTACT, settled).await;
    }

    /// Waits until so many of the members have a replica, for at most so long.
    pub(crate) async fn served(&self, members: &[Arc<str>], quorum: usize, patience: Duration) {
        let mut cluster = self.cluster.clone();
        let served =
            cluster.wait_for(|cluster| members.iter().filter(|member| cluster.serves(member)).count() >= quorum);
        // As above.
        let _ = tokio::time::timeout(patience, served).await;
    }

    /// The ready replicas of a model, the one to ask first in front. Never empty.
    pub(crate) fn replicas(&self, model: &str, request_id: &str) -> Result<Vec<Arc<Link>>, NoReplica> {
        let cluster = self.cluster();
        let ready = cluster.workers.iter().filter(|worker| worker.serves(model));
        let replicas: Vec<Replica<&Arc<Link>>> = ready
            .map(|worker| Replica {
                weight: choice::weight(request_id, worker.link.url()),
                calls: worker.link.calls(),
                at: &worker.link,
            })
            .collect();
        if replicas.is_empty() {
            return Err(cluster.why_unserved(model));
        }
        Ok(choice::order(replicas).into_iter().cloned().collect())
    }
}

impl NoReplica {
    pub(crate) fn none() -> Self {
        Self::Unserved { silent: 0, workers: 0 }
    }
}

impl Cluster {
    pub(crate) fn serves(&self, model: &str) -> bool {
        self.workers.iter().any(|worker| worker.serves(model))
    }

    fn why_unserved(&self, model: &str) -> NoReplica {
        let lost = self.workers.iter().find_map(|worker| match &worker.state {
            State::Unreachable { error, last_known: Some(known) } if known.model == model => {
                Some(NoReplica::Unreachable { url: worker.link.url().into(), error: error.clone() })
            }
            State::Connecting | State::Ready(_) | State::Unreachable { .. } => None,
        });
        let silent = self.workers.iter().filter(|worker| !matches!(worker.state, State::Ready(_))).count();
        lost.unwrap_or(NoReplica::Unserved { silent, workers: self.workers.len() })
    }
}

impl Worker {
    pub(crate) fn serves(&self, model: &str) -> bool {
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
