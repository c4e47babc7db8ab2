//! Configuration files that somebody got wrong: each is a checked configuration, or an error in one line that names the file and the
//! place.

use clap::Parser;
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

const FLAGS: &[&str] = &[
    "--discovery",
    "--cluster",
    "--discovery-ca",
    "--discovery-cert",
    "--discovery-key",
    "--discovery-password-file",
    "--tls-cert",
    "--tls-key",
    "--tls-client-ca",
    "--worker-ca",
    "--worker-cert",
    "--worker-key",
    "--api-keys",
    "--log",
    "--log-format",
    "--config",
];
const VALUES: &[&str] = &[
    "",
    " ",
    "/",
    "/none",
    "Cargo.toml",
    "..",
    "é",
    "etcd://a:1",
    "etcd://u@a:1,b:2",
    "etcd://",
    "a/b",
    "default",
    "info",
    "json",
    "=",
    "--",
    "0",
    ",",
    ":",
];

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// Each flag with a value.
fn words() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![8 => prop::sample::select(VALUES).prop_map(str::to_owned), 2 => malformed::fragments(VALUES, 3), 1 => any::<String>()];
    let flag = (prop::sample::select(FLAGS), value).prop_map(|(flag, value)| format!("{flag}={value}"));
    prop::collection::vec(flag, 0..5)
}

fn load(words: Vec<String>) {
    let program = ["coordinator", "--config=coordinator.example.toml"].map(str::to_owned);
    let Ok(cli) = Cli::try_parse_from(program.into_iter().chain(words)) else { return };
    if let Err(error) = Config::load(&cli.args) {
        let told = error.to_string();
        assert!(told.contains("--") || told.contains(&cli.args.config.display().to_string()), "{told}");
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

    #[test]
    fn fuzz_any_flags_are_a_configuration_or_refused_by_name(words in words()) {
        malformed::soon(&words, load);
    }
}
