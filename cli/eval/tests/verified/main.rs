//! The text metrics against values that other implementations computed (`verify/metrics.py`), and the shared files as question sets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

mod folder;
mod questions;

use serde_json::Value;
use specfuse_eval::metric::bleu::{self, Counts};
use specfuse_eval::metric::rouge;

use folder::Folder;

const EXPECTED: &str = include_str!("expected.jsonl");
const TOLERANCE: f64 = 1e-6;

struct Pair {
    hypothesis: String,
    references: Vec<String>,
    chinese: bool,
    expected: Value,
}

fn pairs(folder: &Folder) -> Vec<Pair> {
    let lines = EXPECTED.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let pair = |expected: Value| Pair {
        hypothesis: folder.text(&expected["hypothesis"]),
        references: expected["references"].as_array().unwrap().iter().map(|place| folder.text(place)).collect(),
        chinese: expected["chinese"].as_bool().unwrap(),
        expected,
    };
    lines.filter(|line| line.get("hypothesis").is_some()).map(pair).collect()
}

fn assert_near(measured: f64, expected: &Value, of: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((measured - expected).abs() <= TOLERANCE, "{measured} and {expected} of {of}");
}

#[test]
fn rouge_l_agrees_with_rouge_score() {
    let Some(folder) = Folder::open() else { return };
    let pairs = pairs(&folder);
    assert!(pairs.len() > 500);
    for Pair { hypothesis, references, chinese, expected } in &pairs {
        assert_near(rouge::rouge_l(hypothesis, references, *chinese), &expected["rouge_l"], expected);
    }
}

#[test]
fn bleu_agrees_with_sacrebleu() {
    let Some(folder) = Folder::open() else { return };
    let pairs = pairs(&folder);
    assert!(pairs.len() > 500);
    for Pair { hypothesis, references, chinese, expected } in &pairs {
        assert_near(bleu::sentence(hypothesis, references, *chinese), &expected["bleu"], expected);
    }
}

#[test]
fn bleu_of_a_corpus_agrees_with_sacrebleu() {
    let Some(folder) = Folder::open() else { return };
    let pairs = pairs(&folder);
    let mut corpora = 0;
    for line in EXPECTED.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if line.get("corpus").is_some() {
            let mut counts = Counts::default();
            for pair in pairs.iter().filter(|pair| pair.references.len() == 1 && line["chinese"] == pair.chinese) {
                counts.add(&pair.hypothesis, &pair.references, pair.chinese);
            }
            assert_near(counts.bleu(false), &line["bleu"], &line);
            corpora += 1;
        }
    }
    assert_eq!(corpora, 2);
}
