//! Files of API keys that somebody got wrong: each lists distinct keys, or is refused without a word of what it holds.

use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::*;

/// Nowhere in an error, wherever it comes to stand.
const SECRET: &str = "s3cret";
const VALID: &str = "# s3cret s3cret\n[keys.alice]\nsha256 = \"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"\n\
    requests_per_minute = 60\nmax_generations = 2\ntokens_per_minute = 10000\n\n[keys.bob]\n\
    sha256 = \"AAB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B\"\n";

fn parse(text: String) {
    match KeyFile::parse(&text, Path::new("k.toml")) {
        Ok(file) => {
            let distinct: BTreeSet<Sha256> = file.keys.iter().map(|key| key.sha256).collect();
            assert!(!file.keys.is_empty() && distinct.len() == file.keys.len());
            assert!(file.keys.iter().all(|key| is_name(&key.name)));
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("--api-keys k.toml") && told.lines().count() == 1, "{told}");
            assert!(!format!("{error:?}").contains(SECRET) || error_is_a_key(&error), "{error:?}");
        }
    }
}

/// The name of a table or a field is repeated: somebody must find it.
fn error_is_a_key(error: &KeyFileError) -> bool {
    matches!(error, KeyFileError::Value { misfit, .. } if misfit.key.contains(SECRET))
}

#[test]
fn the_file_that_is_changed_is_valid() {
    assert_eq!(KeyFile::parse(VALID, Path::new("k.toml")).unwrap().keys.len(), 2);
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_file_of_keys_is_read_or_refused(text in malformed::text(VALID)) {
        malformed::soon(&text, parse);
    }
}
