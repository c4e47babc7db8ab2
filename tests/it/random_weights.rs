//! A worker without a checkpoint: random weights in the shape of a config.json, served as any other model.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use serde_json::json;
use specfuse_proto::v1::{
    Candidate, Context, Conversation, DescribeRequest, DraftRequest, Message, ScoreRequest, context::Prompt,
    worker_service_client::WorkerServiceClient,
};
use specfuse_tests::{process::Process, program};

use crate::PROGRAM;

fn config() -> serde_json::Value {
    json!({
        "model_type": "llama", "vocab_size": 500, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
        "tie_word_embeddings": true,
    })
}

async fn start(folder: &Path, more: &[&str]) -> Result<Process> {
    let path = folder.join("tiny.json");
    fs::write(&path, config().to_string())?;
    let shown = path.display().to_string();
    let arguments = ["worker", "--listen", "127.0.0.1:0", "--threads", "1", "--random-weights", &shown];
    Process::start(Path::new(PROGRAM), &[&arguments[..], more].concat()).await
}

fn context() -> Option<Context> {
    let message = Message { role: "user".to_owned(), content: "t5 t17 t300".to_owned() };
    let prompt = Some(Prompt::Conversation(Conversation { messages: vec![message] }));
    Some(Context { prompt, accepted: String::new() })
}

#[tokio::test(flavor = "multi_thread")]
async fn random_weights_are_served_as_a_model_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut texts = Vec::new();
    for (more, dtype) in [(&[][..], "bf16"), (&["--dtype", "f32"], "f32"), (&["--quantize", "q8_0"], "q8_0")] {
        let worker = start(folder.path(), more).await?;
        let mut client = WorkerServiceClient::connect(worker.url()).await?;
        let described = client.describe(DescribeRequest {}).await?.into_inner();
        ensure!((described.model.as_str(), described.family.as_str()) == ("tiny", "llama"), "{described:?}");
        ensure!(described.dtype == dtype, "{described:?}");
        ensure!(described.context_length == 256 && described.end_of_turn_ids.is_empty(), "{described:?}");
        let request_id = dtype.to_owned();
        let request = DraftRequest {
            request_id,
            round: 1,
            context: context(),
            max_tokens: 8,
            sampling: None,
            ..DraftRequest::default()
        };
        let drafted = client.draft(request).await?.into_inner();
        ensure!(drafted.drafted_tokens == 8 && !drafted.finished, "{drafted:?}");
        ensure!(drafted.token_logprobs.iter().all(|logprob| logprob.is_finite()), "{drafted:?}");
        let candidates = [drafted.text.as_str(), " t3 t4"];
        let candidates = candidates.map(|text| Candidate { text: text.to_owned(), finished: false }).to_vec();
        let request = ScoreRequest { request_id: dtype.to_owned(), round: 1, context: context(), candidates };
        let scored = client.score(request).await?.into_inner();
        ensure!(scored.candidates.len() == 2 && scored.candidates[1].terms.len() == 2, "{scored:?}");
        let terms = scored.candidates.iter().flat_map(|candidate| &candidate.terms);
        ensure!(terms.clone().all(|term| term.is_finite() && *term < 0.0), "{scored:?}");
        texts.push(drafted.text);
    }
    // bf16 weights are the same numbers in f32.
    ensure!(!texts[0].is_empty() && texts[0] == texts[1], "{texts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shape_that_no_decoder_has_is_refused_by_its_field() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("odd.json");
    let mut config = config();
    config["num_key_value_heads"] = json!(3);
    fs::write(&path, config.to_string())?;
    let shown = path.display().to_string();
    let arguments = ["worker", "--listen", "127.0.0.1:0", "--random-weights", &shown];
    let ran = program::run(Path::new(PROGRAM), &arguments).await?;
    ensure!(ran.code != Some(0) && ran.stderr.contains("num_key_value_heads is 3"), "{ran:?}");
    Ok(())
}
