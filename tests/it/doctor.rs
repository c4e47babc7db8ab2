//! `specfuse doctor` as a person or a program meets it: what is well is said to be, what is broken is named with what to do, and the
//! exit code tells the two apart.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use serde_json::Value;
use specfuse_proto::v1::WorkerState;
use specfuse_tests::{
    checkpoint::Checkpoint,
    cluster::{self, Cluster},
    ensemble::Ensemble,
    fleet,
    process::DEADLINE,
    program::{self, Ran},
    up::bundled_models,
};

use crate::PROGRAM;

const POLL: Duration = Duration::from_millis(20);

async fn doctor(arguments: &[&str]) -> Result<Ran> {
    program::run(Path::new(PROGRAM), &[&["doctor", "--json"], arguments].concat()).await
}

/// What is said with a severity about a subject, with the remedies, for the first that was examined.
fn said(ran: &Ran, severity: &str, subject: &str) -> Result<Vec<String>> {
    let report: Value = serde_json::from_str(&ran.stdout).with_context(|| format!("{ran:?}"))?;
    let findings = report["examined"][0]["findings"].as_array().context("no findings")?;
    let told = findings.iter().filter(|finding| finding["severity"] == severity && finding["subject"] == subject);
    Ok(told.map(|finding| format!("{} {}", finding["what"], finding["remedy"])).collect())
}

/// One error at least about the subject that has these words and a remedy, and the exit code that goes with it.
fn ensure_error(ran: &Ran, subject: &str, words: &str) -> Result<()> {
    ensure!(ran.code == Some(1), "{ran:?}");
    let errors = said(ran, "error", subject)?;
    ensure!(errors.iter().any(|error| error.contains(words) && !error.ends_with("null")), "{words}: {ran:?}");
    Ok(())
}

fn bundled(name: &str) -> PathBuf {
    bundled_models().join(name)
}

fn copy(name: &str) -> Result<Checkpoint> {
    Checkpoint::copy_of(&bundled(name))
}

