//! Headers that no client of ours sends: none of them is a key that it is not, and no answer repeats it.

use proptest::prelude::*;
use specfuse_malformed as malformed;
use std::path::Path;
use tonic::metadata::{Ascii, MetadataValue};

use super::*;

const KEY: &str = "s3cret";

fn gate() -> Gate {
    let hash: String = Sha256::of(KEY.as_bytes()).0.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = KeyFile::parse(&format!("[keys.alice]\nsha256 = \"{hash}\"\n"), Path::new("k.toml")).unwrap();
    Gate(Some(Keys(watch::channel(listed(&file, &[])).1)))
}

fn show(headers: Vec<Vec<u8>>) {
    let mut request = Request::new(());
    // What is no header never arrives.
    let arriving = headers.iter().filter_map(|header| MetadataValue::try_from(header.as_slice()).ok());
    let arrived: Vec<MetadataValue<Ascii>> = arriving.collect();
    for header in &arrived {
        request.metadata_mut().append("authorization", header.clone());
    }
    match gate().call(request) {
        Ok(request) => {
            let [header] = arrived.as_slice() else { panic!("{arrived:?}") };
            assert!(header.as_bytes().eq_ignore_ascii_case(b"bearer s3cret"), "{header:?}");
            assert!(header.as_bytes().ends_with(KEY.as_bytes()), "{header:?}");
            assert!(request.extensions().get::<Caller>().is_some_and(|caller| &*caller.name == "alice"));
        }
        Err(status) => assert!(!status.message().contains(KEY), "{status:?}"),
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_authorization_is_a_known_key_or_a_stranger(
        headers in prop::collection::vec(
            prop_oneof![malformed::bytes(b"Bearer s3cret".to_vec()), malformed::text("bearer s3cret").prop_map(String::into_bytes)],
            0..3,
        ),
    ) {
        malformed::soon(&headers, show);
    }
}
