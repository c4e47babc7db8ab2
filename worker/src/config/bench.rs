//! The flags of the bench, to what it measures.

use clap::builder::RangedU64ValueParser;

use super::model::{ModelArgs, ModelArgsError, ModelChoice, ModelSource};
use crate::model::Precision;

/// Of published models few read more.
const MAX_CONTEXT: u64 = 1 << 17;
const MAX_REPEATS: u64 = 1000;
/// Their texts fit the cache of the rounds.
const MAX_ROUNDS: u64 = 256;

/// What random weights are measured in, one after the other, unless a flag chooses.
const PRECISIONS: [Precision; 3] = [Precision::Bf16, Precision::Q8_0, Precision::F32];

/// The bench's flags as typed; those of the model are the worker's, with its variables.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Tokens of context before each step; repeatable, or separated by commas.
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [32, 512, 2048],
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_CONTEXT))]
    pub context: Vec<usize>,
    /// Repetitions of a step, of which the median counts; the steps that take long end after three.
    #[arg(long, value_name = "N", default_value_t = 9,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_REPEATS))]
    pub repeats: usize,
    /// Whole rounds through gRPC, of which the median counts; 0: none.
    #[arg(long, value_name = "N", default_value_t = 8,
        value_parser = RangedU64ValueParser::<usize>::new().range(0..=MAX_ROUNDS))]
    pub rounds: usize,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct BenchConfig {
    pub model: ModelChoice,
    /// Of the model's weights, one after the other; at least one.
    pub precisions: Vec<Precision>,
    /// Tokens before each step; none is 0.
    pub contexts: Vec<usize>,
    /// At least one.
    pub repeats: usize,
    pub rounds: usize,
}

impl TryFrom<BenchArgs> for BenchConfig {
    type Error = ModelArgsError;

    fn try_from(args: BenchArgs) -> Result<Self, ModelArgsError> {
        let model = ModelChoice::try_from(args.model)?;
        let precisions = match (&model.source, model.options.precision) {
            (ModelSource::Random(_), Precision::Stored) if model.options.on_host() => PRECISIONS.to_vec(),
            (ModelSource::Random(_), Precision::Stored) => vec![Precision::Bf16],
            (_, chosen) => vec![chosen],
        };
        Ok(Self { model, precisions, contexts: args.context, repeats: args.repeats, rounds: args.rounds })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn parsed(flags: &[&str]) -> Result<Cli, String> {
        let flags = ["bench", "--random-weights", "shape.json"].iter().chain(flags);
        Cli::try_parse_from(flags).map_err(|error| error.to_string())
    }

    #[test]
    fn random_weights_are_measured_in_turn_unless_one_precision_is_chosen() {
        let precisions = |flags: &[&str]| BenchConfig::try_from(parsed(flags).unwrap().args).unwrap().precisions;
        assert_eq!(precisions(&[]), PRECISIONS);
        assert_eq!(precisions(&["--dtype", "f16"]), [Precision::F16]);
        assert_eq!(precisions(&["--quantize", "q4k"]), [Precision::Q4K]);
        let checkpoint = Cli::try_parse_from(["bench", "--model", "m"]).unwrap().args;
        assert_eq!(BenchConfig::try_from(checkpoint).unwrap().precisions, [Precision::Stored]);
    }

    #[test]
    fn counts_that_cannot_be_measured_are_refused_with_their_flag() {
        for (flag, value) in [
            ("--context", "0"),
            ("--context", "32,0"),
            ("--context", "131073"),
            ("--context", "18446744073709551615"),
            ("--repeats", "0"),
            ("--repeats", "1001"),
            ("--rounds", "257"),
        ] {
            let error = parsed(&[flag, value]).unwrap_err();
            assert!(error.contains(&format!("'{flag} <")), "{flag} {value}: {error}");
        }
        assert!(parsed(&["--context", "1,131072", "--repeats", "1", "--rounds", "0"]).is_ok());
    }
}
