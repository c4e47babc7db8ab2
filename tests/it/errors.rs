//! What can go wrong, and the one clear message for each: from a checkpoint, from a request, from a cluster.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Result;
use specfuse_proto::v1::{
    GenerateRequest, Sampling, ensemble_service_client::EnsembleServiceClient, generate_request::Prompt,
};
use specfuse_tests::{
    answer::{Answer, chat, message, question},
    checkpoint::Checkpoint,
    cluster::{self, Cluster},
    ensemble::Ensemble,
    golden, program,
};
use tokio::net::TcpListener;
use tonic::Code;

use crate::{PROGRAM, small_models};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_served_is_refused_in_one_sentence() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let good = || Checkpoint::copy_of(&golden.join("models/llama"));
    let table: [(Checkpoint, &[&str]); 8] = [
        (good()?.without(TOKENIZER)?, &[TOKENIZER]),
        (good()?.without(CONFIG)?, &[CONFIG]),
        (good()?.without(WEIGHTS)?, &[WEIGHTS]),
        (good()?.cut_in_half(WEIGHTS)?, &[WEIGHTS]),
        (good()?.cut_in_half(TOKENIZER)?, &[TOKENIZER]),
        (good()?.set(CONFIG, "model_type", "mamba")?, &["mamba", "llama", "qwen2", "mistral"]),
        (good()?.set(CONFIG, "intermediate_size", 96)?, &["mlp"]),
        (good()?.set(CONFIG, "num_hidden_layers", 99)?, &["layers"]),
    ];
    for (checkpoint, words) in &table {
        refused(checkpoint.folder(), words).await?;
    }
    refused(Path::new("/no/such/folder"), &["/no/such/folder"]).await
}

