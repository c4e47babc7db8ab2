//! The chart, installed without Kubernetes: every pod is a real process on an address of its own, with the command line, the environment,
//! the files, the names and the probes that the manifests give it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Chart,
    certificates::{self, Wanted},
    kubelet::{Cluster, Running},
    names::Names,
    objects,
    pods::{Pod, pods},
    volumes::Given,
};
use crate::{network::Network, process::DEADLINE};

const POLL: Duration = Duration::from_millis(50);
/// More than any test needs: they cost nothing.
const HOSTS: u8 = 40;

/// What is installed.
#[derive(Debug)]
pub struct Plan<'a> {
    pub chart: &'a Chart,
    pub kubernetes: &'a str,
    pub values: Vec<PathBuf>,
    pub given: Given,
    /// What is outside of the chart, by "name:port".
    pub outside: Vec<(&'static str, SocketAddr)>,
    /// Secrets with certificates, besides those that the chart's own objects ask for.
    pub certificates: Vec<Wanted>,
    pub specfuse: &'a Path,
}

#[derive(Debug)]
pub struct Release {
    /// By name.
    pub pods: BTreeMap<String, Running>,
    pub names: Names,
    pub given: Given,
    objects: Vec<Value>,
    test: Pod,
    specfuse: PathBuf,
    folder: TempDir,
    _network: Network,
}

impl Release {
    /// Starts everything at once, in no order, and waits until the probes say that all of it is ready, and coordinators call all workers.
    pub async fn install(plan: Plan<'_>) -> Result<Self> {
        let objects = objects(&plan.chart.render(plan.kubernetes, &plan.values).await?)?;
        let network = Network::on_loopback(HOSTS)?;
        let (mut tests, pods): (Vec<Pod>, Vec<Pod>) =
            pods(&objects, &network.hosts)?.into_iter().partition(|pod| pod.is_test);
        let mut names = Names::of(&objects, &pods)?;
        for (name, address) in plan.outside {
            names.add(name.to_owned(), vec![address]);
        }
        let (folder, mut given) = (tempfile::tempdir()?, plan.given);
        let wanted = plan.certificates.into_iter().chain(certificates::wanted(&objects)?);
        given.secrets.extend(certificates::issued(wanted, &names, folder.path())?);
        let test = tests.pop().context("no pod for helm test")?;
        let mut release = Self {
            pods: BTreeMap::new(),
            names,
            given,
            objects,
            test,
            specfuse: plan.specfuse.to_owned(),
            folder,
            _network: network,
        };
        let started = pods.into_iter().map(async |pod| {
            let mut running = Running::start(pod, release.cluster()).await?;
            running.ready().await?;
            Ok::<_, anyhow::Error>((running.pod.name.clone(), running))
        });
        release.pods = try_join_all(started).await?.into_iter().collect();
        release.met().await?;
        Ok(release)
    }

    /// A worker is ready a moment before a coordinator has heard of it.
    async fn met(&self) -> Result<()> {
        let of = |component| self.pods.values().filter(move |running| running.pod.component() == component);
        let workers = f64::from(u32::try_from(of("worker").count())?);
        let met = of("coordinator").map(async |coordinator| {
            while coordinator.series(r#"specfuse_workers{state="ready"}"#).await? < workers {
                tokio::time::sleep(POLL).await;
            }
            Ok::<_, anyhow::Error>(())
        });
        tokio::time::timeout(DEADLINE, try_join_all(met)).await.context("some worker is not called")??;
        Ok(())
    }

    /// As `helm test` does it: what the pod said.
    pub async fn test(&self) -> Result<String> {
        let mut asking = Running::start(self.test.clone(), self.cluster()).await?;
        asking.ended().await?;
        Ok(asking.said())
    }

    pub fn pod(&mut self, name: &str) -> Result<&mut Running> {
        self.pods.get_mut(name).with_context(|| format!("no pod {name}"))
    }

    /// Where a service sends who asks: to one that is ready.
    pub async fn service(&self, name: &str) -> Result<SocketAddr> {
        for address in self.names.addresses(name)? {
            for running in self.pods.values().filter(|running| address.ip() == running.pod.address) {
                if running.passes("readinessProbe").await? {
                    return Ok(*address);
                }
            }
        }
        anyhow::bail!("nobody behind {name} is ready")
    }

    /// Stops everything that still runs at once, in no order; each pod ends well and in time.
    pub async fn uninstall(mut self) -> Result<()> {
        let stopped = self.pods.values_mut().map(async |running| {
            if running.has_ended()? {
                return Ok(());
            }
            ensure!(running.passes("livenessProbe").await?, "{} does not live: {}", running.pod.name, running.said());
            running.pre_stop().await?;
            running.terminate().await?;
            running.ended().await
        });
        tokio::time::timeout(DEADLINE, try_join_all(stopped)).await.context("not everything ends")??;
        Ok(())
    }

    fn cluster(&self) -> Cluster<'_> {
        let Self { objects, names, given, specfuse, folder, .. } = self;
        Cluster { objects, names, given, folder: folder.path(), specfuse }
    }
}
