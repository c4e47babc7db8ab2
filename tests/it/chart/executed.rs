//! What the chart says is done: every pod runs with its command line, environment, files and probes, answers, and stops well.

mod stops;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use etcd_client::{Channel, Client, Permission};
use specfuse_runtime::tls::{self, ClientTls, ClientTlsFiles};
use specfuse_tests::{
    certificates::{Authority, Pair, Validity},
    chart::{Chart, Given, Plan, Release, Secret, Wanted, fixtures},
    etcd::Etcd,
    network::{Host, Network},
    packages::{has, run},
    process::DEADLINE,
};
use tokio::process::Command;
use tonic::transport::Endpoint;

use super::{NEWEST, chart};
use crate::PROGRAM;

/// What the member for sums answers to the question of helm test.
const SUM: &str = "85";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "open-sesame";

fn plan(chart: &Chart, values: Vec<PathBuf>) -> Plan<'_> {
    let (given, outside, certificates) = (Given::default(), Vec::new(), Vec::new());
    Plan { chart, kubernetes: NEWEST, values, given, outside, certificates, specfuse: Path::new(PROGRAM) }
}

fn secret(files: &[(&str, &str)]) -> Secret {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// None: something is not installed, and the test is skipped, having said so.
async fn chart_and_etcd() -> Option<Chart> {
    if !has(&["etcd"]) {
        return None;
    }
    chart().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_defaults_answer_the_question_of_helm_test() -> Result<()> {
    let Some(chart) = chart_and_etcd().await else { return Ok(()) };
    let release = Release::install(plan(&chart, Vec::new())).await?;
    assert_eq!(release.pods.len(), 7, "{:?}", release.pods.keys());
    let said = release.test().await?;
    assert!(said.contains(SUM), "{said}");
    release.uninstall().await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_keys_and_passwords_come_from_secrets_and_etcd_from_elsewhere() -> Result<()> {
    let Some(chart) = chart_and_etcd().await else { return Ok(()) };
    let (folder, network) = (tempfile::tempdir()?, Network::on_loopback(1)?);
    let host = network.hosts.first().context("no host")?;
    let authority = Authority::new(folder.path(), "etcd")?;
    let Some(etcd) = guarded_etcd(host, &authority).await? else { return Ok(()) };
    let client = authority.issue("client", "specfuse", Validity::Now)?;
    let read = |file: &Path| fs::read_to_string(file);
    let (ca, cert, key) = (read(&authority.ca)?, read(&client.cert)?, read(&client.key)?);

    let mut plan = plan(&chart, vec![fixtures().join("secrets.yaml")]);
    // Nobody listens to the traces: that stops nothing.
    plan.outside =
        vec![("etcd.example.org:2379", etcd.address), ("otel-collector.monitoring:4317", "127.0.0.1:1".parse()?)];
    plan.given.secrets.extend([
        ("etcd-client".to_owned(), secret(&[("ca.crt", &ca), ("tls.crt", &cert), ("tls.key", &key)])),
        ("etcd-password".to_owned(), secret(&[("password", PASSWORD)])),
        ("otlp".to_owned(), secret(&[("ca.crt", &ca)])),
        ("keys".to_owned(), secret(&[("keys.toml", &format!("[keys.tester]\nsha256 = \"{}\"\n", hash(KEY).await?))])),
        ("key".to_owned(), secret(&[("api-key", KEY)])),
    ]);
    // As values.yaml says whom they must be good for.
    plan.certificates = vec![
        Wanted::new("coordinator-tls", "specfuse-coordinator.demo.svc", &["client auth"]),
        Wanted::new("worker-tls", "*.specfuse-workers.demo.svc", &["server auth", "client auth"]),
        Wanted::new("public-tls", "specfuse-coordinator.demo.svc", &["server auth"]),
    ];
    let release = Release::install(plan).await?;
    let said = release.test().await?;
    assert!(said.contains(SUM), "{said}");
    release.uninstall().await
}

/// Shows a certificate, wants one, and a password.
async fn guarded_etcd(host: &Host, authority: &Authority) -> Result<Option<Etcd>> {
    let address = host.address.to_string();
    let Pair { cert, key } = authority.issue("server", &address, Validity::Now)?;
    let [cert, key, ca] = [&cert, &key, &authority.ca].map(|file| file.display().to_string());
    let flags = ["--cert-file", &cert, "--key-file", &key, "--trusted-ca-file", &ca, "--client-cert-auth"];
    let Some(etcd) = Etcd::with(host, "https", &flags).await? else { return Ok(None) };
    let files =
        ClientTlsFiles::given(("--ca", Some(ca.into())), ("--cert", Some(cert.into())), ("--key", Some(key.into())))?;
    let tls = ClientTls::load(files.context("no files")?)?;
    let endpoint = Endpoint::from_shared(format!("https://{}", etcd.address))?.timeout(DEADLINE);
    let mut admin = Client::from_channel(Channel::Tonic(tls::channel(endpoint, Some(&tls))), None).await?;
    for name in ["root", "specfuse"] {
        admin.role_add(name).await?;
        admin.user_add(name, PASSWORD, None).await?;
        admin.user_grant_role(name, name).await?;
    }
    let ours = Permission::read_write("/specfuse/").with_prefix();
    admin.role_grant_permission("specfuse", ours).await?;
    admin.auth_enable().await?;
    Ok(Some(etcd))
}

/// As the chart's comments tell to make one.
async fn hash(key: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), key)?;
    let output = run(Command::new("sha256sum").arg(file.path()), DEADLINE).await?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().next().context("no hash")?.to_owned())
}
