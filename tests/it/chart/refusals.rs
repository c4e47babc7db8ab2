//! Values that cannot be meant: each is refused, and what is wrong is named.

use anyhow::{Context, Result};

use super::{NEWEST, chart};

/// Values, and what the refusal says.
const WRONG: &[(&str, &[&str])] = &[
    // Misspelt.
    ("coordinator: {replica: 3}", &["/coordinator'", "'replica'"]),
    ("telemetri: {log: info}", &["'telemetri'"]),
    ("members: [{name: a, model: {bundled: a}, gpus: 1}]", &["/members/0'", "'gpus'"]),
    ("ensembles: {default: {segment_token: 5}}", &["/ensembles/default'", "'segment_token'"]),
    (
        "ensembles: {a: {strategies: {b: {kind: fuse, exit: {rul: never}}}}}",
        &["/ensembles/a/strategies/b/exit'", "'rul'"],
    ),
    ("worker: {tolerations: [{key: a, efect: NoSchedule}]}", &["/worker/tolerations/0'", "'efect'"]),
    ("coordinator: {config: {listen: \"0.0.0.0:1\"}}", &["/coordinator/config'", "'listen'"]),
    // Of another type, or outside of what there is.
    ("worker: {replicas: two}", &["/worker/replicas'", "want integer"]),
    ("tls: {mode: on}", &["/tls/mode'"]),
    ("worker: {dtype: f8}", &["/worker/dtype'"]),
    ("worker: {cacheMemory: 12 gigabytes}", &["/worker/cacheMemory'"]),
    ("worker: {extraArgs: [--threads, \"2\"]}", &["/worker/extraArgs/1'"]),
    ("telemetry: {traceRatio: 2}", &["/telemetry/traceRatio'"]),
    ("coordinator: {config: {max_wait: 2}}", &["/coordinator/config/max_wait'"]),
    ("image: {tag: latest}", &["/image/tag'"]),
    ("image: {worker: \"w@sha256:0123\"}", &["/image/worker'"]),
    ("image: {etcd: \"e@sha256:0123\"}", &["/image/etcd'"]),
    ("worker: {gpu: {count: 2}}", &["/worker/gpu/count'"]),
    ("hub: {endpoint: \"https://a.example.org/b c\"}", &["/hub/endpoint'"]),
    ("telemetry: {otlpEndpoint: \"http://a:4317 b\"}", &["/telemetry/otlpEndpoint'"]),
    ("etcd: {enabled: false, endpoints: [\"http://a:2379\"]}", &["/etcd/endpoints/0'"]),
    // Not enough, or too much.
    ("members: []", &["/members'"]),
    ("members: [{name: a}]", &["/members/0'", "'model'"]),
    ("members: [{name: a, model: {bundled: a, pvc: {claimName: b}}}]", &["/members/0/model'", "maxProperties"]),
    ("members: [{name: a, model: {hub: {repo: o/n}}}]", &["/members/0/model/hub'", "'revision'"]),
    ("members: [{name: a, model: {hub: {repo: o/n, revision: main}}}]", &["/members/0/model/hub/revision'"]),
    ("members: [{name: a, model: {image: {reference: r.example.org/m}}}]", &["/members/0/model/image/reference'"]),
    ("ingress: {http: {enabled: true}}", &["/ingress/http/host'"]),
    ("gateway: {grpc: {enabled: true}}", &["/gateway/grpc/parentRefs'"]),
    // Right alone, wrong together: the chart's suite has all of these.
    ("etcd: {enabled: false}", &["etcd.endpoints: needed"]),
    ("tls: {mode: secrets}", &["tls.secrets.coordinator: needed"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_be_meant_are_refused_by_name() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    for (values, named) in WRONG {
        let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
        std::fs::write(file.path(), values)?;
        let refused = chart.render(NEWEST, &[file.path().to_owned()]).await.err();
        let said = format!("{:#}", refused.with_context(|| format!("taken: {values}"))?);
        let missing: Vec<_> = named.iter().filter(|name| !said.contains(**name)).collect();
        assert!(missing.is_empty(), "{values}: nothing of {missing:?} in {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_too_old_is_refused() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    let said = format!("{:#}", chart.render("1.29.9", &[]).await.err().context("taken")?);
    assert!(said.contains("kubeVersion"), "{said}");
    Ok(())
}
