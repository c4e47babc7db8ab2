//! Addresses of an etcd that somebody mistyped: each can be asked, or is refused by its flag.

use std::path::Path;

use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::*;

const ADDRESSES: &[&str] = &["etcd://a.example:2379", "etcd://127.0.0.1:2379,[::1]:1,b:65535", "etcd://root@a:1"];

fn check((address, cluster, with_password): (String, String, bool)) {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "s3cret\n").unwrap();
    let args = DiscoveryArgs {
        discovery: Some(address),
        cluster,
        discovery_ca: None,
        discovery_cert: None,
        discovery_key: None,
        discovery_password_file: with_password.then_some(password),
    };
    match args.check() {
        Ok(config) => {
            let config = config.unwrap();
            assert!(!config.endpoints.is_empty() && config.user.is_some() == with_password);
            assert!(config.endpoints.iter().all(|uri| uri.port_u16().is_some() && uri.host().is_some()));
            assert_eq!(Path::new(&config.prefix()).components().count(), 4, "{}", config.prefix());
            assert!(!format!("{config:?}").contains("s3cret"));
        }
        Err(error) => assert!(error.to_string().starts_with("--"), "{error}"),
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_address_of_etcd_can_be_asked_or_is_refused(
        address in prop::sample::select(ADDRESSES).prop_flat_map(malformed::text),
        cluster in prop_oneof![4 => Just("default".to_owned()), 1 => malformed::text("blue-1.x_y")],
        with_password in any::<bool>(),
    ) {
        malformed::soon(&(address, cluster, with_password), check);
    }
}
