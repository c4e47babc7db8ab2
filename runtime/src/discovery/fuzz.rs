//! Entries that no worker of ours wrote: each is a record, or an error.

use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::*;

fn valid() -> WorkerRecord {
    WorkerRecord {
        instance: "5e7c".to_owned(),
        address: "http://127.0.0.1:7071".to_owned(),
        model: "llama".to_owned(),
        family: "llama".to_owned(),
        context_length: 2048,
        capabilities: vec!["chat".to_owned(), "raw".to_owned()],
        build: "0.1.0".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn read(json: String) {
    if let Ok(record) = serde_json::from_str::<WorkerRecord>(&json) {
        let written = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<WorkerRecord>(&written).unwrap(), record);
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_record_is_read_or_refused(json in malformed::json(serde_json::to_value(valid()).unwrap())) {
        malformed::soon(&json, read);
    }

    #[test]
    fn fuzz_changed_bytes_of_a_record_are_read_or_refused(bytes in malformed::bytes(serde_json::to_vec(&valid()).unwrap())) {
        malformed::soon(&bytes, |bytes| String::from_utf8(bytes).map(read).unwrap_or_default());
    }
}
