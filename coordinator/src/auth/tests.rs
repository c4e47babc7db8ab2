use std::{num::NonZeroU32, path::Path};

use super::*;

fn file(keys: &str) -> KeyFile {
    KeyFile::parse(keys, Path::new("k.toml")).unwrap()
}

fn entry(name: &str, key: &str, limits: &str) -> String {
    use std::fmt::Write;
    let mut hash = String::new();
    Sha256::of(key.as_bytes()).0.iter().for_each(|byte| write!(hash, "{byte:02x}").unwrap());
    format!("[keys.{name}]\nsha256 = \"{hash}\"\n{limits}\n")
}

fn keys(file: &KeyFile) -> Keys {
    Keys(watch::channel(listed(file, &[])).1)
}

fn shown(headers: &[&str]) -> HeaderMap {
    headers.iter().map(|header| (AUTHORIZATION, header.parse().unwrap())).collect()
}

#[test]
fn a_caller_is_known_by_its_key_and_by_nothing_else() {
    let keys = keys(&file(&(entry("alice", "one", "") + &entry("bob", "two", ""))));
    for header in ["Bearer one", "bearer one", "BEARER one"] {
        assert_eq!(keys.caller(&shown(&[header])).unwrap().name.as_ref(), "alice", "{header}");
    }
    assert_eq!(keys.caller(&shown(&["Bearer two"])).unwrap().name.as_ref(), "bob");
    let cases: [(&[&str], Stranger); 11] = [
        (&[], Stranger::NoKey),
        (&[""], Stranger::Malformed),
        (&["one"], Stranger::Malformed),
        (&["Bearer"], Stranger::Malformed),
        (&["Bearer "], Stranger::Malformed),
        (&["Bearer  one"], Stranger::Malformed),
        (&["Basic one"], Stranger::Malformed),
        (&["Bearer one", "Bearer one"], Stranger::Malformed),
        (&["Bearer One"], Stranger::Unknown),
        (&["Bearer three"], Stranger::Unknown),
        (&["Bearer alice"], Stranger::Unknown),
    ];
    for (headers, expected) in cases {
        assert_eq!(keys.caller(&shown(headers)).unwrap_err(), expected, "{headers:?}");
    }
}

#[test]
fn what_a_stranger_is_told_says_what_is_expected_and_not_what_was_shown() {
    let keys = keys(&file(&entry("alice", "one", "")));
    let mut gate = Gate(Some(keys));
    for header in ["s3cret", "Bearer s3cret"] {
        let mut request = Request::new(());
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(shown(&[header]));
        let status = gate.call(request).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert!(!format!("{status:?}").contains("s3cret"), "{status:?}");
    }
    let status = gate.call(Request::new(())).unwrap_err();
    assert_eq!(status.message(), "an API key is needed: send the header \"authorization: Bearer KEY\"");
    assert!(Gate(None).call(Request::new(())).is_ok());
}

#[test]
fn what_is_used_of_the_limits_outlives_a_change_of_the_file_unless_they_change() {
    let limits = "max_generations = 1";
    let before = listed(&file(&(entry("a", "one", limits) + &entry("b", "two", limits))), &[]);
    let held: Vec<_> = before.iter().map(|key| key.caller.meter.allow(std::num::NonZeroU32::MIN).unwrap()).collect();
    let changed = entry("a", "new", limits) + &entry("b", "two", "max_generations = 2") + &entry("c", "3", limits);
    let after = listed(&file(&changed), &before);
    let allowed: Vec<bool> =
        after.iter().map(|key| key.caller.meter.allow(std::num::NonZeroU32::MIN).is_ok()).collect();
    assert_eq!(allowed, [false, true, true]);
    assert_eq!(after[1].caller.meter.limits().max_generations, NonZeroU32::new(2));
    drop(held);
    assert!(after[0].caller.meter.allow(std::num::NonZeroU32::MIN).is_ok());
}
