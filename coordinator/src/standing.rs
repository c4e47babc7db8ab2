//! How this coordinator stands, for whoever runs it: on the port of `--admin`, and at its own.

use std::{collections::BTreeSet, fmt, sync::Arc};

use specfuse_runtime::{admin, discovery::Membership};

use crate::{
    api::intake::Intake,
    metrics::Now,
    pool::{Cluster, State, Worker},
};

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
        if intake.met.get().is_none() {
            if !intake.directory.is_known() {
                return Err("who serves is not known yet".to_owned());
            }
            if !has_met(&intake.directory.membership.borrow(), &intake.pool.cluster()) {
                return Err("not every worker has been tried yet".to_owned());
            }
            intake.met.get_or_init(|| ());
        }
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

/// Whether every worker on the list has answered or has not, once.
fn has_met(listed: &Membership, cluster: &Cluster) -> bool {
    let tried = |worker: &&Worker| !matches!(worker.state, State::Connecting);
    let tried: BTreeSet<&str> = cluster.workers.iter().filter(tried).map(|worker| worker.link.url()).collect();
    listed.workers.iter().all(|listed| tried.contains(&*listed.address))
}
