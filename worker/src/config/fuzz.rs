//! Command lines that nobody meant: each is a checked configuration, or an error that names a flag.

use clap::Parser;
use proptest::prelude::*;
use specfuse_malformed as malformed;

use super::*;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

const FLAGS: &[&str] = &[
    "--model",
    "--random-weights",
    "--dtype",
    "--quantize",
    "--device",
    "--threads",
    "--name",
    "--listen",
    "--cache-memory",
    "--max-batch-rows",
    "--max-queue",
    "--shutdown-grace",
    "--discovery",
    "--cluster",
    "--advertise",
    "--discovery-ca",
    "--tls-cert",
    "--tls-key",
    "--log",
    "--log-format",
];
const VALUES: &[&str] = &[
    "",
    " ",
    "0",
    "1",
    "-1",
    "+1",
    "1e3",
    "0x10",
    "2",
    "1024",
    "65536",
    "65537",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "1.5",
    ".",
    "..",
    "/",
    "//",
    "é",
    "\u{0}",
    "models",
    ".gguf",
    "m.gguf",
    "auto",
    "f32",
    "bf16",
    "q8_0",
    "q4k",
    "cpu",
    "cpu:",
    "cuda:",
    "cuda:0",
    "cuda:99999999999999999999",
    "metal",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "[::]:7071",
    "[::1",
    ":80",
    "localhost:1",
    "etcd://a:1",
    "etcd://u@a:1,b:2",
    "1GiB",
    "1 GiB",
    "9999999PiB",
    "0.5KiB",
    "1e30GiB",
    "30s",
    "1h 1h",
    "99999999999999999999s",
    "18446744073709551615y",
    "1ns",
    "s",
    "info",
    "json",
    "=",
    "--",
    "-",
];

/// Each flag with the value after it, as one word or two.
fn words() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![8 => prop::sample::select(VALUES).prop_map(str::to_owned), 2 => malformed::fragments(VALUES, 3), 1 => any::<String>()];
    let flag = (prop::sample::select(FLAGS), value, any::<bool>()).prop_map(|(flag, value, joined)| match joined {
        true => vec![format!("{flag}={value}")],
        false => vec![flag.to_owned(), value],
    });
    let valid = Just(vec!["--model=models".to_owned()]);
    (prop::option::weighted(0.9, valid), prop::collection::vec(flag, 0..4))
        .prop_map(|(valid, flags)| valid.into_iter().chain(flags).flatten().collect())
}

fn read(words: Vec<String>) {
    let Ok(cli) = Cli::try_parse_from(std::iter::once("worker".to_owned()).chain(words)) else { return };
    match Config::try_from(cli.args) {
        Ok(config) => {
            assert!((1..=MAX_NAME).contains(&config.name.len()) && config.engine.cache_memory > 0);
            assert!((1..=MAX_BATCH_ROWS).contains(&config.engine.max_batch_rows));
            assert!((1..=MAX_QUEUE).contains(&config.engine.max_queue));
        }
        Err(error) => assert!(error.to_string().contains("--"), "{error}"),
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_any_flags_are_a_configuration_or_refused_by_name(words in words()) {
        malformed::soon(&words, read);
    }
}
