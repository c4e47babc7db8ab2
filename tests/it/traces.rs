//! One trace from a client's own span through the coordinator and every worker, received by the official service.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use specfuse_proto::v1::{GenerateRequest, ensemble_service_client::EnsembleServiceClient};
use specfuse_tests::{
    answer::{self, Answer},
    client::channel,
    collector::{Collector, Span, Trace},
    fleet::Fleet,
    process::DEADLINE,
    scrape,
};

use crate::failover;

const COORDINATOR: &str = "specfuse-coordinator";
const WORKER: &str = "specfuse-worker";
/// Of the client.
const SPAN: &str = "b7ad6b7169203331";

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-{SPAN}-01")
}

async fn begun(
    fleet: &Fleet,
    trace: &str,
    request: GenerateRequest,
) -> Result<tonic::Streaming<specfuse_proto::v1::GenerateResponse>> {
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let mut request = tonic::Request::new(request);
    request.metadata_mut().insert("traceparent", traceparent(trace).parse()?);
    Ok(EnsembleServiceClient::new(channel(&url)?).generate(request).await?.into_inner())
}

/// The answer's own span, once it is there.
fn generation(trace: &Trace) -> Option<&Span> {
    trace.spans.iter().find(|span| span.service == COORDINATOR && span.parent == SPAN)
}

fn calls(trace: &Trace) -> impl Iterator<Item = &Span> {
    ["draft", "score"].into_iter().flat_map(|name| trace.named(COORDINATOR, name))
}

