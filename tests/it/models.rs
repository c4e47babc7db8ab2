//! Models from the hub: pulled whole, whatever happens on the way, listed, and asked.

mod link;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;
use specfuse_tests::{
    hub::{COMMIT, ELSEWHERE, Fault, Hub, REPO, TOKEN},
    process::DEADLINE,
    program::{self, Ran},
    up::bundled_models,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::PROGRAM;

const WEIGHTS: &str = "model.safetensors";
const MODEL: &str = "abacus-llama";

/// An empty cache, and the hub that it is filled from.
struct Pulling {
    cache: TempDir,
    endpoint: String,
}

impl Pulling {
    fn from(hub: &Hub) -> Result<Self> {
        Ok(Self { cache: tempfile::tempdir()?, endpoint: hub.endpoint.clone() })
    }

    fn variables(&self) -> [(&str, &str); 3] {
        let cache = self.cache.path().to_str().unwrap();
        [("HF_ENDPOINT", &self.endpoint), ("HF_HUB_CACHE", cache), ("HF_HOME", cache)]
    }

    async fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Result<Ran> {
        let variables = [self.variables().as_slice(), more].concat();
        program::run_with(Path::new(PROGRAM), arguments, &variables, "").await
    }

    async fn pull(&self, repo: &str) -> Result<Ran> {
        self.run(&["models", "pull", repo], &[]).await
    }

    /// A pull that is not waited for.
    fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(PROGRAM);
        command.args(["models", "pull", REPO]).envs(self.variables()).kill_on_drop(true);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
    }

    /// Until some of the weights have come.
    async fn begun(&self) -> Result<()> {
        while self.incomplete()?.is_none_or(|bytes| bytes == 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn snapshot(&self) -> PathBuf {
        self.cache.path().join("models--owner--tiny/snapshots").join(COMMIT)
    }

    /// The one file of weights that has not all its bytes yet.
    fn incomplete(&self) -> Result<Option<u64>> {
        let blobs = self.cache.path().join("models--owner--tiny/blobs");
        for entry in blobs.read_dir().into_iter().flatten() {
            let path = entry?.path();
            let checksum = path.file_stem().unwrap_or_default().len();
            if path.extension().is_some_and(|extension| extension == "incomplete") && checksum == 64 {
                return Ok(Some(path.metadata()?.len()));
            }
        }
        Ok(None)
    }

    fn is_whole(&self) -> Result<()> {
        for entry in fs::read_dir(bundled_models().join(MODEL))? {
            let path = entry?.path();
            let name = path.file_name().context("no name")?;
            assert!(fs::read(self.snapshot().join(name))? == fs::read(&path)?, "{name:?} differs");
        }
        Ok(())
    }
}

async fn hub(fault: Fault) -> Result<(Hub, Pulling)> {
    let hub = Hub::of(&bundled_models().join(MODEL), fault).await?;
    let pulling = Pulling::from(&hub)?;
    Ok((hub, pulling))
}

fn weights() -> Result<u64> {
    Ok(bundled_models().join(MODEL).join(WEIGHTS).metadata()?.len())
}

fn failed(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    let error = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(words.iter().all(|word| error.contains(word)), "{words:?} is not all in: {ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_the_hub_is_pulled_listed_and_asked() -> Result<()> {
    let (hub, pulling) = hub(Fault::None).await?;
    let question =
        ["ask", "--model", "hf:owner/tiny", "A shop has 47 apples and gets 38 more. How many apples are there now?"];
    failed(&pulling.run(&question, &[]).await?, &["hf:owner/tiny", "specfuse models pull owner/tiny"]);

    let pulled = pulling.pull(REPO).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(Path::new(pulled.stdout.trim_end()), pulling.snapshot(), "{pulled:?}");
    assert!(pulled.stderr.contains("specfuse ask --model hf:owner/tiny"), "{pulled:?}");
    pulling.is_whole()?;
    let here: Vec<_> = fs::read_dir(pulling.snapshot())?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    assert!(!here.iter().any(|name| name == "pytorch_model.bin" || name == "README.md"), "{here:?}");

    let listed = pulling.run(&["models", "--json"], &[]).await?;
    let listed: Vec<Value> = serde_json::from_str(&listed.stdout)?;
    let tiny = listed.iter().find(|model| model["model"] == "hf:owner/tiny").context("it is not listed")?;
    assert_eq!((tiny["family"].as_str(), tiny["runs"].as_bool()), (Some("llama"), Some(true)), "{tiny}");
    assert!(tiny["parameters"].as_u64().is_some_and(|count| count > 1000), "{tiny}");

    let answer = pulling.run(&question, &[]).await?;
    assert!(answer.code == Some(0) && answer.stdout.contains("85"), "{answer:?}");
    assert!(answer.stderr.contains("tiny 100%"), "{answer:?}");

    let again = pulling.pull(&format!("{REPO}@main")).await?;
    assert!(again.code == Some(0) && again.stderr.contains("0 of them are new"), "{again:?}");
    assert_eq!(hub.asked_for(WEIGHTS).len(), 1);
    let offline = pulling.run(&["models", "pull", REPO], &[("HF_HUB_OFFLINE", "1")]).await?;
    assert_eq!((offline.code, offline.stdout), (Some(0), pulled.stdout), "{}", offline.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_cut_goes_on_where_it_stopped() -> Result<()> {
    let size = weights()?;
    let half = usize::try_from(size / 2 + 1)?;
    let (hub, pulling) = hub(Fault::Cut(half)).await?;
    let pulled = pulling.pull(REPO).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    pulling.is_whole()?;
    let asked = hub.asked_for(WEIGHTS);
    assert_eq!((asked.len(), asked[0].range.as_deref()), (2, None), "{asked:?}");
    let from: u64 = asked[1]
        .range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok())
        .context("no range")?;
    assert!(from > 0 && from <= half as u64, "{asked:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_interrupted_goes_on_in_the_next_run() -> Result<()> {
    let half = usize::try_from(weights()? / 2)?;
    let (hub, pulling) = hub(Fault::Stall(half)).await?;
    let mut child = pulling.spawn()?;
    tokio::time::timeout(DEADLINE, pulling.begun()).await??;
    program::signal(child.id().context("it has ended")?, "INT").await?;
    let status = tokio::time::timeout(DEADLINE, child.wait()).await??;
    assert_eq!(status.code(), Some(130));
    assert!(!pulling.snapshot().exists(), "a part is shown as a whole");
    let before = pulling.incomplete()?.context("nothing is left to go on with")?;

    hub.set(Fault::None);
    let pulled = pulling.pull(REPO).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    pulling.is_whole()?;
    let asked = hub.asked_for(WEIGHTS);
    let last = asked.last().and_then(|asked| asked.range.clone()).context("no range")?;
    assert!(last.starts_with(&format!("bytes={before}-")), "{last} after {before} bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_the_hub_says_is_removed() -> Result<()> {
    let (hub, pulling) = hub(Fault::Altered).await?;
    failed(&pulling.pull(REPO).await?, &[WEIGHTS, "checksum", "removed"]);
    assert_eq!(pulling.incomplete()?, None);
    assert!(!pulling.snapshot().exists());
    hub.set(Fault::None);
    let pulled = pulling.pull(REPO).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    pulling.is_whole()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gated_model_is_for_who_shows_a_token() -> Result<()> {
    let (_hub, pulling) = hub(Fault::Gated).await?;
    failed(&pulling.pull(REPO).await?, &[REPO, "gated", "HF_TOKEN"]);
    let known = pulling.run(&["models", "pull", REPO], &[("HF_TOKEN", TOKEN)]).await?;
    assert_eq!(known.code, Some(0), "{known:?}");
    assert!(!format!("{known:?}").contains(TOKEN), "{known:?}");
    fs::remove_dir_all(pulling.cache.path().join("models--owner--tiny"))?;
    fs::write(pulling.cache.path().join("token"), format!("{TOKEN}\n"))?;
    let known = pulling.pull(REPO).await?;
    assert_eq!(known.code, Some(0), "{known:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_lies_about_paths_touches_nothing_elsewhere() -> Result<()> {
    let (hub, pulling) = hub(Fault::CommitElsewhere).await?;
    let victim = pulling.cache.path().join("victim");
    fs::create_dir(&victim)?;
    fs::write(victim.join("config.json"), "precious")?;
    failed(&pulling.pull(REPO).await?, &["no Hugging Face hub", "no commit"]);
    hub.set(Fault::NameElsewhere);
    failed(&pulling.pull(REPO).await?, &["no Hugging Face hub", ELSEWHERE]);
    assert_eq!(fs::read_to_string(victim.join("config.json"))?, "precious");
    assert_eq!(fs::read_dir(&victim)?.count(), 1);
    assert!(!pulling.snapshot().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_hub_sends_clients_on_to_the_token_is_not_sent() -> Result<()> {
    let (hub, pulling) = hub(Fault::Redirected).await?;
    let pulled = pulling.run(&["models", "pull", REPO], &[("HF_TOKEN", TOKEN)]).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    pulling.is_whole()?;
    let elsewhere = hub.asked_elsewhere();
    assert!(elsewhere.iter().any(|asked| asked.method == "GET"), "{elsewhere:?}");
    assert!(elsewhere.iter().all(|asked| asked.token.is_none()), "{elsewhere:?}");
    assert!(hub.asked_for("config.json").iter().all(|asked| asked.token.is_some()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_busy_for_a_while_is_asked_again() -> Result<()> {
    let (_hub, pulling) = hub(Fault::Busy(2)).await?;
    let pulled = pulling.pull(REPO).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    pulling.is_whole()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_content_are_pulled_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for entry in fs::read_dir(bundled_models().join(MODEL))? {
        let path = entry?.path();
        fs::copy(&path, folder.path().join(path.file_name().context("no name")?))?;
    }
    for name in ["generation_config.json", "tokenizer_config.json"] {
        fs::write(folder.path().join(name), r#"{"the": "same"}"#)?;
    }
    let hub = Hub::of(folder.path(), Fault::None).await?;
    let pulling = Pulling::from(&hub)?;
    let pulled = pulling.pull(REPO).await?;
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    for name in ["generation_config.json", "tokenizer_config.json"] {
        assert_eq!(fs::read_to_string(pulling.snapshot().join(name))?, r#"{"the": "same"}"#);
    }
    let asked = hub.asked_for("generation_config.json").len() + hub.asked_for("tokenizer_config.json").len();
    assert_eq!(asked, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pulls_at_once_bring_every_file_once() -> Result<()> {
    let (hub, pulling) = hub(Fault::None).await?;
    let (one, other) = tokio::try_join!(pulling.pull(REPO), pulling.pull(REPO))?;
    assert_eq!((one.code, other.code), (Some(0), Some(0)), "{one:?} {other:?}");
    pulling.is_whole()?;
    assert_eq!(hub.asked_for(WEIGHTS).len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_waits_for_another_and_takes_over_where_that_one_stopped() -> Result<()> {
    let half = usize::try_from(weights()? / 2)?;
    let (hub, pulling) = hub(Fault::Stall(half)).await?;
    let mut first = pulling.spawn()?;
    tokio::time::timeout(DEADLINE, pulling.begun()).await??;
    let mut second = pulling.spawn()?;
    let mut lines = BufReader::new(second.stderr.take().context("no standard error")?).lines();
    let waits = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains(WEIGHTS) && line.contains("another process downloads it") {
                return Ok(());
            }
        }
        anyhow::bail!("it does not wait")
    };
    tokio::time::timeout(DEADLINE, waits).await??;
    hub.set(Fault::None);
    program::signal(first.id().context("it has ended")?, "INT").await?;
    assert_eq!(tokio::time::timeout(DEADLINE, first.wait()).await??.code(), Some(130));
    while lines.next_line().await?.is_some() {}
    assert_eq!(tokio::time::timeout(DEADLINE, second.wait()).await??.code(), Some(0));
    pulling.is_whole()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_damaged_comes_again() -> Result<()> {
    let (hub, pulling) = hub(Fault::None).await?;
    assert_eq!(pulling.pull(REPO).await?.code, Some(0));
    let path = pulling.snapshot().join(WEIGHTS);
    let mut bytes = fs::read(&path)?;
    *bytes.last_mut().context("no weights")? ^= 1;
    fs::write(&path, bytes)?;
    let again = pulling.pull(REPO).await?;
    assert!(again.code == Some(0) && again.stderr.contains("model.safetensors is damaged"), "{again:?}");
    pulling.is_whole()?;
    assert_eq!(hub.asked_for(WEIGHTS).len(), 2);
    fs::remove_file(pulling.snapshot().join("tokenizer.json"))?;
    let offline = pulling.run(&["models", "pull", REPO], &[("HF_HUB_OFFLINE", "1")]).await?;
    failed(&offline, &["HF_HUB_OFFLINE", REPO]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_does_not_have_is_told_by_its_name() -> Result<()> {
    let (_hub, pulling) = hub(Fault::None).await?;
    failed(&pulling.pull("owner/other").await?, &["has no model owner/other"]);
    failed(&pulling.pull("owner/tiny@v9").await?, &["owner/tiny has no revision \"v9\""]);
    let offline = pulling.run(&["models", "pull", REPO], &[("HF_HUB_OFFLINE", "1")]).await?;
    failed(&offline, &["HF_HUB_OFFLINE", REPO]);
    let usage = pulling.pull("../x").await?;
    assert!(usage.code == Some(2) && usage.stderr.contains("OWNER/NAME"), "{usage:?}");
    let nobody = pulling.run(&["models", "pull", REPO], &[("HF_ENDPOINT", "http://127.0.0.1:1")]).await?;
    failed(&nobody, &["http://127.0.0.1:1", "cannot be reached"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bundled_model_runs_and_another_is_listed_with_the_reason() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let variables = [("HF_HUB_CACHE", cache.path().to_str().unwrap())];
    let bundled = bundled_models().display().to_string();
    let listed = program::run_with(Path::new(PROGRAM), &["models", "--models", &bundled], &variables, "").await?;
    let running = listed.stdout.lines().filter(|line| line.ends_with("  yes")).count();
    assert_eq!((running, listed.code), (5, Some(0)), "{listed:?}");
    let foreign = tempfile::tempdir()?;
    fs::create_dir(foreign.path().join("other"))?;
    fs::write(foreign.path().join("other/config.json"), r#"{"model_type": "mamba"}"#)?;
    let foreign = foreign.path().to_str().unwrap();
    let listed = program::run_with(Path::new(PROGRAM), &["models", "--models", foreign], &variables, "").await?;
    assert!(listed.stdout.contains("\"mamba\" is not supported (supported: "), "{listed:?}");
    let told = program::run(Path::new(PROGRAM), &["ask", "--model", "Qwen/Qwen2.5-0.5B-Instruct", "why?"]).await?;
    failed(&told, &["no such folder", "specfuse models pull Qwen/Qwen2.5-0.5B-Instruct", "--model hf:Qwen/"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_lacks_a_part_does_not_run() -> Result<()> {
    let root = tempfile::tempdir()?;
    for name in ["short", "wordless"] {
        fs::create_dir(root.path().join(name))?;
        for entry in fs::read_dir(bundled_models().join(MODEL))? {
            let path = entry?.path();
            fs::copy(&path, root.path().join(name).join(path.file_name().context("no name")?))?;
        }
    }
    fs::remove_file(root.path().join("wordless/tokenizer.json"))?;
    fs::OpenOptions::new().write(true).open(root.path().join("short").join(WEIGHTS))?.set_len(weights()? - 1)?;
    fs::write(root.path().join("broken.gguf"), "GGUF")?;
    let folder = root.path().to_str().context("not a text")?;
    let variables = [("HF_HUB_CACHE", folder)];
    let listed =
        program::run_with(Path::new(PROGRAM), &["models", "--models", folder, "--json"], &variables, "").await?;
    let listed: Vec<Value> = serde_json::from_str(&listed.stdout)?;
    let why: Vec<_> = listed.iter().map(|model| model["why_not"].as_str().unwrap_or("it runs")).collect();
    for (why, word) in why.iter().zip(["broken.gguf", WEIGHTS, "tokenizer.json"]) {
        assert!(why.contains(word), "{listed:?}");
    }
    assert_eq!(why.len(), 3);
    Ok(())
}
