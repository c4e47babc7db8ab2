//! Configuration files that somebody got wrong: each is a checked configuration, or an error in one line that names the file and the
//! place.

use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::*;

/// The example with every key spelled out.
fn valid() -> String {
    let example = include_str!("../../coordinator.example.toml").lines();
    let is_setting = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let said = example.filter_map(|line| match line.strip_prefix("# ") {
        None => Some(line),
        Some(commented) => is_setting(commented).then_some(commented),
    });
    said.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn parse(text: String) {
    match Config::parse(&text, Path::new("c.toml")) {
        Ok(config) => {
            assert!(!config.ensembles.is_empty());
            for ensemble in config.ensembles.values() {
                assert!((1..=64).contains(&ensemble.members.len()));
                assert!(ensemble.policy.min_members.get() <= ensemble.members.len());
                assert!(ensemble.default_max_tokens <= ensemble.max_tokens_limit);
                assert!(ensemble.policy.exit.theta.is_finite() && ensemble.policy.exit.tau > 0.0);
            }
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("c.toml"), "{told}");
        }
    }
}

#[test]
fn the_file_that_is_changed_is_valid() {
    assert!(Config::parse(&valid(), Path::new("c.toml")).is_ok());
    assert!(valid().contains("exit = {") && valid().contains("score_timeout"));
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_configuration_is_read_or_refused_by_its_name(text in malformed::text(&valid())) {
        malformed::soon(&text, parse);
    }
}
