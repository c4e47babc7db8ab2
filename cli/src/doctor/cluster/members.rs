//! What the coordinator tells of its ensembles and workers: who is missing and why, which replicas are not alike, how fresh the list is,
//! and how much there is to do.

use std::collections::{BTreeMap, BTreeSet};

use specfuse_proto::v1::{DescribeResponse, Ensemble, GetClusterResponse, Worker, WorkerState};

use super::hop;
use crate::doctor::finding::{Finding, Subject};

/// Seconds: the list is confirmed far more often.
const STALE: f64 = 30.0;
/// Calls that wait in one worker.
const MANY_WAITING: u32 = 8;

fn model_of(worker: &Worker) -> Option<&str> {
    worker.description.as_ref().map(|description| description.model.as_str())
}

fn is_ready(worker: &Worker) -> bool {
    worker.state() == WorkerState::Ready
}

fn is_served(model: &str, workers: &[Worker]) -> bool {
    workers.iter().any(|worker| is_ready(worker) && model_of(worker) == Some(model))
}

pub(super) fn ensembles(ensembles: &[Ensemble], workers: &[Worker]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ensemble in ensembles {
        let missing: Vec<&String> = ensemble.members.iter().filter(|member| !is_served(member, workers)).collect();
        for member in &missing {
            let (why, remedy) = missed(member, workers);
            findings
                .push(Subject::Ensembles.error(format!("{}: {member} has no worker: {why}", ensemble.name), remedy));
        }
        let members = ensemble.members.len();
        match (missing.is_empty(), ensemble.ready) {
            (true, true) => {
                let what =
                    format!("{} is ready: {members} members, {} by default", ensemble.name, ensemble.default_strategy);
                findings.push(Subject::Ensembles.ok(what));
            }
            (true, false) => {
                let remedy = "wait a moment and look again: workers come and go";
                findings.push(Subject::Ensembles.warning(format!("{} is not ready yet", ensemble.name), remedy));
            }
            (false, _) => {}
        }
    }
    if ensembles.is_empty() {
        findings.push(
            Subject::Ensembles.error("the coordinator has no ensemble", "add [ensembles.NAME] to its configuration"),
        );
    }
    findings
}

/// Why nobody serves the member, and what to do.
fn missed(member: &str, workers: &[Worker]) -> (String, String) {
    let its: Vec<&Worker> = workers.iter().filter(|worker| model_of(worker) == Some(member)).collect();
    if let Some(worker) = its.first() {
        let why = its
            .iter()
            .map(|worker| format!("{} {}", worker.endpoint, condition(worker)))
            .collect::<Vec<_>>()
            .join("; ");
        return (why, restart(worker));
    }
    let strangers: BTreeSet<&str> = workers.iter().filter_map(model_of).collect();
    let unknown: Vec<&Worker> = workers.iter().filter(|worker| worker.description.is_none()).collect();
    let why = match unknown.as_slice() {
        [] if strangers.is_empty() => "there are no workers".to_owned(),
        [] => format!("no worker has this name (they are {})", strangers.into_iter().collect::<Vec<_>>().join(", ")),
        unknown => {
            let told = unknown.iter().map(|worker| format!("{} {}", worker.endpoint, condition(worker)));
            format!("perhaps one of these: {}", told.collect::<Vec<_>>().join("; "))
        }
    };
    let remedy = format!(
        "start specfuse-worker --name {member}, and list its URL in the coordinator's workers or register it by --discovery"
    );
    (why, remedy)
}

fn condition(worker: &Worker) -> String {
    match worker.state() {
        WorkerState::Ready => "is ready".to_owned(),
        WorkerState::Connecting => "has not been reached yet".to_owned(),
        WorkerState::Unreachable if worker.error.is_empty() => "is unreachable".to_owned(),
        WorkerState::Unreachable => format!("is unreachable: {}", worker.error),
        WorkerState::Unspecified => "is in a state that this program does not know".to_owned(),
    }
}

fn restart(worker: &Worker) -> String {
    format!(
        "see whether the worker at {} runs and the coordinator can reach it; its own log says why it ended",
        worker.endpoint
    )
}

pub(super) fn workers(workers: &[Worker]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = workers.iter().map(|worker| one_worker(worker, workers)).collect();
    let open: Vec<&str> = workers
        .iter()
        .map(|worker| worker.endpoint.as_str())
        .filter(|url| !url.starts_with("https://") && !hop::is_here(url))
        .collect();
    if !open.is_empty() {
        let what = format!("the coordinator calls workers in plaintext: {}", open.join(", "));
        let remedy = "start them with --tls-cert and --tls-key, and the coordinator with --worker-ca";
        findings.push(Subject::Tls.warning(what, remedy));
    }
    findings
}

