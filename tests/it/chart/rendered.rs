//! What holds of everything that the chart renders, whatever it is told.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use specfuse_tests::chart::{Chart, objects, pod, titled};

use super::{NEWEST, all_values, chart};

/// With something that Prometheus, Grafana and helm each read as a template.
const ALERTS: &str = r#"groups:
  - name: one
    rules:
      - {alert: SomethingBroke, expr: up == 0, for: 5m, annotations: {summary: "{{ $labels.pod }} is at {{ $value | humanize }}"}}
      - {record: a:b, expr: sum(up)}
"#;
const DASHBOARD: &str = r#"{"title": "One", "panels": [{"legendFormat": "{{member}} \\n"}]}"#;

fn containers(pod: &Value) -> Vec<&Value> {
    let of = |key: &str| pod.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    of("initContainers").iter().chain(of("containers")).collect()
}

fn texts<'a>(list: Option<&'a Value>, key: &str) -> BTreeSet<&'a str> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|item| item.get(key)?.as_str()).collect()
}

/// The restricted profile of the pod security standards, and our own habits.
fn is_restricted(object: &Value, pod: &Value) -> Result<()> {
    let shown = titled(object);
    ensure!(pod.get("automountServiceAccountToken") == Some(&json!(false)), "{shown} has a token");
    ensure!(pod.pointer("/securityContext/runAsNonRoot") == Some(&json!(true)), "{shown} may be root");
    ensure!(pod.pointer("/securityContext/seccompProfile/type") == Some(&json!("RuntimeDefault")), "{shown}: seccomp");
    for container in containers(pod) {
        let own = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
        ensure!(container.get("securityContext") == Some(&own), "{shown} has privileges");
        let image = container.get("image").and_then(Value::as_str).context("no image")?;
        let tag = image.rsplit('/').next().and_then(|name| name.split_once(':'));
        ensure!(tag.is_some_and(|(_, tag)| tag != "latest"), "{shown}: no version of {image}");
        for kind in ["requests", "limits"] {
            ensure!(container.pointer(&format!("/resources/{kind}/memory")).is_some(), "{shown}: no {kind}");
        }
    }
    Ok(())
}

/// Every mount has its volume and every volume its mount.
fn is_mounted(object: &Value, pod: &Value) -> Result<()> {
    let claims = object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array).map(Vec::as_slice);
    let claims = claims.unwrap_or_default().iter().filter_map(|claim| claim.pointer("/metadata/name")?.as_str());
    let volumes: BTreeSet<&str> = texts(pod.get("volumes"), "name").into_iter().chain(claims).collect();
    let mounted = containers(pod).into_iter().flat_map(|container| texts(container.get("volumeMounts"), "name"));
    let mounted: BTreeSet<&str> = mounted.collect();
    ensure!(volumes == mounted, "{}: volumes {volumes:?}, mounts {mounted:?}", titled(object));
    Ok(())
}

/// Each file that a flag names lies in a folder that is mounted or that images have.
fn has_its_files(object: &Value, pod: &Value) -> Result<()> {
    for container in containers(pod) {
        let mounts = texts(container.get("volumeMounts"), "mountPath");
        let arguments = container.get("args").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let values = arguments.iter().filter_map(|argument| argument.as_str()?.split_once('=')?.1.strip_prefix('/'));
        for file in values.map(|rest| format!("/{rest}")) {
            let there = file.starts_with("/models/") || mounts.iter().any(|mount| Path::new(&file).starts_with(mount));
            ensure!(there, "{}: {file} is in none of {mounts:?}", titled(object));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pod_is_restricted_and_has_what_it_names() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    for values in all_values(&chart) {
        let objects = objects(&chart.render(NEWEST, &values).await?)?;
        let pods: Vec<_> = objects.iter().filter_map(|object| Some((object, pod(object)?))).collect();
        assert!(pods.len() >= 7, "{} pods only", pods.len());
        for (object, pod) in pods {
            is_restricted(object, pod)?;
            is_mounted(object, pod)?;
            has_its_files(object, pod)?;
        }
        let titles: BTreeSet<String> = objects.iter().map(titled).collect();
        assert_eq!(titles.len(), objects.len(), "two objects of one name");
    }
    Ok(())
}

/// The chart with one alert and one dashboard, which are Prometheus's and Grafana's own.
fn with_monitoring(chart: &Chart, folder: &Path) -> Result<Chart> {
    let copy = chart.at(folder.join("specfuse"));
    copy_folder(&chart.folder, &copy.folder)?;
    for (name, file, text) in [("alerts", "some.yaml", ALERTS), ("dashboards", "One.json", DASHBOARD)] {
        let folder = copy.folder.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder)?;
        fs::write(folder.join(file), text)?;
    }
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_dashboards_pass_as_they_are_but_for_a_runbook() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let chart = with_monitoring(&chart, folder.path())?;
    let values = folder.path().join("values.yaml");
    for (url, key, runbook) in [
        ("", "runbook", "docs/alerts.md#somethingbroke"),
        ("https://example.org/alerts", "runbook_url", "https://example.org/alerts#somethingbroke"),
    ] {
        fs::write(
            &values,
            format!("monitoring: {{rules: {{enabled: true}}, dashboards: {{enabled: true}}, runbookUrl: {url:?}}}"),
        )?;
        let objects = objects(&chart.render(NEWEST, std::slice::from_ref(&values)).await?)?;
        let named = |title: &str| objects.iter().find(|object| titled(object) == title).context("not there");

        let rules = named("PrometheusRule specfuse")?.pointer("/spec/groups/0/rules").context("no rules")?.clone();
        let summary = "{{ $labels.pod }} is at {{ $value | humanize }}";
        let alert = json!({"alert": "SomethingBroke", "expr": "up == 0", "for": "5m", "annotations": {"summary": summary, key: runbook}});
        assert_eq!(rules, json!([alert, {"record": "a:b", "expr": "sum(up)"}]));

        let dashboard = named("ConfigMap specfuse-dashboard-one")?;
        assert_eq!(dashboard.pointer("/data/One.json"), Some(&json!(DASHBOARD)));
        assert_eq!(dashboard.pointer("/metadata/labels/grafana_dashboard"), Some(&json!("1")));
    }
    Ok(())
}
