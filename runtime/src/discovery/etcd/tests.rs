use std::time::Duration;

use tokio::time::Instant;

use super::{
    host::{DEADLINE, Host},
    *,
};
use crate::{
    discovery::{Directory, WorkerRecord},
    shutdown::Shutdown,
    tls::certificates::{Authority, Validity},
};

fn record(instance: &str) -> WorkerRecord {
    WorkerRecord {
        instance: instance.to_owned(),
        address: "http://127.0.0.1:7071".to_owned(),
        model: "llama".to_owned(),
        family: "llama".to_owned(),
        context_length: 1024,
        capabilities: vec!["raw".to_owned()],
        build: "0.1.0".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn shutdown() -> Shutdown {
    Shutdown::new(Duration::from_secs(5))
}

fn instances(directory: &Directory) -> Vec<String> {
    let membership = directory.membership.borrow().clone();
    membership.workers.iter().map(|listed| listed.record.as_ref().unwrap().instance.clone()).collect()
}

/// Waits until exactly these are listed; says how long that took.
async fn until(directory: &Directory, expected: &[&str]) -> Duration {
    let (mut directory, since) = (directory.clone(), Instant::now());
    let listed = async {
        while instances(&directory) != expected {
            directory.membership.changed().await.unwrap();
        }
    };
    let reached = tokio::time::timeout(DEADLINE, listed).await;
    assert!(reached.is_ok(), "{:?} instead of {expected:?}", instances(&directory));
    since.elapsed()
}

async fn until_synced(directory: &Directory) {
    let synced = async {
        while directory.last_sync().is_none_or(|age| age > Duration::from_millis(100)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, synced).await.unwrap();
}

#[tokio::test]
async fn a_registered_worker_is_listed_and_a_withdrawn_one_is_not() {
    let Some(host) = Host::start().await else { return };
    let shutdown = shutdown();
    let directory = watch(host.config(), &shutdown);
    let first = register(host.config(), record("a"), &shutdown);
    until(&directory, &["a"]).await;
    let second = register(host.config(), record("b"), &shutdown);
    until(&directory, &["a", "b"]).await;
    assert_eq!(directory.membership.borrow().workers[0].record.as_deref(), Some(&record("a")));
    assert_eq!(instances(&later(&host, &shutdown).await), ["a", "b"], "whoever comes later sees the same");

    let other = DiscoveryArgs { cluster: "other".to_owned(), ..host.args() };
    let other = watch(other.check().unwrap().unwrap(), &shutdown);
    until_synced(&other).await;
    assert_eq!(instances(&other), [""; 0], "another cluster is another list");

    first.withdraw().await;
    let took = until(&directory, &["b"]).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    second.withdraw().await;
    shutdown.begin();
    assert_eq!(shutdown.drain().await, Ok(()));
}

async fn later(host: &Host, shutdown: &Shutdown) -> Directory {
    let directory = watch(host.config(), shutdown);
    until_synced(&directory).await;
    directory
}

#[tokio::test]
async fn the_entry_of_a_worker_that_is_gone_lapses_and_that_of_one_that_stays_does_not() {
    let Some(host) = Host::start().await else { return };
    let shutdown = shutdown();
    let directory = watch(host.config(), &shutdown);
    let gone = register(host.config(), record("gone"), &shutdown);
    let _stays = register(host.config(), record("stays"), &shutdown);
    until(&directory, &["gone", "stays"]).await;
    drop(gone);
    let took = until(&directory, &["stays"]).await;
    assert!(took > Duration::from_secs(4), "it was not withdrawn: {took:?}");
    let mut changes = directory.membership.clone();
    changes.mark_unchanged();
    let change = tokio::time::timeout(Duration::from_secs(12), changes.changed()).await;
    assert!(change.is_err(), "renewals change nothing");
    let age = directory.last_sync();
    assert!(age < Some(Duration::from_millis(4500)), "{age:?}");
}

#[tokio::test]
async fn an_etcd_that_is_away_changes_nothing_and_is_found_again() {
    let Some(mut host) = Host::start().await else { return };
    let shutdown = shutdown();
    let directory = watch(host.config(), &shutdown);
    let _first = register(host.config(), record("a"), &shutdown);
    let second = register(host.config(), record("b"), &shutdown);
    until(&directory, &["a", "b"]).await;
    host.kill().await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(instances(&directory), ["a", "b"], "the list is kept");
    assert!(directory.last_sync() > Some(Duration::from_secs(9)), "{:?}", directory.last_sync());
    let withdrawn = Instant::now();
    second.withdraw().await;
    assert!(withdrawn.elapsed() < Duration::from_secs(3), "{:?}", withdrawn.elapsed());
    let _third = register(host.config(), record("c"), &shutdown);

    host.up().await;
    let took = until(&directory, &["a", "c"]).await;
    assert!(took < Duration::from_secs(25), "b lapses: {took:?}");
    until_synced(&directory).await;
    let _fourth = register(host.config(), record("d"), &shutdown);
    until(&directory, &["a", "c", "d"]).await;
}

#[tokio::test]
async fn an_etcd_that_comes_back_empty_hears_from_everybody_and_nobody_misses_anybody() {
    let Some(mut host) = Host::start().await else { return };
    let shutdown = shutdown();
    let directory = watch(host.config(), &shutdown);
    let _first = register(host.config(), record("a"), &shutdown);
    let abandoned = register(host.config(), record("b"), &shutdown);
    until(&directory, &["a", "b"]).await;
    let mut changes = directory.membership.clone();
    changes.mark_unchanged();
    host.kill().await;
    drop(abandoned);
    host.forget_everything();
    host.up().await;
    tokio::time::timeout(DEADLINE, changes.changed()).await.unwrap().unwrap();
    assert_eq!(instances(&directory), ["a"], "the only change is that b is given up");
    assert_eq!(instances(&later(&host, &shutdown).await), ["a"], "it is registered again");
}

#[tokio::test]
async fn an_entry_that_others_remove_or_overwrite_is_written_again() {
    let Some(host) = Host::start().await else { return };
    let shutdown = shutdown();
    let directory = watch(host.config(), &shutdown);
    let _registration = register(host.config(), record("a"), &shutdown);
    until(&directory, &["a"]).await;
    let (mut client, key) = (host.client().await, "/specfuse/test/workers/a");
    client.delete(key, None).await.unwrap();
    until(&directory, &[]).await;
    until(&directory, &["a"]).await;
    client.put(key, "nonsense", None).await.unwrap();
    until(&directory, &[]).await;
    until(&directory, &["a"]).await;
    client.delete("/specfuse/test/workers/", Some(etcd_client::DeleteOptions::new().with_prefix())).await.unwrap();
    until(&directory, &[]).await;
    until(&directory, &["a"]).await;
}

#[tokio::test]
async fn entries_that_are_no_workers_are_skipped_and_those_beside_them_are_not() {
    let Some(host) = Host::start().await else { return };
    let shutdown = shutdown();
    let mut client = host.client().await;
    let key = |name: &str| format!("/specfuse/test/workers/{name}");
    client.put(key("nonsense"), "{", None).await.unwrap();
    client.put(key("liar"), serde_json::to_vec(&record("another")).unwrap(), None).await.unwrap();
    client.put(key("long"), vec![b' '; 20 << 10], None).await.unwrap();
    client.put(key("good"), serde_json::to_vec(&record("good")).unwrap(), None).await.unwrap();
    let directory = watch(host.config(), &shutdown);
    until(&directory, &["good"]).await;
    client.put(key("liar"), serde_json::to_vec(&record("liar")).unwrap(), None).await.unwrap();
    until(&directory, &["good", "liar"]).await;
    client.put(key("good"), "{", None).await.unwrap();
    until(&directory, &["liar"]).await;
}

#[tokio::test]
async fn the_next_endpoint_is_tried_when_one_is_dead() {
    let Some(host) = Host::start().await else { return };
    let shutdown = shutdown();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = format!("etcd://{},{},127.0.0.1:1", dead.local_addr().unwrap(), host.address());
    let args = DiscoveryArgs { discovery: Some(addresses), ..host.args() };
    let config = args.check().unwrap().unwrap();
    let directory = watch(config.clone(), &shutdown);
    let _registration = register(config, record("a"), &shutdown);
    until(&directory, &["a"]).await;
}

#[tokio::test]
async fn an_etcd_that_hangs_is_left_for_the_next() {
    let (Some(mut one), Some(mut other)) = (Host::start().await, Host::start().await) else { return };
    let shutdown = shutdown();
    for (host, name) in [(&one, "a"), (&other, "b")] {
        let value = serde_json::to_vec(&record(name)).unwrap();
        host.client().await.put(format!("/specfuse/test/workers/{name}"), value, None).await.unwrap();
    }
    let addresses = format!("etcd://{},{}", one.address(), other.address());
    let args = DiscoveryArgs { discovery: Some(addresses), ..one.args() };
    let mut directory = watch(args.check().unwrap().unwrap(), &shutdown);
    tokio::time::timeout(DEADLINE, directory.membership.changed()).await.unwrap().unwrap();
    let watched = if instances(&directory) == ["a"] { &mut one } else { &mut other };
    watched.freeze().await;
    let took = until(&directory, &["a", "b"]).await;
    assert!(took < Duration::from_secs(12), "{took:?}");
}

#[tokio::test]
async fn a_withdrawal_that_one_etcd_does_not_answer_is_told_the_next() {
    let (Some(mut one), Some(mut other)) = (Host::start().await, Host::start().await) else { return };
    let shutdown = shutdown();
    let addresses = format!("etcd://{},{}", one.address(), other.address());
    let args = DiscoveryArgs { discovery: Some(addresses), ..one.args() };
    let (at_one, at_other) = (watch(one.config(), &shutdown), watch(other.config(), &shutdown));
    let registration = register(args.check().unwrap().unwrap(), record("a"), &shutdown);
    let registered = async {
        while instances(&at_one).is_empty() && instances(&at_other).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, registered).await.unwrap();
    let (hangs, next) =
        if instances(&at_one).is_empty() { (&mut other, (&one, &at_one)) } else { (&mut one, (&other, &at_other)) };
    let value = serde_json::to_vec(&record("a")).unwrap();
    next.0.client().await.put("/specfuse/test/workers/a", value, None).await.unwrap();
    until(next.1, &["a"]).await;
    hangs.freeze().await;
    registration.withdraw().await;
    until(next.1, &[]).await;
}

#[tokio::test]
async fn a_user_is_let_in_by_its_password_and_nobody_else_is() {
    let Some(mut host) = Host::start().await else { return };
    let shutdown = shutdown();
    let mut client = host.client().await;
    client.user_add("root", "top secret", None).await.unwrap();
    client.role_add("root").await.unwrap();
    client.user_grant_role("root", "root").await.unwrap();
    client.user_add("worker", "quite secret", None).await.unwrap();
    client.role_add("workers").await.unwrap();
    let all = etcd_client::Permission::read_write("/specfuse/test/").with_prefix();
    client.role_grant_permission("workers", all).await.unwrap();
    client.user_grant_role("worker", "workers").await.unwrap();
    client.auth_enable().await.unwrap();

    let config = |password: &str| {
        let args = DiscoveryArgs {
            discovery: Some(format!("etcd://worker@{}", host.address())),
            discovery_password_file: host.write("password", password),
            ..host.args()
        };
        args.check().unwrap().unwrap()
    };
    let stranger = watch(config("a guess"), &shutdown);
    let directory = watch(config("quite secret"), &shutdown);
    let registration = register(config("quite secret"), record("a"), &shutdown);
    until(&directory, &["a"]).await;
    host.kill().await;
    host.up_without_waiting();
    until_synced(&directory).await;
    assert_eq!(instances(&directory), ["a"]);
    registration.withdraw().await;
    until(&directory, &[]).await;
    assert_eq!(stranger.last_sync(), None);
}

#[tokio::test]
async fn tls_to_etcd_shows_a_certificate_and_trusts_only_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, stranger] = ["ours", "stranger"].map(|name| Authority::new(folder.path(), name).unwrap());
    let known = ours.issue("worker", "a worker", Validity::Now).unwrap();
    let unknown = stranger.issue("unknown", "a worker", Validity::Now).unwrap();
    let trusted = ours.ca.clone();
    let Some(host) = Host::start_with_tls(ours).await else { return };
    let shutdown = shutdown();
    let args = DiscoveryArgs {
        discovery_ca: Some(trusted),
        discovery_cert: Some(known.cert),
        discovery_key: Some(known.key),
        ..host.args()
    };
    let config = args.clone().check().unwrap().unwrap();
    let directory = watch(config.clone(), &shutdown);
    let registration = register(config, record("a"), &shutdown);
    until(&directory, &["a"]).await;
    registration.withdraw().await;
    until(&directory, &[]).await;

    let refused = [
        DiscoveryArgs { discovery_cert: None, discovery_key: None, ..args.clone() },
        DiscoveryArgs { discovery_cert: Some(unknown.cert), discovery_key: Some(unknown.key), ..args.clone() },
        DiscoveryArgs { discovery_ca: Some(stranger.ca), ..args },
        host.args(),
    ];
    let refused = refused.map(|args| watch(args.check().unwrap().unwrap(), &shutdown));
    tokio::time::sleep(Duration::from_secs(3)).await;
    for directory in refused {
        assert_eq!(directory.last_sync(), None, "{directory:?}");
    }
}
