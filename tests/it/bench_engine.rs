//! `specfuse bench engine` as a program reads it: every field is there and sane, and what cannot be measured is refused, or skipped,
//! aloud.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use specfuse_tests::program::{self, Ran};

use crate::PROGRAM;

/// Some layers see 16 keys only; a prefill of 512 after 8 fits.
fn shape(positions: usize) -> Value {
    json!({
        "model_type": "gemma2", "vocab_size": 512, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": positions,
        "sliding_window": 16, "tie_word_embeddings": true,
    })
}

async fn bench(positions: usize, flags: &[&str]) -> Result<Ran> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tiny.json");
    fs::write(&path, shape(positions).to_string())?;
    let shown = path.display().to_string();
    let arguments = ["bench", "engine", "--random-weights", &shown, "--json", "--threads", "1"];
    program::run(Path::new(PROGRAM), &[&arguments[..], flags].concat()).await
}

fn report(ran: &Ran) -> Result<Value> {
    ensure!(ran.code == Some(0), "{ran:?}");
    Ok(serde_json::from_str(&ran.stdout)?)
}

fn number(object: &Value, field: &str) -> Result<f64> {
    object[field].as_f64().with_context(|| format!("{field} is no number in {object}"))
}

fn positive(object: &Value, fields: &[&str]) -> Result<()> {
    for field in fields {
        let number = number(object, field)?;
        ensure!(number > 0.0, "{field} is {number} in {object}");
    }
    Ok(())
}

fn list<'a>(object: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    object[field].as_array().with_context(|| format!("{field} is no list in {object}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_report_is_there_and_sane() -> Result<()> {
    let flags = ["--context", "8,400", "--repeats", "3", "--rounds", "1", "--quantize", "q8_0"];
    let report = report(&bench(1024, &flags).await?)?;
    positive(&report, &["bandwidth_gb_s", "matrix_gflop_s", "threads", "load_s", "weight_bytes", "cache_bytes"])?;
    positive(&report, &["computed_tokens", "cached_tokens"])?;
    positive(&report["matrix_gflop_s_by_format"], &["q8_0"])?;
    ensure!(report["bandwidth_of"] == "reads", "{report}");
    if cfg!(target_os = "linux") {
        positive(&report, &["peak_bytes"])?;
    }
    let steps = list(&report, "steps")?;
    let of = |step: &Value| format!("{} {} {}", step["kind"].as_str().unwrap_or("?"), step["rows"], step["context"]);
    let expected = [
        ["decode 1 8", "decode 4 8", "decode 16 8", "score 50 8", "prefill 512 8"],
        ["decode 1 400", "decode 4 400", "decode 16 400", "score 50 400", "prefill 512 400"],
    ]
    .concat();
    let measured: Vec<String> = steps.iter().map(of).collect();
    ensure!(measured == expected, "{measured:?}");
    for step in steps {
        positive(step, &["ms", "tokens_s", "roofline_share"])?;
        ensure!(step["dtype"] == "q8_0", "{step}");
    }
    for model in list(&report, "models")? {
        positive(model, &["load_s", "weight_bytes", "cache_bytes", "computed_tokens", "parameters"])?;
        positive(&model["round"], &["ms", "model_ms", "outside_share", "wire_ms", "counted"])?;
        ensure!(number(&model["round"], "outside_share")? < 1.0, "{model}");
        ensure!(number(&model["round"], "queue_ms")? >= 0.0 && number(&model["round"], "text_ms")? >= 0.0, "{model}");
        let attention = &model["attention"];
        ensure!(attention["rows"] == 16 && attention.get("attention_gb_s").is_some(), "{attention:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_has_no_positions_for_is_skipped_and_the_rest_is_told() -> Result<()> {
    let flags = ["--context", "8,200", "--repeats", "1", "--rounds", "9", "--dtype", "f32"];
    let ran = bench(64, &flags).await?;
    let report = report(&ran)?;
    for skipped in ["f32: prefill after 8 is skipped", "f32: decode of 1 after 200 is skipped", "f32: no rounds: "] {
        ensure!(ran.stderr.contains(skipped), "{skipped}: {}", ran.stderr);
    }
    ensure!(list(&report, "steps")?.len() == 4, "{report}");
    ensure!(report["models"][0]["round"].is_null(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_that_cannot_be_measured_are_refused_before_any_work() -> Result<()> {
    for (flag, value) in [("--context", "0"), ("--repeats", "0"), ("--threads", "0"), ("--dtype", "f64")] {
        let ran = program::run(
            Path::new(PROGRAM),
            &["bench", "engine", "--random-weights", "/no/such/shape.json", flag, value],
        )
        .await?;
        ensure!(ran.code.is_some_and(|code| code > 0) && ran.stdout.is_empty(), "{flag} {value}: {ran:?}");
        ensure!(ran.stderr.contains(flag) && !ran.stderr.contains("measuring"), "{flag} {value}: {}", ran.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shape_that_is_not_there_is_refused_by_its_flag() -> Result<()> {
    let arguments = ["bench", "engine", "--random-weights", "/no/such/shape.json", "--threads", "1"];
    let ran = program::run(Path::new(PROGRAM), &arguments).await?;
    ensure!(ran.code == Some(1) && ran.stderr.contains("--random-weights /no/such/shape.json"), "{ran:?}");
    ensure!(!ran.stderr.contains("measuring"), "{}", ran.stderr);
    Ok(())
}
