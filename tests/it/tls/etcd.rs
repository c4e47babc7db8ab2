//! The hop to etcd: whoever etcd does not know, or does not know etcd, is not listed, and serves all the same.

use std::path::Path;

use anyhow::{Context, Result};
use etcd_client::ConnectOptions;
use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use specfuse_runtime::tls::ClientTls;
use specfuse_tests::{
    answer::{self, Answer},
    certificates::{Authority, Pair, Validity, write},
    etcd::Etcd,
    fleet::ready_of,
    golden,
    network::{Host, Network},
    process::{DEADLINE, Process},
};

use super::{
    ADDRESS, channel, client, coordinator, flags,
    matrix::{POLL, cluster, is_served},
    worker,
};

/// Seconds within which a coordinator that hears from etcd has heard from it.
const FRESH: f64 = 3.0;

/// Shows this certificate, and takes only who shows one of this authority.
async fn etcd(host: &Host, Pair { cert, key }: &Pair, ca: &Path) -> Result<Option<Etcd>> {
    let [cert, key, ca] = [cert, key, ca].map(|file| file.display().to_string());
    let flags = ["--cert-file", &cert, "--key-file", &key, "--trusted-ca-file", &ca, "--client-cert-auth"];
    Etcd::with(host, "https", &flags).await
}

/// The flags of whoever calls this etcd.
fn discovery(url: &str, shown: Option<&Pair>, ca: Option<&Path>) -> Vec<String> {
    let tls = flags("discovery", shown, ca.map(|ca| ("ca", ca)));
    ["--discovery".to_owned(), url.to_owned()].into_iter().chain(tls).collect()
}

/// Waits until the coordinator hears from etcd, and knows and calls these workers and no other.
async fn settled(coordinator: &Process, tls: Option<&ClientTls>, workers: &[&Process]) -> Result<()> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut expected: Vec<_> = workers.iter().map(|worker| format!("{scheme}://{}", worker.address)).collect();
    expected.sort_unstable();
    let (mut seen, deadline) = (None, tokio::time::Instant::now() + DEADLINE);
    while tokio::time::Instant::now() < deadline {
        if let Ok(cluster) = cluster(coordinator, tls).await {
            let mut ready = ready_of(&cluster);
            ready.sort_unstable();
            let fresh = cluster.discovery_last_sync_seconds.is_some_and(|seconds| seconds < FRESH);
            if fresh && ready == expected && cluster.workers.len() == expected.len() {
                return Ok(());
            }
            seen = Some(cluster);
        }
        tokio::time::sleep(POLL).await;
    }
    anyhow::bail!("not {expected:?}: {seen:?}")
}

