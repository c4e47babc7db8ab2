//! Entries of the discovery service to a list of workers. Pure: no clock, no connection, no log; it is told what time it is.
//!
//! Whoever can write an entry is not trusted to write a good one: what cannot be a worker's record is refused, and the list has a
//! bound. After a connection was lost the service may have forgotten entries that come back in a moment: those that a new list
//! lacks stay until they are given up.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::{Listed, Membership, WorkerRecord, worker_url};

/// Bytes of one entry.
const MAX_RECORD: usize = 16 << 10;
/// Workers of one cluster.
pub(super) const MAX_WORKERS: usize = 10_000;

/// Why an entry is no worker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it has {0} bytes, allowed are {MAX_RECORD}")]
    TooLong(usize),
    #[error("it is no worker's record")]
    NoRecord(#[from] serde_json::Error),
    #[error("it speaks for another instance")]
    OtherInstance,
    #[error("its address is not http://host:port or https://host:port")]
    Address,
    #[error("there are {MAX_WORKERS} workers already")]
    Full,
}

#[derive(Debug, Default)]
pub(super) struct Roster {
    /// By instance.
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    record: Arc<WorkerRecord>,
    /// When a list first lacked it; all lists since have.
    missing_since: Option<Instant>,
}

impl Roster {
    /// A whole list follows: what it does not hold is missing.
    pub(super) fn begin_list(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            entry.missing_since.get_or_insert(now);
        }
    }

    /// `name`: the end of the key, after the prefix of all. An entry that is refused replaces nothing, and what it replaced is gone.
    pub(super) fn put(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let record = match parse(name, value) {
            Ok(record) => Arc::new(record),
            Err(refusal) => {
                self.delete(name);
                return Err(refusal);
            }
        };
        if self.entries.len() >= MAX_WORKERS && !self.entries.contains_key(&record.instance) {
            self.entries.retain(|_, entry| entry.missing_since.is_none());
            if self.entries.len() >= MAX_WORKERS {
                return Err(Refusal::Full);
            }
        }
        self.entries.insert(record.instance.clone(), Entry { record, missing_since: None });
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &[u8]) {
        if let Ok(instance) = std::str::from_utf8(name) {
            self.entries.remove(instance);
        }
    }

    /// Gives up those that have been missing since then or longer.
    pub(super) fn forget_missing(&mut self, since: Instant) {
        self.entries.retain(|_, entry| entry.missing_since.is_none_or(|missing| missing > since));
    }

    /// Since when the first of those that are missing is. None: none is.
    pub(super) fn missing_since(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.missing_since).min()
    }

    pub(super) fn membership(&self) -> Membership {
        let listed = |entry: &Entry| Listed {
            address: entry.record.address.as_str().into(),
            record: Some(Arc::clone(&entry.record)),
        };
        Membership { workers: self.entries.values().map(listed).collect() }
    }
}

