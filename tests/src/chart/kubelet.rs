//! A pod that runs: its init containers to their ends, then its container, asked by its probes, and stopped as Kubernetes stops one.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    container::{self, Site},
    keeper::Kept,
    names::Names,
    pods::{Pod, text},
    volumes::{Given, Volumes},
};
use crate::{process::DEADLINE, scrape};

const POLL: Duration = Duration::from_millis(50);
/// What a second of preStop's sleep is here: there is no service whose list of pods would have to change everywhere.
const SLEPT: Duration = Duration::from_millis(20);

/// What all pods of a cluster see.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    pub objects: &'a [Value],
    pub names: &'a Names,
    pub given: &'a Given,
    /// Each pod has a folder below it.
    pub folder: &'a Path,
    /// Plays all programs of ours.
    pub specfuse: &'a Path,
}

#[derive(Debug)]
pub struct Running {
    pub pod: Pod,
    kept: Kept,
}

impl Running {
    /// What the container does next is not waited for.
    pub async fn start(pod: Pod, cluster: Cluster<'_>) -> Result<Self> {
        let Cluster { objects, names, given, specfuse, .. } = cluster;
        let folder = cluster.folder.join(&pod.name);
        std::fs::create_dir_all(&folder)?;
        let volumes = Volumes::make(&pod, &folder, objects, given, names)?;
        let site = Site { pod: &pod, volumes: &volumes, names, given };
        for container in pod.init_containers() {
            let name = text(container, "/name")?;
            let line = container::line(container, &site, specfuse)?;
            let mut kept = Kept::start(&line, &folder.join(format!("{name}.log")))?;
            let status = kept.ended(DEADLINE).await?;
            ensure!(status.success(), "{} {name}: {status}: {}", pod.name, kept.said());
        }
        let line = container::line(pod.container()?, &site, specfuse)?;
        let kept = Kept::start(&line, &folder.join("log"))?;
        Ok(Self { pod, kept })
    }

    /// Waits until the probes say that it has started and is ready, as long as they give it.
    pub async fn ready(&mut self) -> Result<()> {
        self.until("startupProbe", true).await?;
        // Nobody is ended for not being ready yet.
        self.within(DEADLINE, "readinessProbe", true).await?;
        self.until("livenessProbe", true).await
    }

    /// Whether it passes a probe now.
    pub async fn passes(&self, probe: &str) -> Result<bool> {
        let probe = self.probe(probe)?;
        let port = self.pod.port(probe.pointer("/httpGet/port").context("no port")?)?;
        let path = text(probe, "/httpGet/path")?;
        let asked = scrape::get(SocketAddr::from((self.pod.address, port)), &path);
        // Who refuses, is late or says anything else has failed.
        let page = tokio::time::timeout(Duration::from_secs(number(probe, "timeoutSeconds", 1)), asked).await;
        Ok(page.is_ok_and(|page| page.is_ok_and(|page| (200..400).contains(&page.status))))
    }

    /// Waits until it passes a probe, or does not, for no longer than until Kubernetes would act on it.
    pub async fn until(&mut self, name: &str, passes: bool) -> Result<()> {
        let probe = self.probe(name)?;
        let patience = number(probe, "periodSeconds", 10) * number(probe, "failureThreshold", 3);
        self.within(Duration::from_secs(patience), name, passes).await
    }

    async fn within(&mut self, patience: Duration, name: &str, passes: bool) -> Result<()> {
        let begun = Instant::now();
        while self.passes(name).await? != passes {
            if self.kept.has_ended()? || begun.elapsed() > patience {
                bail!("{}: {name} is not {passes}: {}", self.pod.name, self.kept.said());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// What comes before the signal that stops it.
    pub async fn pre_stop(&self) -> Result<()> {
        tokio::time::sleep(SLEPT * u32::try_from(self.slept())?).await;
        Ok(())
    }

    pub async fn terminate(&mut self) -> Result<()> {
        self.kept.signal("TERM").await
    }

    pub fn has_ended(&mut self) -> Result<bool> {
        self.kept.has_ended()
    }

    /// Waits for its end, which is to be a good one, no longer than Kubernetes would.
    pub async fn ended(&mut self) -> Result<()> {
        let grace = number(&self.pod.spec, "terminationGracePeriodSeconds", 30).saturating_sub(self.slept());
        let status = self.kept.ended(Duration::from_secs(grace).min(DEADLINE)).await;
        let status = status.with_context(|| self.pod.name.clone())?;
        // What etcd makes of the signal is its own affair.
        let is_well = status.success() || self.pod.component() == "etcd";
        ensure!(is_well, "{}: {status}: {}", self.pod.name, self.kept.said());
        Ok(())
    }

    /// What a series stands at that it tells of itself, such as `specfuse_workers{state="ready"}`.
    pub async fn series(&self, name: &str) -> Result<f64> {
        let admin = self.pod.port(&"admin".into())?;
        let page = scrape::get(SocketAddr::from((self.pod.address, admin)), "/metrics").await?;
        let line = page.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name}: {}", page.body))?.parse()?)
    }

    pub fn said(&self) -> String {
        self.kept.said()
    }

    fn probe(&self, name: &str) -> Result<&Value> {
        self.pod.container()?.get(name).with_context(|| format!("{}: no {name}", self.pod.name))
    }

    /// Seconds before the signal.
    fn slept(&self) -> u64 {
        let sleep = self.pod.container().ok().and_then(|container| container.pointer("/lifecycle/preStop/sleep"));
        sleep.map_or(0, |sleep| number(sleep, "seconds", 0))
    }
}

fn number(object: &Value, name: &str, otherwise: u64) -> u64 {
    object.get(name).and_then(Value::as_u64).unwrap_or(otherwise)
}
