//! What may break, and how it is mended. Each fault has its victim to itself until it is over.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::sync::OwnedMutexGuard;

use crate::{etcd::Etcd, fleet::Worker, process::Process};

const PAUSE: Duration = Duration::from_secs(3);

/// In words that the report uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// SIGKILL for a worker, which starts again.
    WorkerKilled,
    /// SIGSTOP for a worker, and SIGCONT.
    WorkerPaused,
    /// A worker's host is cut off, and comes back.
    WorkerCutOff,
    /// SIGTERM for the second coordinator, which starts again.
    CoordinatorRestarted,
    /// SIGKILL for the etcd, which starts again.
    EtcdRestarted,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::WorkerKilled, Self::WorkerPaused, Self::WorkerCutOff, Self::CoordinatorRestarted, Self::EtcdRestarted];
}

/// A fault with its victim.
pub(super) enum Fault {
    Kill(OwnedMutexGuard<Worker>),
    Pause(OwnedMutexGuard<Worker>),
    CutOff(OwnedMutexGuard<Worker>, Duration),
    RestartCoordinator(OwnedMutexGuard<Process>),
    RestartEtcd(OwnedMutexGuard<Etcd>),
}

impl Fault {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Kill(_) => Kind::WorkerKilled,
            Self::Pause(_) => Kind::WorkerPaused,
            Self::CutOff(..) => Kind::WorkerCutOff,
            Self::RestartCoordinator(_) => Kind::CoordinatorRestarted,
            Self::RestartEtcd(_) => Kind::EtcdRestarted,
        }
    }

    /// Who is hit, and for how long, in words.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Kill(worker) => format!("kill {} {}", worker.member, worker.process.address),
            Self::Pause(worker) => format!("pause {} {}", worker.member, worker.process.address),
            Self::CutOff(worker, time) => format!("cut {} {} for {time:?}", worker.member, worker.process.address),
            Self::RestartCoordinator(process) => format!("restart coordinator {}", process.address),
            Self::RestartEtcd(etcd) => format!("restart etcd {}", etcd.address),
        }
    }

    /// Breaks and mends.
    pub(super) async fn strike(self) -> Result<()> {
        match self {
            Self::Kill(mut worker) => {
                worker.process.kill().await?;
                worker.process.restart().await
            }
            Self::Pause(worker) => {
                worker.process.signal("STOP").await?;
                tokio::time::sleep(PAUSE).await;
                worker.process.signal("CONT").await
            }
            Self::CutOff(worker, time) => {
                worker.host.cut()?;
                tokio::time::sleep(time).await;
                worker.host.heal()
            }
            Self::RestartCoordinator(mut coordinator) => {
                coordinator.signal("TERM").await?;
                coordinator.restart().await
            }
            Self::RestartEtcd(mut etcd) => {
                etcd.kill().await?;
                etcd.resume().await
            }
        }
    }
}