async fn examined(checkpoint: &Checkpoint) -> Result<Ran> {
    doctor(&[checkpoint.folder().to_str().context("not UTF-8")?]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_models_are_healthy() -> Result<()> {
    for name in ["abacus-llama", "calendar-qwen2", "clock-glm4", "sorter-gemma2", "speller-mistral"] {
        let ran = doctor(&[&bundled(name).display().to_string()]).await?;
        ensure!(ran.code == Some(0), "{ran:?}");
        let report: Value = serde_json::from_str(&ran.stdout)?;
        ensure!(report["healthy"] == true && report["errors"] == 0, "{ran:?}");
        healthy(&ran).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// Something good is said of each subject.
fn healthy(ran: &Ran) -> Result<()> {
    for (subject, words) in [
        ("files", "whole"),
        ("chat template", "of 9"),
        ("tokenizer", "plain text back"),
        ("ends of turn", "which is one"),
        ("numbers", "to the bit"),
        ("numbers", "drafts scored again"),
        ("speed", "decode"),
        ("memory", "longest context is 1024"),
    ] {
        ensure!(said(ran, "ok", subject)?.iter().any(|ok| ok.contains(words)), "{subject} {words}: {ran:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_a_list_without_escapes_and_a_worker_takes_the_flags() -> Result<()> {
    let [path, other] = ["speller-mistral", "abacus-llama"].map(|name| bundled(name).display().to_string());
    let ran = program::run(Path::new(PROGRAM), &["doctor", "--quantize", "q8_0", &path, &other]).await?;
    ensure!(ran.code == Some(0) && !ran.stdout.contains('\u{1b}'), "{ran:?}");
    for line in [
        path.as_str(),
        &other,
        "  chat template",
        "    ok       serves mistral",
        "in q8_0 on cpu",
        "             try: ",
    ] {
        ensure!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_hides_nothing_else() -> Result<()> {
    let broken =
        copy("abacus-llama")?.unset("tokenizer_config.json", "chat_template")?.cut_in_half("model.safetensors")?;
    let ran = examined(&broken).await?;
    ensure_error(&ran, "files", "model.safetensors is not a whole safetensors file")?;
    ensure_error(&ran, "chat template", "there is no chat template")?;
    let gone = copy("abacus-llama")?.without("tokenizer.json")?.without("config.json")?;
    let ran = examined(&gone).await?;
    ensure_error(&ran, "files", "tokenizer.json does not exist")?;
    ensure_error(&ran, "files", "config.json")?;
    ensure_error(&doctor(&["/no/such/folder"]).await?, "files", "no such folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_end_of_turn_is_named() -> Result<()> {
    let with = |id: u32| copy("calendar-qwen2")?.set("generation_config.json", "eos_token_id", id);
    ensure_error(&examined(&with(797)?).await?, "ends of turn", "<|im_end|>")?;
    ensure_error(&examined(&with(4000)?).await?, "ends of turn", "4000")?;
    let none = copy("calendar-qwen2")?
        .unset("generation_config.json", "eos_token_id")?
        .unset("config.json", "eos_token_id")?;
    ensure_error(&examined(&none).await?, "ends of turn", "never ends its turn")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokenizer_of_another_model_is_found_out() -> Result<()> {
    let larger = copy("abacus-llama")?;
    fs::copy(bundled("sorter-gemma2").join("tokenizer.json"), larger.folder().join("tokenizer.json"))?;
    ensure_error(&examined(&larger).await?, "tokenizer", "vocabulary is 768")?;
    let smaller = copy("abacus-llama")?;
    fs::copy(bundled("clock-glm4").join("tokenizer.json"), smaller.folder().join("tokenizer.json"))?;
    ensure_error(&examined(&smaller).await?, "ends of turn", "767 is no token of the tokenizer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_is_no_number_is_found_by_the_calls_that_meet_it() -> Result<()> {
    let spoiled = copy("abacus-llama")?;
    let file = spoiled.folder().join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(&file, &Device::Cpu)?;
    let norm = tensors.get("model.norm.weight").context("no such weight")?;
    let mut values = norm.to_dtype(candle_core::DType::F32)?.to_vec1::<f32>()?;
    values[3] = f32::NAN;
    let norm = Tensor::from_vec(values, norm.shape(), &Device::Cpu)?.to_dtype(norm.dtype())?;
    tensors.insert("model.norm.weight".to_owned(), norm);
    candle_core::safetensors::save(&tensors, &file)?;
    ensure_error(&examined(&spoiled).await?, "numbers", "not a finite number")
}

async fn running() -> Result<Cluster> {
    let members = ["abacus-llama", "calendar-qwen2"].map(bundled);
    Cluster::of(PROGRAM, members).ensemble("default", Ensemble::default()).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_cluster_is_healthy_until_a_worker_stops_and_then_it_is_named() -> Result<()> {
    let mut cluster = running().await?;
    let url = cluster.coordinator.url();
    let ran = doctor(&["--endpoint", &url]).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    for (subject, words) in [
        ("connection", "the coordinator answers"),
        ("clock", "agrees with ours"),
        ("ensembles", "default is ready: 2 members"),
        ("workers", "abacus-llama at http"),
        ("answer", "default answers in"),
        ("answer", "a draft in its engine: abacus-llama"),
    ] {
        ensure!(said(&ran, "ok", subject)?.iter().any(|ok| ok.contains(words)), "{subject} {words}: {ran:?}");
    }
    cluster.kill("calendar-qwen2").await?;
    let stopped = cluster.workers["calendar-qwen2"].url();
    let noticed = async {
        let is_stopped = |worker: &specfuse_proto::v1::Worker| {
            worker.endpoint == stopped && worker.state() == WorkerState::Unreachable
        };
        while !fleet::cluster(&url).await?.workers.iter().any(is_stopped) {
            tokio::time::sleep(POLL).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(DEADLINE, noticed).await.context("nobody notices")??;
    let ran = doctor(&["--endpoint", &url]).await?;
    ensure_error(&ran, "ensembles", "calendar-qwen2 has no worker")?;
    ensure_error(&ran, "workers", &format!("calendar-qwen2 at {stopped} is unreachable"))
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_are_not_alike_are_a_warning() -> Result<()> {
    let shorter = copy("abacus-llama")?.set("config.json", "max_position_embeddings", 512)?;
    let program = Path::new(PROGRAM);
    let workers = [
        cluster::worker(program, "abacus", &bundled("abacus-llama")).await?,
        cluster::worker(program, "abacus", shorter.folder()).await?,
    ];
    let ensemble = Ensemble { members: vec!["abacus".to_owned()], ..Ensemble::default() };
    let urls = workers.iter().map(|worker| worker.url()).collect();
    let coordinator = cluster::coordinator(program, urls, &BTreeMap::from([("default".to_owned(), ensemble)])).await?;
    let url = coordinator.url();
    let both = async {
        while fleet::cluster(&url).await?.workers.iter().any(|worker| worker.state() != WorkerState::Ready) {
            tokio::time::sleep(POLL).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(DEADLINE, both).await.context("they are not found")??;
    let ran = doctor(&["--endpoint", &url]).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let warnings = said(&ran, "warning", "replicas")?;
    ensure!(warnings.iter().any(|warning| warning.contains("context lengths 1024 and 512")), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_where_nothing_listens_is_told() -> Result<()> {
    // Taken and given back: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let ran = doctor(&["--endpoint", &format!("http://127.0.0.1:{port}")]).await?;
    ensure_error(&ran, "connection", "no coordinator answers")
}
