//! deploy/compose.yaml: everything it names exists, our processes have no more rights than they need, and they start with the very
//! command lines that are written there, find each other and answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use specfuse_tests::{
    etcd::Etcd,
    fleet::await_ready,
    network::{Host, Network},
    process::{Launch, Process},
    program,
    scrape::get,
};
use tempfile::TempDir;

use super::{
    images::is_pinned,
    read::{self, Compose, Service, Told},
    root,
};
use crate::PROGRAM;

/// Our images, by the stages that make them, and the roles of `specfuse` that their programs are.
const OURS: [(&str, &str); 3] = [("coordinator", "coordinator"), ("worker", "worker"), ("cli", "")];
/// At which services reach each other.
const PORTS: [u16; 3] = [7070, 7071, 4317];
/// Elsewhere than Prometheus's own port, 9090: a test must not meet a server that is none of its own.
const ADMIN_PORT: u16 = 19_090;

#[tokio::test]
async fn what_is_mounted_exists_and_no_port_is_open_to_others() -> Result<()> {
    let Some(Told { compose, dockerfile, .. }) = read::told().await? else { return Ok(()) };
    for (name, service) in &compose.services {
        assert!(is_pinned(&service.image), "{name}: {} is another one tomorrow", service.image);
        for volume in service.volumes.iter().filter(|volume| volume.kind == "bind") {
            assert!(Path::new(&volume.source).exists(), "{name}: there is no {}", volume.source);
            assert!(volume.read_only, "{name} can write {}", volume.source);
        }
        for port in &service.ports {
            assert_eq!(port.host_ip, "127.0.0.1", "{name}: port {}", port.target);
        }
        if let Some(build) = &service.build {
            assert_eq!(Path::new(&build.context).canonicalize()?, root()?, "{name}");
            assert_eq!(build.dockerfile, "deploy/Dockerfile", "{name}");
            assert!(service.image.ends_with(&format!(":{}", dockerfile.arguments["VERSION"])), "{name}");
            assert!(OURS.iter().any(|(stage, _)| *stage == build.target), "{name}: {}", build.target);
            assert!(service.read_only, "{name} can write its root");
            assert_eq!(service.cap_drop, ["ALL"], "{name}");
            assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn prometheus_asks_every_server_of_ours_at_its_admin_port() -> Result<()> {
    let Some(Told { compose, .. }) = read::told().await? else { return Ok(()) };
    let asked = fs::read_to_string(root()?.join("deploy/prometheus.yaml"))?;
    let asked: BTreeSet<&str> = asked.split('"').filter_map(|word| word.strip_suffix(":9090")).collect();
    let servers = compose.services.iter().filter(|(_, service)| role(service).is_some_and(|role| !role.is_empty()));
    assert_eq!(asked, servers.map(|(name, _)| name.as_str()).collect());
    Ok(())
}

/// Our services as processes of this machine.
struct Deployment {
    compose: Compose,
    /// By service.
    hosts: BTreeMap<String, Host>,
    etcd: Etcd,
    folder: TempDir,
    _network: Network,
}

#[tokio::test]
async fn the_written_command_lines_start_a_cluster_that_answers() -> Result<()> {
    let Some(Told { compose, .. }) = read::told().await? else { return Ok(()) };
    let Some(deployment) = Deployment::on_loopback(compose).await? else { return Ok(()) };
    let workers = deployment.start("worker").await?;
    let coordinators = deployment.start("coordinator").await?;
    let [coordinator] = &coordinators[..] else { anyhow::bail!("{} coordinators", coordinators.len()) };
    assert_eq!(workers.len(), 3);
    await_ready(&coordinator.url(), &workers.iter().map(Process::url).collect::<Vec<_>>()).await?;

    let ask = &deployment.compose.services["ask"];
    let words: Vec<String> =
        ask.entrypoint.iter().skip(1).chain(&ask.command).map(|word| deployment.here("ask", word)).collect();
    let ran = program::run(Path::new(PROGRAM), &words.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("85"), "{}", ran.stdout);

    // Where Prometheus asks them.
    for name in ["coordinator", "abacus-llama", "calendar-qwen2", "sorter-gemma2"] {
        let told = get((deployment.hosts[name].address, ADMIN_PORT).into(), "/metrics").await?;
        assert!(told.status == 200 && told.body.contains("specfuse_"), "{name}: {told:?}");
    }
    Ok(())
}

impl Deployment {
    /// None: there is no etcd, and the test is skipped, having said so.
    async fn on_loopback(compose: Compose) -> Result<Option<Self>> {
        let network = Network::on_loopback(u8::try_from(compose.services.len())?)?;
        let hosts: BTreeMap<_, _> = compose.services.keys().cloned().zip(network.hosts.iter().cloned()).collect();
        let Some(etcd) = Etcd::start(&hosts["etcd"]).await? else { return Ok(None) };
        Ok(Some(Self { compose, hosts, etcd, folder: tempfile::tempdir()?, _network: network }))
    }

    /// Every service that is of this role.
    async fn start(&self, wanted: &str) -> Result<Vec<Process>> {
        let services = self.compose.services.iter().filter(|(_, service)| role(service) == Some(wanted));
        let started = services.map(async |(name, service)| self.launch(wanted, name, service)?.start().await);
        futures::future::try_join_all(started).await
    }

    /// With its environment, which `env` gives to the program that it becomes.
    fn launch(&self, role: &str, name: &str, service: &Service) -> Result<Launch> {
        assert_eq!(service.entrypoint, [""; 0], "{name}: the image's own");
        let variables =
            service.environment.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or_default()));
        let mut words: Vec<String> = variables.collect();
        words.extend([PROGRAM.to_owned(), role.to_owned()]);
        words.extend(service.command.iter().map(|word| self.here(name, word)));
        self.files_of(name, service)?;
        Ok(Launch::of(Path::new("env"), &words.iter().map(String::as_str).collect::<Vec<_>>()).on(&self.hosts[name]))
    }

    /// What is mounted into a service, with the addresses of this machine.
    fn files_of(&self, name: &str, service: &Service) -> Result<()> {
        for volume in &service.volumes {
            let file = self.folder.path().join(volume.target.trim_start_matches('/'));
            fs::create_dir_all(file.parent().context("no folder")?)?;
            fs::write(file, self.here(name, &fs::read_to_string(&volume.source)?))?;
        }
        Ok(())
    }

    /// A word of a command line, with the addresses and the paths of this machine.
    fn here(&self, service: &str, word: &str) -> String {
        let own = &self.hosts[service];
        let mut word = word.replace("0.0.0.0", &own.address.to_string()).replace(":9090", &format!(":{ADMIN_PORT}"));
        word = word.replace("etcd:2379", &self.etcd.address.to_string());
        for (name, host) in &self.hosts {
            for port in PORTS {
                word = word.replace(&format!("{name}:{port}"), &format!("{}:{port}", host.address));
            }
        }
        let models = specfuse_tests::up::bundled_models().display().to_string();
        word.replace("=/models/", &format!("={models}/"))
            .replace("=/etc/", &format!("={}/etc/", self.folder.path().display()))
    }
}

/// None: it is not ours.
fn role(service: &Service) -> Option<&'static str> {
    let build = service.build.as_ref()?;
    OURS.iter().find(|(stage, _)| *stage == build.target).map(|(_, role)| *role)
}
