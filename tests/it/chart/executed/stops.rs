//! Workers and coordinators are stopped while they stream answers: each answer is whole, and what it would have been.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use specfuse_proto::v1::Segment;
use specfuse_tests::{
    answer::{self, Answer, decision, next_segment},
    chart::{Asker, Chart, Release, Running, endless, fixtures},
    collector::Collector,
    hub::{Fault, Hub, TOKEN},
    process::DEADLINE,
    scrape,
    up::bundled_models,
};
use tempfile::NamedTempFile;

use super::{chart_and_etcd, plan, secret};

/// Of an answer to which something happens: seconds of work.
const TOKENS: u32 = 500;
const COORDINATORS: &str = "specfuse-coordinator.demo.svc:7070";
const COORDINATOR: &str = "specfuse-coordinator-0";
const REPLICAS: [&str; 2] = ["specfuse-worker-abacus-llama-0", "specfuse-worker-abacus-llama-1"];

/// An answer to which nothing happened.
struct Undisturbed {
    segments: Vec<Segment>,
    text: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_parts_stop_while_they_answer() -> Result<()> {
    stops_lose_nothing(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_tls_on_every_hop_either() -> Result<()> {
    stops_lose_nothing(&["values-tls.yaml"]).await
}

async fn stops_lose_nothing(overlays: &[&str]) -> Result<()> {
    let Some(chart) = chart_and_etcd().await else { return Ok(()) };
    let hub = Hub::of(&bundled_models().join("clock-glm4"), Fault::Gated).await?;
    let collector = Collector::start().await?;
    let mut release = install(&chart, overlays, &hub, &collector).await?;
    assert!(!hub.asked_for("model.safetensors").is_empty(), "nothing was pulled");
    release.test().await?;

    let ca = public_ca(&release)?;
    let ca = ca.as_ref().map(NamedTempFile::path);
    let first = *release.names.addresses(COORDINATORS)?.first().context("no coordinator")?;
    let asker = Asker::of(first, ca)?;
    let before = steps(&release).await?;
    let answer = Answer::read(asker.ask(endless(TOKENS)).await?).await?;
    let after = steps(&release).await?;
    let worked = usize::from(after[0] == before[0]);
    assert!(after[1 - worked] == before[1 - worked] && after[worked] > before[worked], "{before:?}, {after:?}");
    let expected = Undisturbed::of(answer);
    assert_eq!(asker.ask_over_http(TOKENS).await?.rest().await?, expected.text, "over HTTP");

    a_worker_stops(release.pod(REPLICAS[worked])?, &asker, &expected).await?;
    a_coordinator_stops(&mut release, first, ca, &expected).await?;
    assert!(collector.count() > 0, "no spans came");
    release.uninstall().await
}

/// With what the values say is outside of the chart.
async fn install(chart: &Chart, overlays: &[&str], hub: &Hub, collector: &Collector) -> Result<Release> {
    let mut plan = plan(chart, vec![fixtures().join("executed.yaml")]);
    plan.values.extend(overlays.iter().map(|name| chart.values(name)));
    plan.given.secrets.insert("hub".to_owned(), secret(&[("token", TOKEN)]));
    plan.given.claims.insert("models".to_owned(), bundled_models());
    plan.given.images.insert("registry.example.org/models:1".to_owned(), bundled_models());
    let address = |url: &str| url.trim_start_matches("http://").parse::<SocketAddr>();
    plan.outside = vec![
        ("hub.example.org:80", address(&hub.endpoint)?),
        ("otel-collector.monitoring:4317", address(&collector.endpoint)?),
    ];
    Release::install(plan).await
}

/// Of whoever signed what coordinators show; None: they speak plaintext.
fn public_ca(release: &Release) -> Result<Option<NamedTempFile>> {
    let Some(secret) = release.given.secrets.get("specfuse-public-tls") else { return Ok(None) };
    let file = NamedTempFile::new()?;
    fs::write(file.path(), secret.get("ca.crt").context("no ca.crt")?)?;
    Ok(Some(file))
}

impl Undisturbed {
    fn of(answer: Answer) -> Self {
        let text = answer.text();
        assert!(answer.segments.len() > 100, "over in {} rounds: {text}", answer.segments.len());
        Self { segments: answer.segments.into_iter().map(decision).collect(), text }
    }

    /// Fails at the first difference.
    fn assert_is(&self, segments: Vec<Segment>) {
        assert_eq!(segments.len(), self.segments.len(), "rounds");
        for (segment, expected) in segments.into_iter().map(decision).zip(&self.segments) {
            assert_eq!(&segment, expected);
        }
    }
}

/// What a series of a pod stands at.
async fn series(release: &Release, pod: &str, name: &str) -> Result<f64> {
    let pod = &release.pods.get(pod).with_context(|| format!("no pod {pod}"))?.pod;
    let page = scrape::get(SocketAddr::from((pod.address, pod.port(&"admin".into())?)), "/metrics").await?;
    let line = page.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("no {name}: {}", page.body))?.parse()?)
}

/// Forward passes of both replicas so far.
async fn steps(release: &Release) -> Result<[f64; 2]> {
    let [one, other] = REPLICAS.map(|pod| series(release, pod, "specfuse_worker_step_seconds_count"));
    let (one, other) = tokio::try_join!(one, other)?;
    Ok([one, other])
}

/// Of two replicas, the one that serves the answer.
async fn a_worker_stops(worker: &mut Running, asker: &Asker, expected: &Undisturbed) -> Result<()> {
    let mut stream = asker.ask(endless(TOKENS)).await?;
    let mut segments = vec![next_segment(&mut stream).await?, next_segment(&mut stream).await?];
    worker.pre_stop().await?;
    worker.terminate().await?;
    worker.ended().await?;
    segments.extend(tokio::time::timeout(DEADLINE, Answer::read(stream)).await??.segments);
    expected.assert_is(segments);
    Ok(())
}

/// Of two coordinators, the one that streams answers.
async fn a_coordinator_stops(
    release: &mut Release,
    first: SocketAddr,
    ca: Option<&Path>,
    expected: &Undisturbed,
) -> Result<()> {
    let asker = Asker::of(first, ca)?;
    let mut running = asker.ask(endless(TOKENS)).await?;
    let mut segments = vec![next_segment(&mut running).await?];
    let mut events = asker.ask_over_http(TOKENS).await?;
    let mut text = events.text().await?.context("no event")?;

    let coordinator = release.pod(COORDINATOR)?;
    assert_eq!(coordinator.pod.address, first.ip());
    coordinator.pre_stop().await?;
    // Not everybody knows yet that it is about to stop.
    assert!(coordinator.passes("readinessProbe").await?);
    answered(&asker).await?;
    coordinator.terminate().await?;
    coordinator.until("readinessProbe", false).await?;
    assert!(series(release, COORDINATOR, "specfuse_running_generations").await? > 1.0, "too late to see anything");
    let second = release.service(COORDINATORS).await?;
    assert_ne!(second, first);
    answered(&Asker::of(second, ca)?).await?;

    let both = async { tokio::try_join!(async { Ok(Answer::read(running).await?) }, events.rest()) };
    let (answer, rest) = tokio::time::timeout(DEADLINE, both).await??;
    segments.extend(answer.segments);
    text += &rest;
    expected.assert_is(segments);
    assert_eq!(text, expected.text);
    release.pod(COORDINATOR)?.ended().await
}

/// Somebody else is answered.
async fn answered(asker: &Asker) -> Result<()> {
    let answer = Answer::read(asker.ask(answer::question("How much is 41 × 6?", 8)).await?).await?;
    assert!(!answer.segments.is_empty());
    Ok(())
}
