//! The command line, as clap reads it. The environment is read here, but for the variables of keys (`key`) and of
//! the hub (`hub`), which no flag tells.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};

use crate::{bench, chat, doctor, eval, manual, models};

const ASK: &str = "\
Examples:
  specfuse ask \"A shop has 47 apples and gets 38 more. How many apples are there now?\"
  specfuse ask --trace --strategy cross \"Today is Friday. What day is it in 16 days?\"
  specfuse ask --model ~/models/A --model hf:Qwen/Qwen2.5-0.5B-Instruct \"Why is the sky blue?\"
  cat question.txt | specfuse ask --endpoint http://127.0.0.1:7070 --json -";

const REPLAY: &str = "\
Examples:
  specfuse ask --record answer.json \"A shop has 47 apples and gets 38 more. How many apples are there now?\"
  specfuse replay answer.json
  specfuse replay answer.json --policy other.toml";

const UP: &str = "\
Examples:
  specfuse up                                    the bundled models, on port 7070
  specfuse up --listen 127.0.0.1:0 --model ~/models/A --model ~/models/B --settings mine.toml
  specfuse chat --endpoint http://127.0.0.1:7070 from another terminal";

const WORKER: &str = "\
Examples:
  specfuse worker --model ~/models/Qwen2.5-1.5B-Instruct --listen 0.0.0.0:7071
  specfuse worker --model model-Q4_K_M.gguf --name small --threads 4
  specfuse worker --model ~/models/A --advertise node-a:7071 --discovery etcd://etcd-0:2379";

const COORDINATOR: &str = "\
Examples:
  specfuse coordinator --config specfuse.toml
  specfuse coordinator --config specfuse.toml --api-keys keys.toml --tls-cert public.pem --tls-key public.key";

const BENCH_ENGINE: &str = "\
Examples:
  specfuse bench engine --model ~/models/Qwen2.5-1.5B-Instruct --quantize q8_0
  specfuse bench engine --random-weights config.json --json";

const BENCH_ROUNDS: &str = "\
Examples:
  specfuse bench rounds --members 5
  specfuse bench rounds --json";

/// Several language models, any vocabularies, one answer: they write it together, segment by segment.
#[derive(Debug, Parser)]
#[command(name = "specfuse", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of a command that may name a running coordinator, and are for that coordinator alone.
const ACCESS: [&str; 4] = ["tls_ca", "tls_cert", "tls_key", "api_key_file"];

impl Cli {
    /// The program's own name comes first.
    pub(crate) fn read(arguments: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let mut matches = command.try_get_matches_from_mut(arguments)?;
        let without = |(name, given)| command.find_subcommand(name).and_then(|known| without_endpoint(known, given));
        if let Some(flag) = matches.subcommand().and_then(without) {
            let message = format!("--{} is for a running coordinator: name it with --endpoint", flag.replace('_', "-"));
            return Err(command.error(ErrorKind::MissingRequiredArgument, message));
        }
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// Clap requires nothing that conflicts with what is given, such as an endpoint beside a model.
fn without_endpoint(command: &clap::Command, given: &ArgMatches) -> Option<&'static str> {
    let is_given = |id: &str| matches!(given.try_contains_id(id), Ok(true));
    // The servers have flags of the same names, for a port of their own.
    let may_name_one = command.get_arguments().any(|known| known.get_id() == "endpoint") && !is_given("endpoint");
    ACCESS.into_iter().find(|flag| may_name_one && is_given(flag))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask a question and watch the answer being written; starts a local cluster unless --endpoint names one.
    Ask(Box<AskArgs>),
    /// Talk: every question is asked with all that was said before.
    Chat(Box<chat::ChatArgs>),
    /// List the models on this machine, or pull one from the Hugging Face hub.
    Models(models::inventory::ModelsArgs),
    /// Take every decision of a recorded answer again, offline: whether each follows, and what another policy would have decided.
    Replay(ReplayArgs),
    /// Run a cluster on this machine until Ctrl-C.
    #[command(after_help = UP)]
    Up(UpArgs),
    /// Check checkpoints before they join a cluster, or a running cluster: what is wrong, and what to do about it.
    Doctor(Box<doctor::Args>),
    /// Ask many questions of every strategy and every member alone, and compare.
    Eval(Box<eval::Args>),
    /// Measure what this machine makes of it.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Write what a shell reads to complete this program's commands and flags.
    Completions(manual::CompletionsArgs),
    /// Write the manual's pages.
    Man(manual::ManArgs),
    /// Be a worker: one model behind Describe, Draft and Score.
    #[command(after_help = WORKER)]
    Worker(Box<specfuse_worker::Args>),
    /// Be a coordinator: ensembles of workers behind Generate.
    #[command(after_help = COORDINATOR)]
    Coordinator(Box<specfuse_coordinator::Args>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time the engine's steps, against the machine's memory bandwidth and matrix peak.
    ///
    /// Random weights are measured in bf16, q8_0 and f32 in turn (on a device in bf16), unless --dtype or --quantize chooses.
    #[command(after_help = BENCH_ENGINE)]
    Engine(bench::Args),
    /// Time whole rounds: what coordination costs, with members that answer at once and with the bundled models.
    #[command(after_help = BENCH_ROUNDS)]
    Rounds(bench::rounds::Args),
}

#[derive(Debug, Args)]
#[command(after_help = ASK)]
pub(crate) struct AskArgs {
    /// The question; "-" reads it from standard input.
    pub(crate) question: String,
    /// Ask a running coordinator, such as http://127.0.0.1:7070, instead of starting a cluster.
    #[arg(long, value_name = "URL", conflicts_with_all = ["model", "settings", "segment_tokens"])]
    pub(crate) endpoint: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Ensemble that answers; default: the coordinator's only one, or the one named "default".
    #[arg(long, value_name = "NAME")]
    pub(crate) ensemble: Option<String>,
    #[command(flatten)]
    pub(crate) prompt: PromptArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Write down all that decided the answer: every draft, every score and what followed; "specfuse replay" reads it.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) local: LocalArgs,
}

#[derive(Debug, Args)]
#[command(after_help = REPLAY)]
pub(crate) struct ReplayArgs {
    /// A recording, as "specfuse ask --record" writes it.
    pub(crate) file: PathBuf,
    /// Tell round by round what this policy would have decided: a TOML file with keys of an ensemble's policy, such as exit and rank, all but
    /// segment_tokens; what it does not say is as in an ensemble that does not say it.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Write one JSON object, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a running coordinator asks of its clients. The API key itself is no flag.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AccessArgs {
    /// Trust a coordinator whose certificate one of these signed: certificates in PEM. Needed where the URL begins with https.
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Certificate chain to show to the coordinator, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["endpoint", "tls_ca", "tls_key"])]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["endpoint", "tls_cert"])]
    pub(crate) tls_key: Option<PathBuf>,
    /// Show the API key that this file holds; default: the one in the environment variable SPECFUSE_API_KEY.
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    pub(crate) api_key_file: Option<PathBuf>,
}

