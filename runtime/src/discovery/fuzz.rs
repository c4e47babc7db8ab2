//! Entries that no worker of ours wrote: each is a record that a coordinator can call, or is refused and takes the place of none.

use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::{roster::Roster, *};

const INSTANCE: &str = "5e7c";

fn valid() -> WorkerRecord {
    WorkerRecord {
        instance: INSTANCE.to_owned(),
        address: "http://127.0.0.1:7071".to_owned(),
        model: "llama".to_owned(),
        family: "llama".to_owned(),
        context_length: 2048,
        capabilities: vec!["chat".to_owned(), "raw".to_owned()],
        build: "0.1.0".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// What stands beside the entry stays, whatever the entry is.
fn put(value: &[u8]) {
    let mut roster = Roster::default();
    let other = serde_json::to_vec(&WorkerRecord { instance: "other".to_owned(), ..valid() }).unwrap();
    roster.put(b"other", &other).unwrap();
    let taken = roster.put(INSTANCE.as_bytes(), value);
    let workers = roster.membership().workers;
    assert_eq!(workers.len(), if taken.is_ok() { 2 } else { 1 });
    for listed in workers {
        assert!(worker_url(&listed.address).is_some(), "{listed:?}");
    }
    if let Err(refusal) = taken {
        assert!(refusal.to_string().len() < 200, "{refusal}");
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_entry_is_listed_or_refused(json in malformed::json(serde_json::to_value(valid()).unwrap())) {
        malformed::soon(&json, |json| put(json.as_bytes()));
    }

    #[test]
    fn fuzz_changed_bytes_of_an_entry_are_listed_or_refused(bytes in malformed::bytes(serde_json::to_vec(&valid()).unwrap())) {
        malformed::soon(&bytes, |bytes| put(&bytes));
    }

    #[test]
    fn fuzz_a_changed_address_is_one_that_can_be_called_or_none(
        url in prop::sample::select(vec!["http://127.0.0.1:7071", "https://worker-0.workers.svc:443", "http://[fe80::1]:1"])
            .prop_flat_map(malformed::text),
    ) {
        malformed::soon(&url, |url| if let Some(uri) = worker_url(&url) {
            assert!(uri.host().is_some_and(|host| !host.is_empty()) && uri.port_u16().is_some());
        });
    }
}
