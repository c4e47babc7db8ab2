//! Who is served on each hop: every kind of client at every kind of port.

use std::path::Path;

use anyhow::{Context, Result};
use futures::future::{join_all, try_join_all};
use specfuse_proto::v1::{
    GetClusterRequest, GetClusterResponse, WorkerState, ensemble_service_client::EnsembleServiceClient,
};
use specfuse_runtime::tls::ClientTls;
use specfuse_tests::{
    answer::{self, Answer},
    certificates::{Authority, Validity},
    golden,
    process::{DEADLINE, Process},
    program,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{ADDRESS, channel, client, coordinator, flags, worker};
use crate::PROGRAM;

pub(super) const POLL: std::time::Duration = std::time::Duration::from_millis(50);

pub(super) async fn is_served(process: &Process, tls: Option<&ClientTls>) -> Result<bool> {
    let mut health = HealthClient::new(channel(process, tls)?);
    let answered = tokio::time::timeout(DEADLINE, health.check(HealthCheckRequest::default())).await;
    Ok(answered.context("neither answered nor refused")?.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_serves_whom_it_should_and_nobody_else() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let (ours, stranger) = (Authority::new(folder.path(), "ours")?, Authority::new(folder.path(), "stranger")?);
    let clients = [
        ("plaintext", None),
        ("TLS", Some(client(&ours.ca, None)?)),
        ("ours", Some(client(&ours.ca, Some(&ours.issue("client", "a client", Validity::Now)?))?)),
        ("a stranger", Some(client(&ours.ca, Some(&stranger.issue("stranger", "a client", Validity::Now)?))?)),
        ("expired", Some(client(&ours.ca, Some(&ours.issue("expired", "a client", Validity::Expired)?))?)),
        ("trusts strangers", Some(client(&stranger.ca, None)?)),
    ];
    let server = ours.issue("server", ADDRESS, Validity::Now)?;
    let ports = [
        (flags("tls", None, None), &["plaintext"][..]),
        (flags("tls", Some(&server), None), &["TLS", "ours", "a stranger", "expired"]),
        (flags("tls", Some(&server), Some(("client-ca", &ours.ca))), &["ours"]),
    ];
    for (flags, expected) in ports {
        let nobody = ["http://127.0.0.1:1".to_owned()];
        for process in [worker(&golden, &flags).await?, coordinator(folder.path(), &nobody, &flags).await?] {
            let served = clients.iter().map(async |(name, tls)| (*name, is_served(&process, tls.as_ref()).await));
            let mut names = Vec::new();
            for (name, served) in join_all(served).await {
                names.extend(served?.then_some(name));
            }
            assert_eq!(names, expected, "{flags:?}");
        }
    }
    Ok(())
}

pub(super) async fn cluster(coordinator: &Process, tls: Option<&ClientTls>) -> Result<GetClusterResponse> {
    let mut client = EnsembleServiceClient::new(channel(coordinator, tls)?);
    Ok(client.get_cluster(GetClusterRequest {}).await?.into_inner())
}

/// The endpoints of the workers that are called, once every one has been tried.
async fn ready(coordinator: &Process, tls: Option<&ClientTls>) -> Result<Vec<String>> {
    let tried = async {
        loop {
            let workers = cluster(coordinator, tls).await?.workers;
            if workers.iter().all(|worker| worker.state() != WorkerState::Connecting) {
                let ready = workers.into_iter().filter(|worker| worker.state() == WorkerState::Ready);
                return Ok(ready.map(|worker| worker.endpoint).collect());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(DEADLINE, tried).await.context("some are never tried")?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_calls_only_workers_that_it_trusts_and_that_trust_it() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let (ours, stranger) = (Authority::new(folder.path(), "ours")?, Authority::new(folder.path(), "stranger")?);
    let good = ours.issue("worker", ADDRESS, Validity::Now)?;
    let trusting_us = Some(("client-ca", ours.ca.as_path()));
    let workers = [
        flags("tls", Some(&good), trusting_us),
        flags("tls", Some(&ours.issue("expired", ADDRESS, Validity::Expired)?), trusting_us),
        flags("tls", Some(&ours.issue("elsewhere", "elsewhere.example", Validity::Now)?), trusting_us),
        flags("tls", Some(&stranger.issue("stranger", ADDRESS, Validity::Now)?), trusting_us),
        flags("tls", Some(&good), Some(("client-ca", &stranger.ca))),
        flags("tls", None, None),
    ];
    let workers = try_join_all(workers.iter().map(|flags| worker(&golden, flags))).await?;
    let https: Vec<String> = workers.iter().map(|worker| format!("https://{}", worker.address)).collect();
    let ours_to_show = ours.issue("coordinator", "a coordinator", Validity::Now)?;
    let trusting = Some(("ca", ours.ca.as_path()));

    let known = coordinator(folder.path(), &https, &flags("worker", Some(&ours_to_show), trusting)).await?;
    assert_eq!(ready(&known, None).await?, https[..1], "{:?}", cluster(&known, None).await?);
    let mut asked = EnsembleServiceClient::new(channel(&known, None)?);
    let answer = Answer::read(asked.generate(answer::question("How many apples?", 8)).await?.into_inner()).await?;
    assert!(!answer.segments.is_empty());

    let unknown = coordinator(folder.path(), &https[..1], &flags("worker", None, trusting)).await?;
    assert_eq!(ready(&unknown, None).await?, [""; 0], "{:?}", cluster(&unknown, None).await?);
    let http = [workers[0].url()];
    let plain = coordinator(folder.path(), &http, &[]).await?;
    assert_eq!(ready(&plain, None).await?, [""; 0], "{:?}", cluster(&plain, None).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_asks_only_a_coordinator_that_it_trusts() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let (ours, stranger) = (Authority::new(folder.path(), "ours")?, Authority::new(folder.path(), "stranger")?);
    let process = worker(&golden, &[]).await?;
    let worker = [process.url()];
    let ca = ours.ca.to_str().context("the file's name is not UTF-8")?;
    let servers = [
        (ours.issue("good", ADDRESS, Validity::Now)?, None),
        (ours.issue("expired", ADDRESS, Validity::Expired)?, Some("expired")),
        (ours.issue("elsewhere", "elsewhere.example", Validity::Now)?, Some("not valid for name")),
        (stranger.issue("stranger", ADDRESS, Validity::Now)?, Some("UnknownIssuer")),
    ];
    for (shown, reason) in servers {
        let coordinator = coordinator(folder.path(), &worker, &flags("tls", Some(&shown), None)).await?;
        if reason.is_none() {
            let found = ready(&coordinator, Some(&client(&ours.ca, None)?)).await?;
            assert_eq!(found, worker);
        }
        let url = format!("https://{}", coordinator.address);
        let ask = ["ask", "--endpoint", &url, "--tls-ca", ca, "--max-tokens", "8", "How many apples?"];
        let ran = program::run(Path::new(PROGRAM), &ask).await?;
        assert_eq!(ran.code == Some(0), reason.is_none(), "{shown:?}: {ran:?}");
        assert!(reason.is_none_or(|reason| ran.stderr.contains(reason)), "{shown:?}: {ran:?}");
    }
    Ok(())
}