/// What is asked besides the question.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PromptArgs {
    /// How the ensemble answers: a strategy's name; default: the ensemble's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Option<String>,
    /// System message before the question.
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    pub(crate) system: Option<String>,
    /// Continue the text as it is, without a chat template.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Longest answer, in tokens; default: the ensemble's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: Option<u32>,
    /// 0 takes the most probable token every time.
    #[arg(long, value_name = "T", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) temperature: f32,
    /// Sample from the smallest set of tokens whose probability reaches P.
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(crate) top_p: Option<f32>,
    /// Divide the positive logits of all tokens read or written so far by R, multiply the negative ones.
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) repetition_penalty: Option<f32>,
    /// Take P from the logits of tokens that the answer has used.
    #[arg(long, value_name = "P", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) presence_penalty: f32,
    /// Take F from the logits of tokens for every time that the answer has used them.
    #[arg(long, value_name = "F", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) frequency_penalty: f32,
    /// The same seed gives the same answer; default: a new one each time.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// End the answer before this text; repeatable.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
}

/// How the answer is shown.
#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// Show every round: the candidates, their scores, the winner, who left and why.
    #[arg(long, conflicts_with = "json")]
    pub(crate) trace: bool,
    /// Write one JSON object for each event, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// No colours, on a terminal either.
    #[arg(long, env = "NO_COLOR", num_args = 0..=1, require_equals = true, default_missing_value = "1", hide_env_values = true)]
    pub(crate) no_color: Option<String>,
}

/// What a cluster on this machine is made of.
#[derive(Debug, Default, Args)]
pub(crate) struct LocalArgs {
    /// Checkpoint folder or GGUF file of a member, or hf:OWNER/NAME once it is pulled; repeatable. Default: every folder under --models.
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    pub(crate) model: Vec<PathBuf>,
    /// Folder of bundled models; default: "models" here or above, else beside the program or above.
    #[arg(long, value_name = "DIR", env = "SPECFUSE_MODELS")]
    pub(crate) models: Option<PathBuf>,
    /// How the models answer together: a TOML file with the keys of an ensemble (coordinator.example.toml has them all) but members;
    /// default: ensemble.toml in the folder of --models, if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Longest draft of a round, in tokens.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) segment_tokens: Option<u32>,
    /// Log filter of the processes that are started.
    #[arg(long, value_name = "FILTER", env = "SPECFUSE_LOG", default_value = "warn")]
    pub(crate) log: String,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Address of the coordinator; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) local: LocalArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_endpoint_and_a_model_exclude_each_other() {
        assert!(Cli::try_parse_from(["specfuse", "ask", "q", "--endpoint", "http://h:1", "--model", "m"]).is_err());
    }

    #[test]
    fn a_key_is_for_a_running_coordinator_and_never_on_the_command_line() {
        let asked = |flags: &[&str]| Cli::read([&["specfuse", "ask", "q"], flags].concat());
        assert!(asked(&["--endpoint", "http://h:1", "--api-key-file", "k"]).is_ok());
        assert!(asked(&["--api-key-file", "k"]).is_err());
        assert!(asked(&["--endpoint", "http://h:1", "--api-key", "k"]).is_err());
    }

    #[test]
    fn what_is_for_a_running_coordinator_is_not_ignored_without_one() {
        let lines: [&[&str]; 4] = [
            &["specfuse", "ask", "q", "--model", "m", "--api-key-file", "k"],
            &["specfuse", "chat", "--model", "m", "--tls-ca", "c"],
            &["specfuse", "doctor", "m", "--tls-ca", "c"],
            &["specfuse", "doctor", "m", "--tls-ca", "c", "--tls-cert", "p", "--tls-key", "k"],
        ];
        for line in lines {
            let error = Cli::read(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
            assert!(error.to_string().contains("--endpoint"), "{error}");
        }
        assert!(Cli::read(["specfuse", "doctor", "--endpoint", "https://h:1", "--tls-ca", "c"]).is_ok());
        let pair = ["--tls-cert", "c", "--tls-key", "k"];
        assert!(Cli::read([&["specfuse", "coordinator", "--config", "f"][..], &pair].concat()).is_ok());
        assert!(Cli::read([&["specfuse", "worker", "--model", "m"][..], &pair].concat()).is_ok());
    }
}
