//! Workers that join and leave while the coordinator runs, and workers that are not who they are said to be.

use std::{sync::Arc, time::Duration};

use specfuse_runtime::{
    discovery::{Listed, Membership, WorkerRecord},
    shutdown::Shutdown,
};
use tokio::sync::watch;

use super::*;
use crate::pool::{Pool, State};

fn record(worker: &ScriptedWorker, instance: &str) -> WorkerRecord {
    WorkerRecord {
        instance: instance.to_owned(),
        address: worker.url.clone(),
        model: "a".to_owned(),
        family: String::new(),
        context_length: 100,
        capabilities: vec![],
        build: String::new(),
        started_at: String::new(),
    }
}

fn list(records: &[WorkerRecord]) -> Arc<Membership> {
    let listed = |record: &WorkerRecord| Listed {
        address: record.address.as_str().into(),
        record: Some(Arc::new(record.clone())),
    };
    Arc::new(Membership { workers: records.iter().map(listed).collect() })
}

struct Watched {
    list: watch::Sender<Arc<Membership>>,
    pool: Pool,
    _shutdown: Shutdown,
}

impl Watched {
    fn start(records: &[WorkerRecord]) -> Self {
        let (list, shutdown) = (watch::Sender::new(list(records)), Shutdown::new(Duration::ZERO));
        Self { pool: Pool::start(list.subscribe(), None, &shutdown), list, _shutdown: shutdown }
    }

    /// The replicas of model "a", once there are so many.
    async fn replicas(&self, count: usize) -> Vec<String> {
        let found = async {
            loop {
                let links = self.pool.replicas("a", "r").unwrap_or_default();
                if links.len() == count {
                    return links.iter().map(|link| link.url().to_owned()).collect();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.unwrap()
    }
}

#[tokio::test]
async fn a_worker_that_joins_is_used_and_one_that_leaves_is_not() {
    let (first, second) = (sound("a").await, sound("a").await);
    let (one, two) = (record(&first, ""), record(&second, ""));
    let watched = Watched::start(std::slice::from_ref(&one));
    assert_eq!(watched.replicas(1).await.join(" "), first.url);
    watched.list.send_replace(list(&[one, two.clone()]));
    watched.replicas(2).await;
    let links = watched.pool.replicas("a", "r").unwrap();
    watched.list.send_replace(list(&[two]));
    assert_eq!(watched.replicas(1).await.join(" "), second.url);
    assert_eq!(links.len(), 2, "who holds a link keeps it");
    watched.list.send_replace(Arc::default());
    watched.replicas(0).await;
}

#[tokio::test]
async fn a_worker_that_is_not_what_it_is_registered_as_is_not_asked() {
    let worker = sound("a").await;
    let liars = [
        (record(&worker, "another"), "nonsense: it says its instance is \"\", it is registered as \"another\""),
        (
            WorkerRecord { context_length: 101, ..record(&worker, "") },
            "nonsense: it says its context length is \"100\", it is registered as \"101\"",
        ),
    ];
    for (record, why) in liars {
        let watched = Watched::start(&[record]);
        watched.pool.first_contact(&["a".into()]).await;
        let cluster = watched.pool.cluster();
        let State::Unreachable { error, .. } = &cluster.workers[0].state else { panic!("{cluster:?}") };
        assert_eq!(error, why);
    }
}

#[tokio::test]
async fn a_worker_that_stops_serving_is_not_asked() {
    let worker = sound("a").await;
    let watched = Watched::start(&[record(&worker, "")]);
    watched.replicas(1).await;
    worker.health(tonic_health::ServingStatus::NotServing).await;
    watched.replicas(0).await;
    let cluster = watched.pool.cluster();
    let State::Unreachable { error, .. } = &cluster.workers[0].state else { panic!("{cluster:?}") };
    assert_eq!(error, "failed: its health is NOT_SERVING");
    worker.health(tonic_health::ServingStatus::Serving).await;
    watched.replicas(1).await;
}