/// What answered a call.
fn served<'a>(trace: &'a Trace, call: &'a Span) -> Vec<&'a Span> {
    trace.children(call).filter(|span| span.service == WORKER && span.name == call.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_client_through_every_call_and_pass() -> Result<()> {
    let collector = Collector::start().await?;
    let plan = failover::plan().flag("--otlp-endpoint", &collector.endpoint);
    let Some(fleet) = plan.start().await? else { return Ok(()) };
    let id = "0af7651916cd43dd8448eb211c80319c";
    let request = answer::question("Ben was born on a Tuesday. What day was it 93 days later?", 32);
    let answer = tokio::time::timeout(DEADLINE, Answer::read(begun(&fleet, id, request).await?)).await??;
    let whole = |trace: &Trace| generation(trace).is_some() && calls(trace).all(|call| served(trace, call).len() == 1);
    let trace = collector.trace(id, whole).await?;
    trace.hangs_together(SPAN)?;

    let generation = generation(&trace).context("no generation")?;
    let usage = answer.finished.usage.clone().context("no usage")?;
    assert_eq!(generation.name, "chat default");
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "specfuse"),
        ("gen_ai.request.model", "default"),
        ("gen_ai.request.max_tokens", "32"),
        ("gen_ai.usage.output_tokens", &usage.completion_tokens.to_string()),
    ] {
        assert_eq!(generation.attributes.get(name).map(String::as_str), Some(value), "{name}: {generation:?}");
    }
    assert!(!generation.is_error);
    assert!(trace.spans.iter().all(|span| span.began <= span.ended));

    let rounds: Vec<&Span> = trace.children(generation).collect();
    assert_eq!(rounds.len(), answer.segments.len(), "{rounds:#?}");
    assert!(rounds.iter().all(|round| round.name == "round" && round.attributes.contains_key("specfuse.decided_by")));
    let members: BTreeSet<&String> = calls(&trace).filter_map(|call| call.attributes.get("member")).collect();
    assert_eq!(members.len(), 3, "{members:?}");
    for call in calls(&trace) {
        assert!(rounds.iter().any(|round| round.id == call.parent), "{call:?} is of no round");
        assert!(!call.is_error, "{call:?}");
        for served in served(&trace, call) {
            let parts: BTreeSet<&str> = trace.children(served).map(|part| part.name.as_str()).collect();
            assert_eq!(parts, BTreeSet::from(["engine", "read"]), "{served:?}");
        }
    }
    assert!(trace.named(WORKER, "step").count() > 0, "no pass was sampled");
    // Text is in no span: not the question's, not the answer's.
    let told = format!("{trace:?}");
    assert!(!told.contains("Tuesday") && !told.contains("born"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_whole_where_a_worker_dies_in_the_middle() -> Result<()> {
    let collector = Collector::start().await?;
    let plan = failover::plan().flag("--otlp-endpoint", &collector.endpoint);
    let Some(mut fleet) = plan.start().await? else { return Ok(()) };
    let (_, worked) = failover::undisturbed(&fleet).await?;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut stream = begun(&fleet, id, failover::long_request()).await?;
    answer::next_segment(&mut stream).await?;
    for place in &worked {
        fleet.workers[*place].process.kill().await?;
    }
    let answer = tokio::time::timeout(DEADLINE, Answer::read(stream)).await??;
    let answered =
        |trace: &Trace| calls(trace).filter(|call| !call.is_error).all(|call| is_told(trace, call, &worked, &fleet));
    let trace = collector.trace(id, |trace| generation(trace).is_some() && answered(trace)).await?;
    // What a worker that died has done inside a call, it may have told without the call itself.
    let inside = ["read", "engine", "step"];
    let spans = trace.spans.iter().filter(|span| !inside.contains(&span.name.as_str())).cloned().collect();
    Trace { spans }.hangs_together(SPAN)?;
    let lost: Vec<&Span> = calls(&trace).filter(|call| call.is_error).collect();
    assert!(!lost.is_empty(), "no call was lost");
    let reasons = ["unreachable", "late"];
    assert!(lost.iter().all(|call| reasons.contains(&call.attributes["error.type"].as_str())), "{lost:#?}");
    let generation = generation(&trace).context("no generation")?;
    assert!(
        !generation.is_error && !generation.attributes["gen_ai.response.finish_reasons"].is_empty(),
        "{generation:?}"
    );
    assert_eq!(trace.children(generation).count(), answer.segments.len() + 1, "one was read before");
    Ok(())
}

/// A call that was answered has its worker's span, unless that worker died before it could tell.
fn is_told(trace: &Trace, call: &Span, dead: &[usize], fleet: &Fleet) -> bool {
    let worker = call.attributes.get("specfuse.worker");
    let died = dead
        .iter()
        .any(|place| worker.is_some_and(|url| url.trim_end_matches('/') == fleet.workers[*place].process.url()));
    died || served(trace, call).len() == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_an_http_client_goes_on_and_its_id_stands_in_the_log() -> Result<()> {
    let collector = Collector::start().await?;
    let plan = failover::plan().flag("--otlp-endpoint", &collector.endpoint).flag("--log-format", "json");
    let folder = tempfile::tempdir()?;
    let Some(mut fleet) = plan.logs(folder.path().to_owned()).start().await? else { return Ok(()) };
    let id = "c0ffee16cd43dd8448eb211c80319c00";
    let body = r#"{"model":"default","messages":[{"role":"user","content":"What is 12 plus 30?"}]}"#;
    let traceparent = traceparent(id);
    let headers = [("content-type", "application/json"), ("traceparent", traceparent.as_str())];
    let coordinator = fleet.coordinators.first_mut().context("no coordinator")?;
    let page = scrape::send(coordinator.address, "POST /v1/chat/completions", &headers, body).await?;
    assert_eq!(page.status, 200, "{page:?}");
    let trace = collector.trace(id, |trace| generation(trace).is_some()).await?;
    assert_eq!(generation(&trace).map(|span| span.name.as_str()), Some("chat default"));
    let log = coordinator.log()?;
    let line = log.lines().find(|line| line.contains("answered")).context("nothing was logged")?;
    let line: serde_json::Value = serde_json::from_str(line)?;
    assert_eq!(line["span"]["trace_id"], id, "{line}");
    Ok(())
}
