//! PEM files that no authority wrote: each is used, or refused by its flag and path.

use std::{path::PathBuf, sync::LazyLock};

use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::{
    certificates::{Authority, Validity},
    *,
};

/// Certificate, key, and whom to trust.
static VALID: LazyLock<[String; 3]> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ours").unwrap();
    let issued = authority.issue("server", "localhost", Validity::Now).unwrap();
    [issued.cert, issued.key, authority.ca].map(|file| std::fs::read_to_string(file).unwrap())
});

fn load(texts: &[Vec<u8>; 3]) -> [Result<(), TlsError>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let [cert, key, ca] = [("cert.pem", &texts[0]), ("key.pem", &texts[1]), ("ca.pem", &texts[2])]
        .map(|(name, bytes)| Some(path(name, bytes)));
    let server = ServerTlsArgs { tls_cert: cert.clone(), tls_key: key.clone(), tls_client_ca: ca.clone() };
    let client = ClientTlsFiles::given(("--worker-ca", ca), ("--worker-cert", cert), ("--worker-key", key)).unwrap();
    [server.load().map(drop), ClientTls::load(client.unwrap()).map(drop)]
}

/// The texts; `changed`: which of them is not as it should be, and what it is.
fn with(place: usize, changed: Vec<u8>) -> [Vec<u8>; 3] {
    let mut texts = VALID.clone().map(String::into_bytes);
    texts[place] = changed;
    texts
}

#[test]
fn the_files_that_are_changed_are_valid() {
    assert!(load(&VALID.clone().map(String::into_bytes)).iter().all(Result::is_ok));
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_pem_file_is_used_or_refused(
        (place, changed) in (0usize..3).prop_flat_map(|place| {
            let valid = VALID[place].clone();
            let as_text = malformed::text(&valid).prop_map(String::into_bytes);
            (Just(place), prop_oneof![as_text, malformed::bytes(valid.into_bytes())])
        }),
    ) {
        malformed::soon(&(place, changed), |(place, changed)| {
            for error in load(&with(place, changed)).into_iter().filter_map(Result::err) {
                assert!(error.to_string().starts_with("--"), "{error}");
            }
        });
    }
}