/// The process ends with code 1, and its standard error is one line that holds these words.
async fn refused(folder: &Path, words: &[&str]) -> Result<()> {
    let folder = folder.display().to_string();
    let arguments = ["worker", "--log", "warn", "--listen", "127.0.0.1:0", "--model", &folder];
    let ran = program::run(Path::new(PROGRAM), &arguments).await?;
    one_line(&ran, words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_here_is_refused_in_one_sentence() -> Result<()> {
    let arguments = ["worker", "--listen", "127.0.0.1:0", "--model", "/no/such/folder", "--device", "cuda:77"];
    one_line(&program::run(Path::new(PROGRAM), &arguments).await?, &["--device cuda:77"]);
    Ok(())
}

fn one_line(ran: &program::Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let mut lines = ran.stderr.lines();
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with("error: ") && lines.next().is_none(), "{ran:?}");
    assert!(words.iter().all(|word| line.contains(word)), "{words:?} is not all in: {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_is_refused_with_the_reason_and_the_next_is_answered() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let cluster = Cluster::of(PROGRAM, small_models(&golden)).ensemble("default", Ensemble::default()).start().await?;
    for (name, request, code, words) in wrong_requests() {
        let status = match cluster.ask(request).await {
            Ok(answer) => anyhow::bail!("{name}: answered with {:?}", answer.text()),
            Err(status) => status,
        };
        assert_eq!(status.code(), code, "{name}: {status}");
        let told = status.message();
        assert!(words.iter().all(|word| told.contains(word)), "{name}: {words:?} is not all in: {told}");
        let answer = cluster.ask(question("How many?", 12)).await?;
        assert!(!answer.segments.is_empty(), "after {name}");
    }
    Ok(())
}

type WrongRequest = (&'static str, GenerateRequest, Code, &'static [&'static str]);

fn wrong_requests() -> Vec<WrongRequest> {
    let ask = || question("How many?", 12);
    let elsewhere = GenerateRequest { ensemble: "nobody".to_owned(), ..ask() };
    let nothing = GenerateRequest { prompt: None, ..ask() };
    let empty_raw = GenerateRequest { prompt: Some(Prompt::Raw(String::new())), ..ask() };
    let hot = GenerateRequest { sampling: Some(Sampling { temperature: -1.0, ..Sampling::default() }), ..ask() };
    let invalid = Code::InvalidArgument;
    vec![
        ("no messages", chat(Vec::new(), 12), invalid, &["message"]),
        ("no prompt", nothing, invalid, &["prompt"]),
        ("empty raw prompt", empty_raw, invalid, &["empty"]),
        ("unknown role", chat(vec![message("robot", "hello")], 12), invalid, &["robot", "user"]),
        ("too long a prompt", question(&"many apples and ".repeat(2000), 12), invalid, &["llama", "1024"]),
        ("zero tokens", question("How many?", 0), invalid, &["max_tokens", "4096"]),
        ("absurd tokens", question("How many?", u32::MAX), invalid, &["max_tokens", "4096"]),
        ("wrong temperature", hot, invalid, &["temperature"]),
        ("unknown ensemble", elsewhere, Code::NotFound, &["nobody", "default"]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_a_chat_template_refuses_chats_and_continues_raw_text() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let bare = Checkpoint::copy_of(&golden.join("models/llama"))?.unset(TOKENIZER_CONFIG, "chat_template")?;
    let folders = [bare.folder().to_path_buf()];
    let cluster = Cluster::of(PROGRAM, folders).ensemble("default", Ensemble::default()).start().await?;
    let status = cluster.ask(question("How many?", 12)).await.map(|answer| answer.text()).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("chat template"), "{status}");
    let raw = GenerateRequest { prompt: Some(Prompt::Raw("The total".to_owned())), ..question("", 12) };
    assert!(!cluster.ask(raw).await?.segments.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_the_answer_is_unavailable() -> Result<()> {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let ensemble = Ensemble { members: vec!["absent".to_owned()], ..Ensemble::default() };
    let ensembles = BTreeMap::from([("default".to_owned(), ensemble)]);
    let coordinator = cluster::coordinator(Path::new(PROGRAM), vec![format!("http://{closed}")], &ensembles).await?;
    let mut client = EnsembleServiceClient::connect(coordinator.url()).await?;
    let stream = client.generate(question("How many?", 12)).await?.into_inner();
    let status = Answer::read(stream).await.map(|answer| answer.text()).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let ran = program::run(Path::new(PROGRAM), &["ask", "--endpoint", &coordinator.url(), "How many?"]).await?;
    one_line(&ran, &["absent"]);
    assert_eq!(ran.stdout, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let taken = TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let model = golden.join("models/llama").display().to_string();
    let worker = ["worker", "--log", "warn", "--listen", &address, "--model", &model];
    one_line(&program::run(Path::new(PROGRAM), &worker).await?, &[&address, "taken"]);
    let settings = tempfile::tempdir()?;
    let file = settings.path().join("specfuse.toml");
    let ensemble = "[ensembles.default]\nmembers = [\"llama\"]";
    fs::write(&file, format!("listen = \"{address}\"\nworkers = [\"http://127.0.0.1:1\"]\n{ensemble}\n"))?;
    let coordinator = ["coordinator", "--log", "warn", "--config", &file.display().to_string()];
    one_line(&program::run(Path::new(PROGRAM), &coordinator).await?, &[&address]);
    let up = program::run(Path::new(PROGRAM), &["up", "--listen", &address, "--model", &model]).await?;
    let last = up.stderr.lines().last().unwrap_or_default();
    assert_eq!(up.code, Some(1), "{up:?}");
    assert!(last.starts_with("error: ") && last.contains(&address), "{up:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_a_coordinator_or_a_model_ends_with_one_error() -> Result<()> {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
    let nobody = program::run(Path::new(PROGRAM), &["ask", "--endpoint", &closed, "How many?"]).await?;
    one_line(&nobody, &[&closed]);
    let encrypted =
        program::run(Path::new(PROGRAM), &["ask", "--endpoint", "https://127.0.0.1:1", "How many?"]).await?;
    one_line(&encrypted, &["https://127.0.0.1:1", "--tls-ca"]);
    let absent = program::run(Path::new(PROGRAM), &["ask", "--model", "/no/such/folder", "How many?"]).await?;
    let errors: Vec<_> = absent.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(matches!(errors.as_slice(), [one] if one.contains("/no/such/folder")), "{absent:?}");
    assert_eq!((absent.code, absent.stdout.as_str()), (Some(1), ""), "{absent:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_grpc_server_is_not_taken_for_a_coordinator() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let worker = cluster::worker(Path::new(PROGRAM), "llama", &golden.join("models/llama")).await?;
    let ran = program::run(Path::new(PROGRAM), &["ask", "--endpoint", &worker.url(), "How many?"]).await?;
    one_line(&ran, &[&worker.url(), "no SpecFuse coordinator"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_before_anything_starts() -> Result<()> {
    let table: [(&[&str], &str); 5] = [
        (&["--trace", "--json", "How many?"], "--json"),
        (&["--max-tokens", "0", "How many?"], "--max-tokens"),
        (&["--segment-tokens", "257", "How many?"], "--segment-tokens"),
        (&["--endpoint", "http://127.0.0.1:1", "--model", "m", "How many?"], "--model"),
        (&[], "<QUESTION>"),
    ];
    for (arguments, word) in table {
        let ran = program::run(Path::new(PROGRAM), &[&["ask"], arguments].concat()).await?;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(word), "{ran:?}");
    }
    let empty = program::run(Path::new(PROGRAM), &["ask", " "]).await?;
    one_line(&empty, &["empty"]);
    Ok(())
}
