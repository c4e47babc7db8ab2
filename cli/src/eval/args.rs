//! The flags of `specfuse eval`.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, ValueEnum, builder::RangedU64ValueParser};

use crate::args::{AccessArgs, LocalArgs};

const EXAMPLES: &str = "\
Examples:
  specfuse eval --bundled                              every strategy and member on the bundled models' own questions
  specfuse eval questions.jsonl --limit 50 --model ~/models/A --model ~/models/B
  specfuse eval questions.jsonl --endpoint http://127.0.0.1:7070 --strategy fuse --strategy single/A
  specfuse eval --bundled --ablate exit --out exits    rules of exit, and their thresholds, by the development questions
  specfuse eval questions.jsonl --judge http://127.0.0.1:8000/v1 --judge-model NAME
  specfuse eval --calibrate text.txt --write models/ensemble.toml

A question is a line such as {\"id\": \"1\", \"kind\": \"sums\", \"question\": \"How much is 2 + 2?\", \"answer\": \"4\"}; the formats of
GSM8K, MMLU, CMMLU, AlpacaEval, MT-Bench, IFEval and the like are known by their fields. Every answer is kept in --out as soon as it
is there: the same command goes on where it was stopped. report.json, report.html and report.md there hold all that is found,
curve.svg what rules of exit bring and cost. Answers that are right or wrong, near to a reference, and judged have no mean in
common: a set of several gets report-reference.* and report-judged.* too. The exit code is 0 only if every answer, and every
verdict, is there.";

/// Flags without any effect where nothing is asked.
const ASKING: [&str; 19] = [
    "endpoint",
    "ensemble",
    "ablate",
    "strategy",
    "kind",
    "limit",
    "concurrency",
    "seed",
    "temperature",
    "max_tokens",
    "stop",
    "timeout",
    "out",
    "fresh",
    "json",
    "judge",
    "settings",
    "segment_tokens",
    "development",
];

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("subject").required(true).args(["files", "bundled", "calibrate"]))]
pub(crate) struct Args {
    /// Question sets: JSON Lines, or one JSON array.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The bundled models and the questions beside them, which no choice was made by.
    #[arg(long, conflicts_with_all = ["endpoint", "model"])]
    pub(crate) bundled: bool,
    /// With --bundled: the questions that settings are chosen by.
    #[arg(long, requires = "bundled")]
    pub(crate) development: bool,
    #[command(flatten)]
    pub(crate) what: WhatArgs,
    /// Folder of answers and reports; answers that it has are not asked for again.
    #[arg(long, value_name = "DIR", default_value = "specfuse-eval")]
    pub(crate) out: PathBuf,
    /// Forget the answers and judgements in --out.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Write what report.json holds, and nothing else, to standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// Compare exit rules and their thresholds, beside every single member. With --bundled by the development questions: a threshold is
    /// a choice.
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["endpoint", "strategy"])]
    pub(crate) ablate: Option<Ablation>,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    #[command(flatten)]
    pub(crate) calibrate: CalibrateArgs,
    /// Ask a running coordinator, such as http://127.0.0.1:7070, instead of starting a cluster.
    #[arg(long, value_name = "URL", conflicts_with_all = ["model", "settings", "segment_tokens"], help_heading = "A running coordinator")]
    pub(crate) endpoint: Option<String>,
    /// Ensemble that answers; default: the coordinator's only one, or the one named "default".
    #[arg(long, value_name = "NAME", requires = "endpoint", help_heading = "A running coordinator")]
    pub(crate) ensemble: Option<String>,
    #[command(flatten, next_help_heading = "A running coordinator")]
    pub(crate) access: AccessArgs,
    #[command(flatten, next_help_heading = "A cluster on this machine")]
    pub(crate) local: LocalArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ablation {
    Exit,
}

/// What is asked, of whom and how.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct WhatArgs {
    /// Strategy to ask; repeatable. Default: all that the ensemble offers.
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Vec<String>,
    /// Only questions of this kind; repeatable.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only so many questions, spread evenly over the sets.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) limit: Option<usize>,
    /// Questions under way at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub(crate) concurrency: usize,
    /// Of sampling, where a temperature is not 0, and of the report's intervals.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// 0 takes the most probable token every time; strategies that take samples have their own.
    #[arg(long, value_name = "T", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) temperature: f32,
    /// Longest answer, in tokens; default: the ensemble's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: Option<u32>,
    /// End answers before this text; repeatable. Examples that a raw prompt begins with need it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// How long one answer may take, such as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "A judge")]
pub(crate) struct JudgeArgs {
    /// Let a model behind an OpenAI-compatible endpoint compare answers with the best member's, in both orders. Its API key is in the
    /// environment variable SPECFUSE_JUDGE_KEY.
    #[arg(long = "judge", value_name = "URL", requires = "judge_model", conflicts_with = "calibrate")]
    pub(crate) judge: Option<String>,
    /// What the endpoint calls the model.
    #[arg(long, value_name = "NAME", requires = "judge")]
    pub(crate) judge_model: Option<String>,
    /// Show the API key that this file holds.
    #[arg(long, value_name = "FILE", requires = "judge")]
    pub(crate) judge_key_file: Option<PathBuf>,
    /// Strategy to compare with; default: the member that answers best alone, or, where only a judge can tell, the first one asked.
    #[arg(long, value_name = "STRATEGY", requires = "judge")]
    pub(crate) baseline: Option<String>,
}

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Calibration")]
pub(crate) struct CalibrateArgs {
    /// Ask nothing: learn from this text how far the members' log-probabilities lie apart, and print the ensemble's key `calibrate`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ASKING)]
    pub(crate) calibrate: Option<PathBuf>,
    /// Put it into these settings, instead; they may be none yet.
    #[arg(long, value_name = "FILE", requires = "calibrate")]
    pub(crate) write: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    fn is_taken(flags: &str) -> bool {
        Cli::try_parse_from(["specfuse", "eval"].into_iter().chain(flags.split(' '))).is_ok()
    }

    #[test]
    fn calibration_takes_no_flag_that_has_no_effect() {
        assert!(is_taken("--calibrate t.txt --write e.toml --models m"));
        for flag in
            ["--settings e.toml", "--seed 1", "--out o", "--json", "--judge u --judge-model m", "--bundled", "q.jsonl"]
        {
            assert!(!is_taken(&format!("--calibrate t.txt {flag}")), "{flag}");
        }
    }

    #[test]
    fn an_ablation_is_of_questions() {
        assert!(is_taken("--bundled --ablate exit") && is_taken("q.jsonl --ablate exit --timeout 90s --stop Q:"));
        assert!(!is_taken("--ablate exit") && !is_taken("q.jsonl --timeout soon"));
    }
}