fn parse(name: &[u8], value: &[u8]) -> Result<WorkerRecord, Refusal> {
    if value.len() > MAX_RECORD {
        return Err(Refusal::TooLong(value.len()));
    }
    let record: WorkerRecord = serde_json::from_slice(value)?;
    if record.instance.as_bytes() != name {
        return Err(Refusal::OtherInstance);
    }
    if worker_url(&record.address).is_none() {
        return Err(Refusal::Address);
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(instance: &str, address: &str) -> WorkerRecord {
        WorkerRecord {
            instance: instance.to_owned(),
            address: address.to_owned(),
            model: "llama".to_owned(),
            family: "llama".to_owned(),
            context_length: 1024,
            capabilities: vec!["chat".to_owned(), "raw".to_owned()],
            build: "0.1.0".to_owned(),
            started_at: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    fn put(roster: &mut Roster, instance: &str, address: &str) -> Result<(), Refusal> {
        let value = serde_json::to_vec(&record(instance, address)).unwrap();
        roster.put(instance.as_bytes(), &value)
    }

    fn instances(roster: &Roster) -> Vec<String> {
        let workers = roster.membership().workers;
        workers.iter().map(|listed| listed.record.as_ref().unwrap().instance.clone()).collect()
    }

    #[test]
    fn the_list_is_in_the_order_of_the_instances_and_follows_every_change() {
        let mut roster = Roster::default();
        for instance in ["b", "c", "a"] {
            put(&mut roster, instance, "http://host:1").unwrap();
        }
        assert_eq!(instances(&roster), ["a", "b", "c"]);
        put(&mut roster, "b", "https://other:2").unwrap();
        roster.delete(b"a");
        roster.delete(b"unknown");
        roster.delete(&[0xff]);
        assert_eq!(instances(&roster), ["b", "c"]);
        assert_eq!(&*roster.membership().workers[0].address, "https://other:2");
    }

    #[test]
    fn what_a_new_list_lacks_stays_until_it_is_given_up() {
        let mut roster = Roster::default();
        for instance in ["a", "b", "c"] {
            put(&mut roster, instance, "http://host:1").unwrap();
        }
        assert_eq!(roster.missing_since(), None);
        let now = Instant::now();
        roster.begin_list(now);
        put(&mut roster, "b", "http://host:1").unwrap();
        assert_eq!(roster.missing_since(), Some(now));
        assert_eq!(instances(&roster), ["a", "b", "c"]);
        put(&mut roster, "c", "http://host:1").unwrap();
        roster.forget_missing(now);
        assert_eq!(instances(&roster), ["b", "c"]);
        assert_eq!(roster.missing_since(), None);
    }

    #[test]
    fn every_further_list_that_lacks_an_entry_brings_its_end_no_further_away() {
        let mut roster = Roster::default();
        let [first, second] = [0, 5].map(|seconds| Instant::now() + std::time::Duration::from_secs(seconds));
        put(&mut roster, "a", "http://host:1").unwrap();
        put(&mut roster, "b", "http://host:1").unwrap();
        roster.begin_list(first);
        put(&mut roster, "b", "http://host:1").unwrap();
        roster.begin_list(second);
        assert_eq!(roster.missing_since(), Some(first));
        roster.forget_missing(first);
        assert_eq!(instances(&roster), ["b"], "who is missing for less long still has time");
        assert_eq!(roster.missing_since(), Some(second));
    }

    #[test]
    fn an_entry_that_cannot_be_a_worker_s_is_refused_and_takes_the_place_of_none() {
        let mut roster = Roster::default();
        let refusal = |roster: &mut Roster, value: &[u8]| {
            put(roster, "a", "http://host:1").unwrap();
            let refusal = roster.put(b"a", value).unwrap_err();
            assert_eq!(instances(roster), [""; 0]);
            refusal
        };
        assert!(matches!(refusal(&mut roster, b"not JSON"), Refusal::NoRecord(_)));
        assert!(matches!(refusal(&mut roster, b"{\"instance\": \"a\"}"), Refusal::NoRecord(_)));
        let other = serde_json::to_vec(&record("b", "http://host:1")).unwrap();
        assert!(matches!(refusal(&mut roster, &other), Refusal::OtherInstance));
        let nowhere = serde_json::to_vec(&record("a", "host:1")).unwrap();
        assert!(matches!(refusal(&mut roster, &nowhere), Refusal::Address));
        let mut long = record("a", "http://host:1");
        long.build = "x".repeat(MAX_RECORD);
        let long = serde_json::to_vec(&long).unwrap();
        assert!(matches!(refusal(&mut roster, &long), Refusal::TooLong(_)));
    }

    #[test]
    fn a_record_of_a_newer_worker_may_say_more() {
        let mut value = serde_json::to_value(record("a", "http://host:1")).unwrap();
        value["zone"] = "north".into();
        Roster::default().put(b"a", value.to_string().as_bytes()).unwrap();
    }

    #[test]
    fn the_list_has_a_bound_and_prefers_those_that_are_there() {
        let mut roster = Roster::default();
        for index in 0..MAX_WORKERS {
            put(&mut roster, &format!("{index:05}"), "http://host:1").unwrap();
        }
        assert!(matches!(put(&mut roster, "new", "http://host:1"), Err(Refusal::Full)));
        put(&mut roster, "00007", "http://host:2").unwrap();
        roster.begin_list(Instant::now());
        put(&mut roster, "new", "http://host:1").unwrap();
        assert_eq!(instances(&roster), ["new"]);
    }
}
