//! The flags of `specfuse eval`.

use std::path::PathBuf;

use clap::{ArgGroup, ValueEnum, builder::RangedU64ValueParser};

use crate::args::{AccessArgs, LocalArgs};

const EXAMPLES: &str = "\
Examples:
  specfuse eval --bundled                              every strategy and member on the bundled models' own questions
  specfuse eval questions.jsonl --limit 50 --model ~/models/A --model ~/models/B
  specfuse eval questions.jsonl --endpoint http://127.0.0.1:7070 --strategy fuse --strategy single/A
  specfuse eval --bundled --ablate exit --out exits    rules of exit, and their thresholds
  specfuse eval questions.jsonl --judge http://127.0.0.1:8000/v1 --judge-model NAME
  specfuse eval --calibrate text.txt --settings ensemble.toml --write ensemble.toml

A question is a line such as {\"id\": \"1\", \"kind\": \"sums\", \"question\": \"How much is 2 + 2?\", \"answer\": \"4\"}; the formats of
GSM8K, MMLU, CMMLU, AlpacaEval, MT-Bench, IFEval and the like are known by their fields. Every answer is kept in --out as soon as it
is there: the same command goes on where it was stopped. report.json and report.html there hold all that is found.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("subject").required(true).args(["files", "bundled", "calibrate"]))]
pub(crate) struct Args {
    /// Question sets: JSON Lines.
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
    /// Compare exit rules and their thresholds, beside every single member.
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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["endpoint", "ablate", "strategy"])]
    pub(crate) calibrate: Option<PathBuf>,
    /// Put it into these settings, instead.
    #[arg(long, value_name = "FILE", requires = "calibrate")]
    pub(crate) write: Option<PathBuf>,
}
