use specfuse_proto::v1::Load;

use super::*;
use crate::doctor::finding::Severity;

fn worker(model: &str, port: u16, state: WorkerState) -> Worker {
    let description = DescribeResponse {
        model: model.to_owned(),
        build: "1".to_owned(),
        context_length: 1024,
        cache_tokens: 100,
        ..DescribeResponse::default()
    };
    let error = if state == WorkerState::Unreachable { "refused".to_owned() } else { String::new() };
    Worker {
        endpoint: format!("http://127.0.0.1:{port}"),
        state: state.into(),
        error,
        description: Some(description),
        calls_in_flight: 0,
    }
}

fn ensemble(members: &[&str], ready: bool) -> Ensemble {
    let members = members.iter().map(|&member| member.to_owned()).collect();
    Ensemble { name: "default".to_owned(), members, ready, ..Ensemble::default() }
}

fn severities(findings: &[Finding]) -> Vec<Severity> {
    findings.iter().map(|finding| finding.severity).collect()
}

#[test]
fn a_member_whose_worker_stopped_is_named_with_its_address_and_error() {
    let all = [worker("a", 1, WorkerState::Ready), worker("b", 2, WorkerState::Unreachable)];
    let found = ensembles(&[ensemble(&["a", "b"], false)], &all);
    assert_eq!(severities(&found), [Severity::Error]);
    assert_eq!(found[0].what, "default: b has no worker: http://127.0.0.1:2 is unreachable: refused");
    assert!(found[0].remedy.as_ref().unwrap().contains("http://127.0.0.1:2"));
    assert_eq!(severities(&workers(&all)), [Severity::Ok, Severity::Error]);
}

#[test]
fn a_member_that_nobody_is_called_is_told_with_the_names_there_are() {
    let found = ensembles(&[ensemble(&["c"], false)], &[worker("a", 1, WorkerState::Ready)]);
    assert!(found[0].what.ends_with("no worker has this name (they are a)"), "{found:?}");
}

#[test]
fn a_stopped_replica_is_a_warning_while_another_serves() {
    let all = [worker("a", 1, WorkerState::Ready), worker("a", 2, WorkerState::Unreachable)];
    assert_eq!(severities(&workers(&all)), [Severity::Ok, Severity::Warning]);
    assert_eq!(severities(&ensembles(&[ensemble(&["a"], true)], &all)), [Severity::Ok]);
}

#[test]
fn replicas_of_different_checkpoints_or_versions_are_a_warning() {
    let pair = |change: fn(&mut DescribeResponse)| {
        let mut all = [worker("a", 1, WorkerState::Ready), worker("a", 2, WorkerState::Ready)];
        all[1].description.as_mut().map(change).unwrap();
        replicas(&all)
    };
    assert_eq!(severities(&pair(|_| ())), [Severity::Ok]);
    let versions = pair(|description| description.build = "2".to_owned());
    assert!(versions[0].severity == Severity::Warning && versions[0].what.contains("versions 1 and 2"), "{versions:?}");
    assert_eq!(severities(&pair(|description| description.context_length = 1)), [Severity::Warning]);
    assert!(replicas(&[worker("a", 1, WorkerState::Ready), worker("b", 2, WorkerState::Ready)]).is_empty());
}

#[test]
fn an_old_list_is_a_warning() {
    let of = |age| discovery(&GetClusterResponse { discovery_last_sync_seconds: age, ..GetClusterResponse::default() });
    assert_eq!(
        severities(&[of(None), of(Some(29.0)), of(Some(31.0))]),
        [Severity::Ok, Severity::Ok, Severity::Warning]
    );
}

#[test]
fn queues_and_the_cache_are_told_for_each_worker() {
    let mut busy = worker("a", 1, WorkerState::Ready);
    let waiting = Load { waiting_calls: 9, cached_tokens: 25, ..Load::default() };
    busy.description.as_mut().unwrap().load = Some(waiting);
    let cluster = GetClusterResponse { workers: vec![busy], waiting_generations: 1, ..GetClusterResponse::default() };
    let found = load(&cluster);
    assert_eq!(severities(&found), [Severity::Warning, Severity::Warning]);
    assert!(found[1].what.contains("9 calls wait, the cache is filled to 25.0 %"), "{found:?}");
}

#[test]
fn plaintext_to_a_worker_on_another_machine_is_a_warning() {
    let mut far = worker("a", 1, WorkerState::Ready);
    far.endpoint = "http://node-a:7071".to_owned();
    assert_eq!(severities(&workers(&[far])), [Severity::Ok, Severity::Warning]);
}
