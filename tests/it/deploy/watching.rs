//! Alerts and dashboards ask for nothing but metrics that exist, and every alert is explained.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result};
use specfuse_tests::packages::{has, run};
use tokio::process::Command;

use super::{read, root};

const DEADLINE: Duration = Duration::from_secs(60);
/// What Prometheus knows of a target itself.
const OF_THE_TARGET: [&str; 4] = ["namespace", "job", "instance", "pod"];

/// A metric as docs/metrics.md has it.
struct Metric {
    kind: String,
    labels: Vec<String>,
}

/// By their names.
type Metrics = BTreeMap<String, Metric>;

#[tokio::test]
async fn alerts_and_dashboards_ask_only_for_metrics_and_labels_that_exist() -> Result<()> {
    let Some(told) = read::told().await? else { return Ok(()) };
    let metrics = metrics()?;
    assert!(metrics.len() > 40, "{} metrics only", metrics.len());
    assert!(told.queries.len() > 60, "{} queries only", told.queries.len());
    let mut complaints = Vec::new();
    for query in &told.queries {
        for selector in &query.selectors {
            let (place, name) = (&query.place, &selector.metric);
            let Some(labels) = labels(&metrics, name) else {
                complaints.push(format!("{place}: there is no metric {name}"));
                continue;
            };
            let used = selector.labels.iter().map(String::as_str).chain(named(&query.legend));
            let absent = used.filter(|label| !labels.contains(label) && !OF_THE_TARGET.contains(label));
            complaints.extend(absent.map(|label| format!("{place}: {name} has no label {label}: {}", query.expr)));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    Ok(())
}

#[tokio::test]
async fn every_metric_of_ours_is_on_a_dashboard_or_in_an_alert() -> Result<()> {
    let Some(told) = read::told().await? else { return Ok(()) };
    let asked: Vec<&str> =
        told.queries.iter().flat_map(|query| &query.selectors).map(|selector| selector.metric.as_str()).collect();
    let metrics = metrics()?;
    let told_by = |metric: &str, name: &str| asked.iter().any(|asked| *asked == metric || base(asked) == Some(name));
    let ours = metrics.keys().filter(|name| name.starts_with("specfuse_"));
    let unseen: Vec<&String> = ours.filter(|name| !told_by(name, name)).collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
    Ok(())
}

#[tokio::test]
async fn every_alert_says_what_is_wrong_how_bad_it_is_and_has_its_section() -> Result<()> {
    let Some(told) = read::told().await? else { return Ok(()) };
    let explained = fs::read_to_string(root()?.join("docs/alerts.md"))?;
    let sections: Vec<&str> = explained.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let names: Vec<&str> = told.alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(sections, names, "docs/alerts.md has other sections, or in another order");
    for alert in &told.alerts {
        let keys: Vec<&str> = alert.annotations.keys().map(String::as_str).collect();
        // The chart adds the link to the section.
        assert_eq!(keys, ["description", "summary"], "{}", alert.name);
        assert!(alert.name.starts_with("SpecFuse"), "{}", alert.name);
        assert_ne!(alert.hold, "0s", "{}: one bad sample is enough", alert.name);
        let severity = alert.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning")), "{}: {severity:?}", alert.name);
    }
    Ok(())
}

#[tokio::test]
async fn alerts_are_told_when_they_should_be_and_not_otherwise() -> Result<()> {
    if has(&["promtool"]) {
        let stories = root()?.join("tests/alerts/specfuse.yaml");
        run(Command::new("promtool").args(["test", "rules"]).arg(stories), DEADLINE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_dashboards_are_what_their_program_writes() -> Result<()> {
    if has(&["python3"]) {
        let mut check = Command::new("python3");
        check.args(["-B", "deploy/dashboards/make.py", "--check"]).current_dir(root()?);
        run(&mut check, DEADLINE).await?;
    }
    Ok(())
}

#[test]
fn every_dashboard_finds_its_data_anywhere_and_says_what_to_look_for() -> Result<()> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(root()?.join("helm/specfuse/dashboards"))? {
        let path = entry?.path();
        let board: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let shown = path.display();
        assert!(board.get("id").is_none(), "{shown}: an id is one installation's own");
        seen.push(board["uid"].as_str().context("no uid")?.to_owned());
        for panel in board["panels"].as_array().context("no panels")?.iter().filter(|panel| panel["type"] != "row") {
            let title = panel["title"].as_str().unwrap_or_default();
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{shown}: {title}");
            assert!(panel["description"].as_str().is_some_and(|said| said.len() > 20), "{shown}: {title}");
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
            assert!(unit.is_some() || panel["type"] == "table", "{shown}: {title} has no unit");
            assert!(within(panel), "{shown}: {title} is wider than the page");
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["specfuse-members", "specfuse-overview", "specfuse-workers"]);
    Ok(())
}

/// A page has 24 columns.
fn within(panel: &serde_json::Value) -> bool {
    let of = |key| panel["gridPos"][key].as_u64().unwrap_or(u64::MAX / 2);
    of("x") + of("w") <= 24
}

/// The labels of a series. None: no metric has it.
fn labels<'a>(metrics: &'a Metrics, series: &str) -> Option<Vec<&'a str>> {
    if series == "up" {
        return Some(Vec::new());
    }
    if let Some(metric) = metrics.get(series).filter(|metric| metric.kind != "histogram") {
        return Some(metric.labels.iter().map(String::as_str).collect());
    }
    let metric = metrics.get(base(series)?).filter(|metric| metric.kind == "histogram")?;
    let bound = series.ends_with("_bucket").then_some("le");
    Some(metric.labels.iter().map(String::as_str).chain(bound).collect())
}

/// The histogram that a series would be of.
fn base(series: &str) -> Option<&str> {
    ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end))
}

/// Labels that a legend names.
fn named(legend: &str) -> impl Iterator<Item = &str> {
    legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next())
}

/// Of the tables in docs/metrics.md.
fn metrics() -> Result<Metrics> {
    let text = fs::read_to_string(root()?.join("docs/metrics.md"))?;
    let mut metrics = Metrics::new();
    let mut lines = text.lines();
    while lines.any(|line| line == "| name | type | labels | meaning |") {
        // The first row of dashes, then the metrics.
        for row in lines.by_ref().skip(1).map_while(|line| line.strip_prefix('|')) {
            let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let [name, kind, labels, ..] = cells[..] else { anyhow::bail!("not a metric: {row}") };
            let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
            let labels = labels.filter(|label| !label.is_empty()).collect();
            metrics.insert(name.to_owned(), Metric { kind: kind.to_owned(), labels });
        }
    }
    Ok(metrics)
}