/// Waits until the process says that etcd and it do not get on, and why.
async fn refused(process: &mut Process, reason: &str) -> Result<()> {
    let mut said = String::new();
    let told = async {
        while !(said.contains("at etcd is down") && said.contains(reason)) {
            said = process.log()?;
            tokio::time::sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    let told = tokio::time::timeout(DEADLINE, told).await;
    told.with_context(|| format!("not {reason:?}: {said}"))?
}

async fn answered(coordinator: &Process, tls: &ClientTls) -> Result<()> {
    let mut asked = EnsembleServiceClient::new(channel(coordinator, Some(tls))?);
    let answer = Answer::read(asked.generate(answer::question("How many apples?", 8)).await?.into_inner()).await?;
    assert!(!answer.segments.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_with_tls_on_every_hop_takes_new_certificates_and_no_strangers() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let (folder, network) = (tempfile::tempdir()?, Network::on_loopback(1)?);
    let host = network.hosts.first().context("no host")?;
    let [old, new, stranger] = ["old", "new", "stranger"].map(|name| Authority::new(folder.path(), name));
    let (old, new) = (old?, new?);
    // Everyone trusts this file, and everyone but etcd shows the one certificate.
    let trusted = folder.path().join("trusted.pem");
    let issued = |authority: &Authority| -> Result<[Pair; 2]> {
        write(&trusted, &std::fs::read_to_string(&authority.ca)?)?;
        let etcd = authority.issue("etcd", &host.address.to_string(), Validity::Now)?;
        Ok([authority.issue("us", ADDRESS, Validity::Now)?, etcd])
    };
    let [us, etcds] = issued(&old)?;
    let Some(mut first) = etcd(host, &etcds, &trusted).await? else { return Ok(()) };
    let url = first.url();
    let port = flags("tls", Some(&us), Some(("client-ca", &trusted)));
    let ours = [port.clone(), discovery(&url, Some(&us), Some(&trusted))].concat();
    let calling = [ours.clone(), flags("worker", Some(&us), Some(("ca", &trusted)))].concat();
    let one = worker(&golden, &ours).await?;
    let unknown = stranger?.issue("unknown", ADDRESS, Validity::Now)?;
    let shown = discovery(&url, Some(&unknown), Some(&trusted));
    let mut strangers = [
        worker(&golden, &[port.clone(), shown].concat()).await?,
        worker(&golden, &[port, discovery(&url, None, Some(&trusted))].concat()).await?,
        worker(&golden, &discovery(&url, None, None)).await?,
    ];
    let office = coordinator(folder.path(), &[], &calling).await?;
    for stranger in &mut strangers {
        refused(stranger, "").await?;
    }
    let tls = client(&trusted, Some(&us))?;
    settled(&office, Some(&tls), &[&one]).await?;
    answered(&office, &tls).await?;

    issued(&new)?;
    first.kill().await?;
    // It has forgotten everything: who is listed has registered again.
    let _second = etcd(host, &etcds, &trusted).await?.context("no etcd")?;
    let two = worker(&golden, &ours).await?;
    let tls = client(&trusted, Some(&us))?;
    settled(&office, Some(&tls), &[&one, &two]).await?;
    answered(&office, &tls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_with_a_bad_certificate_is_told_nothing_and_not_believed() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let (folder, network) = (tempfile::tempdir()?, Network::on_loopback(2)?);
    let ours = Authority::new(folder.path(), "ours")?;
    let us = ours.issue("us", ADDRESS, Validity::Now)?;
    let certificates =
        [("expired", None, Validity::Expired), ("not valid for name", Some("elsewhere.example"), Validity::Now)];
    for (host, (reason, name, validity)) in network.hosts.iter().zip(certificates) {
        let own = host.address.to_string();
        let bad = ours.issue("bad", name.unwrap_or(&own), validity)?;
        let Some(etcd) = etcd(host, &bad, &ours.ca).await? else { return Ok(()) };
        let flags = discovery(&etcd.url(), Some(&us), Some(&ours.ca));
        let (mut worker, mut coordinator) =
            tokio::try_join!(worker(&golden, &flags), coordinator(folder.path(), &[], &flags))?;
        refused(&mut worker, reason).await?;
        refused(&mut coordinator, reason).await?;
        assert!(is_served(&worker, None).await?, "{reason}");
        let known = cluster(&coordinator, None).await?;
        assert_eq!((known.discovery_last_sync_seconds, known.workers), (None, Vec::new()), "{reason}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_wrong_password_serves_unlisted_and_tries_again() -> Result<()> {
    const RIGHT: &str = "open-sesame";
    const WRONG: &str = "open-barley";
    let Some(golden) = golden::folder() else { return Ok(()) };
    let (folder, network) = (tempfile::tempdir()?, Network::on_loopback(1)?);
    let Some(etcd) = Etcd::start(network.hosts.first().context("no host")?).await? else { return Ok(()) };
    let mut admin = etcd_client::Client::connect([etcd.address.to_string()], None).await?;
    admin.role_add("root").await?;
    for user in ["root", "worker"] {
        admin.user_add(user, RIGHT, None).await?;
        admin.user_grant_role(user, "root").await?;
    }
    admin.auth_enable().await?;
    let login = |user: &str, password: &str| -> Result<Vec<String>> {
        let file = folder.path().join(user);
        write(&file, password)?;
        let flags = discovery(&format!("etcd://{user}@{}", etcd.address), None, None);
        Ok([flags, vec!["--discovery-password-file".to_owned(), file.display().to_string()]].concat())
    };
    let mut coordinator = coordinator(folder.path(), &[], &login("root", RIGHT)?).await?;
    let mut worker = worker(&golden, &login("worker", WRONG)?).await?;
    refused(&mut worker, "password").await?;
    settled(&coordinator, None, &[]).await?;
    assert!(is_served(&worker, None).await?);

    let as_root = ConnectOptions::new().with_user("root", RIGHT);
    let mut admin = etcd_client::Client::connect([etcd.address.to_string()], Some(as_root)).await?;
    admin.user_change_password("worker", WRONG).await?;
    settled(&coordinator, None, &[&worker]).await?;
    let said = worker.log()? + &coordinator.log()?;
    assert!(!said.contains(RIGHT) && !said.contains(WRONG), "{said}");
    Ok(())
}
