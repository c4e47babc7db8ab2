//! Our decoder and engine against the golden logits: every case folder there is. However rows are batched, cached, evicted or
//! scored, what comes out is what one pass of the reference gave.

mod calls;
mod case;
mod passes;

use anyhow::{Context, Result, ensure};
use specfuse_tests::golden;

use case::Case;

#[test]
fn golden_logits_of_passes() -> Result<()> {
    let cases = cases()?;
    let told = cases.iter().map(|case| passes::compare(case).with_context(|| case.name()));
    all(told.collect())
}

#[tokio::test]
async fn golden_logits_of_calls() -> Result<()> {
    let mut told = Vec::new();
    for case in cases()? {
        told.push(calls::compare(&case).await.with_context(|| case.name()));
    }
    all(told)
}

/// Empty where there is no golden folder.
fn cases() -> Result<Vec<Case>> {
    let Some(golden) = golden::folder() else { return Ok(Vec::new()) };
    let cases = case::load_all(&golden.join("logits"))?;
    ensure!(!cases.is_empty(), "no case in {}", golden.display());
    Ok(cases)
}

fn all(told: Vec<Result<()>>) -> Result<()> {
    let cases = told.len();
    let failed: Vec<String> = told.into_iter().filter_map(|told| Some(format!("{:#}", told.err()?))).collect();
    ensure!(failed.is_empty(), "{} of {cases} differ:\n{}", failed.len(), failed.join("\n"));
    Ok(())
}
