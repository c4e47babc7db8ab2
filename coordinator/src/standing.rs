//! How this coordinator stands, for whoever runs it: on the port of `--admin`, and at its own.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, OnceLock},
};

use specfuse_runtime::{admin, discovery::Membership};

use crate::{
    api::intake::Intake,
    metrics::Now,
    pool::{Cluster, State, Worker},
};

/// How a coordinator gets to know its workers, once.
#[derive(Debug, Default)]
pub(crate) struct Introduction {
    /// The list when readiness was first asked for.
    first: OnceLock<Arc<Membership>>,
    is_over: OnceLock<()>,
}

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Standing(pub(crate) Arc<Intake>);

impl admin::Standing for Standing {
    /// A process that answers lives: nothing here can hang alone.
    fn live(&self) -> Result<(), String> {
        Ok(())
    }

    /// New requests are taken: not before the workers of the first list have been tried, and not once it has been told to stop.
    fn ready(&self) -> Result<(), String> {
        let intake = &self.0;
        if !intake.admission.is_open() {
            return Err("stopping".to_owned());
        }
        if intake.introduction.is_over.get().is_some() {
            return Ok(());
        }
        if !intake.directory.is_known() {
            return Err("who serves is not known yet".to_owned());
        }
        let listed = Arc::clone(&intake.directory.membership.borrow());
        let first = intake.introduction.first.get_or_init(|| Arc::clone(&listed));
        if !has_met(first, &listed, &intake.pool.cluster()) {
            return Err("not every worker has been tried yet".to_owned());
        }
        intake.introduction.is_over.get_or_init(|| ());
        Ok(())
    }

    fn metrics(&self) -> Result<String, fmt::Error> {
        let now = Now {
            generations: self.0.admission.counts(),
            cluster: self.0.pool.cluster(),
            last_sync: self.0.directory.last_sync(),
        };
        self.0.metrics.told(&now)
    }
}

/// Whether every worker of the first list that is still on it has answered or has not, once: those that came since are waited for by
/// nobody.
fn has_met(first: &Membership, listed: &Membership, cluster: &Cluster) -> bool {
    let tried = |worker: &&Worker| !matches!(worker.state, State::Connecting);
    let tried: BTreeSet<&str> = cluster.workers.iter().filter(tried).map(|worker| worker.link.url()).collect();
    let stays: BTreeSet<&str> = listed.workers.iter().map(|listed| &*listed.address).collect();
    first
        .workers
        .iter()
        .map(|listed| &*listed.address)
        .all(|address| tried.contains(address) || !stays.contains(address))
}
