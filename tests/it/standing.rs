//! The port of `--admin`: whether a server lives and is ready, what it counts, and what it logs.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use specfuse_tests::{answer, fleet, process::DEADLINE, scrape};

use crate::failover;

#[tokio::test(flavor = "multi_thread")]
async fn probes_see_a_stop_and_a_log_filter_changes_while_a_server_runs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(mut fleet) = failover::plan().logs(folder.path().to_owned()).start().await? else { return Ok(()) };
    fleet.client(0)?.ask(&answer::question("What is 1 plus 1?", 8), DEADLINE).await.outcome?;
    let worker = fleet.workers.first_mut().context("no worker")?;
    for process in [&mut worker.process, fleet.coordinators.first_mut().context("no coordinator")?] {
        let admin = fleet::admin(process);
        for path in ["/livez", "/readyz"] {
            assert_eq!(scrape::get(admin, path).await?.status, 200, "{path}");
        }
        assert_eq!(scrape::get(admin, "/log").await?.body, "info\n");
        let refused = scrape::send(admin, "PUT /log", &[], "specfuse=loud").await?;
        assert!(refused.status == 400 && refused.body.contains("\"specfuse=loud\" is not a log filter"), "{refused:?}");
        let changed = scrape::send(admin, "PUT /log", &[], "info,specfuse_worker=debug\n").await?;
        assert_eq!((changed.status, changed.body.as_str()), (200, "info,specfuse_worker=debug\n"));
        assert!(process.log()?.contains("the log changes"), "{}", process.log()?);
        assert_eq!(scrape::send(admin, "PUT /log", &[], " ").await?.status, 400);
        assert_eq!(scrape::send(admin, "PUT /log", &[], &"x".repeat(5000)).await?.status, 413);
        assert_eq!(scrape::get(admin, "/").await?.status, 404);
    }
    Ok(())
}

/// A family of series as it is told: its type, and its labels.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// From the text format: names as Prometheus stores them.
fn told(text: &str) -> Families {
    let mut families = Families::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            let total = if kind == "counter" { "_total" } else { "" };
            families.insert(format!("{name}{total}"), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((name, labels)) = line.split_once('{') {
            let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
            let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            let names = names.filter(|name| name != "le");
            if let Some((_, labels)) = families.get_mut(name) {
                labels.extend(names);
            }
        }
    }
    families
}

/// The tables of docs/metrics.md: `| name | type | labels | meaning |`.
fn documented() -> Result<BTreeMap<String, (String, BTreeSet<String>)>> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"))?;
    let mut families = Families::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells.as_slice() else { continue };
        let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { continue };
        assert!(!meaning.is_empty(), "{name} has no meaning");
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`')).filter(|label| !label.is_empty());
        let before = families.insert(name.to_owned(), ((*kind).to_owned(), labels.map(str::to_owned).collect()));
        assert!(before.is_none(), "{name} stands there twice");
    }
    Ok(families)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_is_documented_and_every_documented_series_is_told() -> Result<()> {
    let Some(fleet) = failover::plan().discovered().start().await? else { return Ok(()) };
    let mut client = fleet.client(0)?;
    client.ask(&answer::question("What is 1 plus 1?", 8), DEADLINE).await.outcome?;
    let refused = specfuse_proto::v1::GenerateRequest { ensemble: "nobody".to_owned(), ..answer::question("?", 8) };
    assert!(client.ask(&refused, DEADLINE).await.outcome.is_err());
    let coordinator = fleet.coordinators.first().context("no coordinator")?;
    scrape::get(coordinator.address, "/healthz").await?;
    let worker = &fleet.workers.first().context("no worker")?.process;
    let mut families = Families::new();
    for process in [coordinator, worker] {
        families.extend(told(&scrape::get(fleet::admin(process), "/metrics").await?.body));
    }
    // Nothing went wrong here: these have no series, and are not told.
    let unseen =
        [("specfuse_failed_answers_total", "ensemble,reason"), ("specfuse_missed_calls_total", "call,member,reason")];
    for (name, labels) in unseen {
        let labels = labels.split(',').map(str::to_owned).collect();
        families.insert(name.to_owned(), ("counter".to_owned(), labels));
    }
    let documented = documented()?;
    let names = |families: &Families| families.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&families), names(&documented));
    for (name, family) in &families {
        assert_eq!(Some(family), documented.get(name), "{name}");
    }
    Ok(())
}
