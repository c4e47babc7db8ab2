//! The cluster's workers, from etcd: listed, then watched from that revision on; listed anew after every loss. A stream that
//! says nothing is asked whether it still watches, so a dead etcd is noticed, and the list's age is known.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use etcd_client::{Client, EventType, GetOptions, KeyValue, WatchOptions, WatchResponse};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::{
    EtcdConfig,
    attempts::Attempts,
    connector::{Connector, EtcdError, kv, watches, within},
};
use crate::{
    discovery::{
        Directory,
        directory::Publisher,
        roster::{MAX_WORKERS, Roster},
    },
    message::chain,
    shutdown::Shutdown,
};

/// How often the stream is asked.
const PROGRESS: Duration = Duration::from_secs(2);
/// A stream that has said nothing for so long is dead.
const SILENCE: Duration = Duration::from_millis(4500);
/// How long workers that new lists lack are still listed: an etcd that came back empty hears from them after a backoff, a call in
/// vain and another backoff. Those that are gone are found out by calling them.
const RETURN: Duration = Duration::from_secs(15);

/// Watches until the stop begins; then the list stays what it is.
pub fn watch(config: EtcdConfig, shutdown: &Shutdown) -> Directory {
    let (publisher, directory) = Directory::published();
    let watcher = Watcher::new(config, publisher);
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        tokio::select! {
            () = stop.begun() => {}
            never = watcher.run() => match never {},
        }
    });
    directory
}

struct Watcher {
    connector: Connector,
    prefix: String,
    roster: Roster,
    publisher: Publisher,
    /// Entries that were complained of.
    refused: BTreeSet<Vec<u8>>,
    attempts: Attempts,
}

impl Watcher {
    fn new(config: EtcdConfig, publisher: Publisher) -> Self {
        let (prefix, roster) = (config.prefix(), Roster::default());
        let (connector, attempts) = (Connector::new(config), Attempts::at("watch"));
        Self { connector, prefix, roster, publisher, refused: BTreeSet::new(), attempts }
    }

    async fn run(mut self) -> Infallible {
        loop {
            let Err(error) = self.follow().await;
            let wait = self.attempts.failed(&error);
            tokio::time::sleep(wait).await;
        }
    }

    async fn follow(&mut self) -> Result<Infallible, EtcdError> {
        let client = self.connector.connect().await?;
        let options = GetOptions::new().with_prefix().with_limit(MAX_WORKERS as i64 + 1);
        let list = within("Range", kv(&client).get(self.prefix.as_str(), Some(options))).await?;
        let revision = list.header().map_or(0, etcd_client::ResponseHeader::revision);
        self.roster.begin_list(Instant::now());
        for entry in list.kvs() {
            self.put(entry);
        }
        self.publish();
        self.publisher.is_current();
        self.follow_from(&client, revision + 1).await
    }

    async fn follow_from(&mut self, client: &Client, revision: i64) -> Result<Infallible, EtcdError> {
        let options = WatchOptions::new().with_prefix().with_start_revision(revision);
        let mut stream = within("Watch", watches(client).watch(self.prefix.as_str(), Some(options))).await?;
        self.attempts.succeeded();
        let mut heard = Instant::now();
        let mut progress = interval_at(heard + PROGRESS, PROGRESS);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let missing_since = self.roster.missing_since();
            tokio::select! {
                response = stream.message() => {
                    self.take(within("Watch", async { response }).await?)?;
                    heard = Instant::now();
                }
                _ = progress.tick() => within("WatchProgress", stream.request_progress()).await?,
                () = sleep_until(heard + SILENCE) => return Err(EtcdError::Late { call: "WatchProgress" }),
                Some(since) = waited(missing_since) => {
                    self.roster.forget_missing(since);
                    self.publish();
                }
            }
        }
    }

    /// Every response but the first says that nothing before it was missed.
    fn take(&mut self, response: Option<WatchResponse>) -> Result<(), EtcdError> {
        let response = response.ok_or(EtcdError::Ended { call: "Watch" })?;
        match response.compact_revision() {
            0 if response.canceled() => return Err(EtcdError::Cancelled(response.cancel_reason().to_owned())),
            0 => {}
            revision => return Err(EtcdError::Compacted(revision)),
        }
        for event in response.events() {
            let Some(entry) = event.kv() else { continue };
            match event.event_type() {
                EventType::Put => self.put(entry),
                EventType::Delete => self.delete(entry),
            }
        }
        self.publish();
        // That a watch is there says nothing of the list: what it was to begin with may be compacted.
        if !response.created() {
            self.publisher.is_current();
        }
        Ok(())
    }

    fn put(&mut self, entry: &KeyValue) {
        let Some(name) = entry.key().strip_prefix(self.prefix.as_bytes()) else { return };
        match self.roster.put(name, entry.value()) {
            Ok(()) => _ = self.refused.remove(name),
            // Told once for each, while there are not too many to remember.
            Err(refusal) => {
                if self.refused.len() < MAX_WORKERS && self.refused.insert(name.to_owned()) {
                    let key = String::from_utf8_lossy(entry.key());
                    tracing::warn!(%key, error = chain(&refusal), "an entry at etcd is no worker's, and is skipped");
                }
            }
        }
    }

    fn delete(&mut self, entry: &KeyValue) {
        let Some(name) = entry.key().strip_prefix(self.prefix.as_bytes()) else { return };
        self.refused.remove(name);
        self.roster.delete(name);
    }

    fn publish(&self) {
        self.publisher.publish(self.roster.membership());
    }
}

/// Until those missing since then are given up.
async fn waited(missing_since: Option<Instant>) -> Option<Instant> {
    let since = missing_since?;
    sleep_until(since + RETURN).await;
    Some(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::etcd::host::Host;

    #[tokio::test]
    async fn a_watch_from_a_past_that_was_compacted_ends_and_the_next_list_is_whole() {
        let Some(host) = Host::start().await else { return };
        let mut client = host.client().await;
        let mut revision = 0;
        for _ in 0..5 {
            revision = client.put("/elsewhere", "x", None).await.unwrap().header().unwrap().revision();
        }
        client.compact(revision, None).await.unwrap();
        let (publisher, directory) = Directory::published();
        let mut watcher = Watcher::new(host.config(), publisher);
        let Err(error) = watcher.follow_from(&client, 1).await;
        assert!(matches!(error, EtcdError::Compacted(at) if at == revision), "{error:?}");
        assert_eq!(directory.last_sync(), None, "it was told nothing");
        let listed = tokio::time::timeout(RETURN, watcher.follow()).await;
        assert!(listed.is_err(), "{listed:?}");
        assert!(directory.last_sync().is_some());
    }
}