fn one_worker(worker: &Worker, all: &[Worker]) -> Finding {
    let name = model_of(worker).unwrap_or("a worker that has not described itself");
    let what = format!("{name} at {} {}", worker.endpoint, condition(worker));
    match (worker.state(), &worker.description) {
        (WorkerState::Ready, Some(description)) => {
            let DescribeResponse { family, dtype, device, build, context_length, .. } = description;
            Subject::Workers
                .ok(format!("{what} ({family}, {dtype} on {device}, {context_length} tokens, version {build})"))
        }
        (WorkerState::Ready, None) => Subject::Workers.ok(what),
        (WorkerState::Connecting, _) => Subject::Workers.warning(what, "wait a moment and look again"),
        (WorkerState::Unreachable, Some(description)) if is_served(&description.model, all) => {
            Subject::Workers.warning(format!("{what}; another worker serves {name}"), restart(worker))
        }
        (WorkerState::Unreachable | WorkerState::Unspecified, _) => Subject::Workers.error(what, restart(worker)),
    }
}

/// Workers of one name take each other's place from call to call.
pub(super) fn replicas(workers: &[Worker]) -> Vec<Finding> {
    let mut by_model: BTreeMap<&str, Vec<&DescribeResponse>> = BTreeMap::new();
    for description in workers.iter().filter(|worker| is_ready(worker)).filter_map(|worker| worker.description.as_ref())
    {
        by_model.entry(&description.model).or_default().push(description);
    }
    let several = by_model.into_iter().filter(|(_, replicas)| replicas.len() > 1);
    several.map(|(model, replicas)| alike(model, &replicas)).collect()
}

/// A value of a description that replicas have in common.
type Trait = (&'static str, fn(&DescribeResponse) -> String);

fn alike(model: &str, replicas: &[&DescribeResponse]) -> Finding {
    let traits: [Trait; 6] = [
        ("checkpoints", |of| of.fingerprint.chars().take(19).collect()),
        ("versions", |of| of.build.clone()),
        ("context lengths", |of| of.context_length.to_string()),
        ("element types", |of| of.dtype.clone()),
        ("devices", |of| of.device.clone()),
        ("capabilities", |of| of.capabilities.join("+")),
    ];
    let differing: Vec<String> = traits
        .iter()
        .filter_map(|(name, value)| {
            // An older worker tells no fingerprint.
            let found: BTreeSet<String> =
                replicas.iter().map(|one| value(one)).filter(|value| !value.is_empty()).collect();
            (found.len() > 1).then(|| format!("{name} {}", found.into_iter().collect::<Vec<_>>().join(" and ")))
        })
        .collect();
    let count = replicas.len();
    if differing.is_empty() {
        return Subject::Replicas.ok(format!("the {count} workers of {model} are alike"));
    }
    let what = format!("the {count} workers of {model} have different {}: their answers differ", differing.join("; "));
    Subject::Replicas.warning(
        what,
        "start all workers of one name from the same checkpoint, version and flags, or give them other names",
    )
}

pub(super) fn discovery(cluster: &GetClusterResponse) -> Finding {
    match cluster.discovery_last_sync_seconds {
        None => Subject::Discovery.ok("the list of workers is configured, or has not been discovered yet"),
        Some(age) if age > STALE => {
            let remedy = "see whether etcd runs and the coordinator reaches it: until then no new worker is found";
            Subject::Discovery.warning(format!("the list of workers is {age:.0} s old"), remedy)
        }
        Some(age) => Subject::Discovery.ok(format!("the list of workers was confirmed {age:.1} s ago")),
    }
}

pub(super) fn load(cluster: &GetClusterResponse) -> Vec<Finding> {
    let GetClusterResponse { running_generations: running, waiting_generations: waiting, .. } = cluster;
    let what = format!("{running} answers are being written, {waiting} requests wait");
    let mut findings = vec![match waiting {
        0 => Subject::Load.ok(what),
        _ => Subject::Load
            .warning(what, "add workers, or raise the coordinator's limit of running answers if they are idle"),
    }];
    let told = cluster.workers.iter().filter(|worker| is_ready(worker));
    findings
        .extend(told.filter_map(|worker| worker.description.as_ref().map(|told| of_worker(&worker.endpoint, told))));
    findings
}

fn of_worker(endpoint: &str, description: &DescribeResponse) -> Finding {
    let load = description.load.unwrap_or_default();
    let fill = match description.cache_tokens {
        0 => 0.0,
        tokens => load.cached_tokens as f64 / tokens as f64 * 100.0,
    };
    let what = format!(
        "{} at {endpoint}: {} sequences, {} calls wait, the cache is filled to {fill:.1} %",
        description.model, load.live_sequences, load.waiting_calls
    );
    if load.waiting_calls >= MANY_WAITING {
        return Subject::Load.warning(what, format!("start another worker of {}", description.model));
    }
    Subject::Load.ok(what)
}

#[cfg(test)]
mod tests;
