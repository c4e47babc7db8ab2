//! Whole judgements, by a server on this machine.

use std::fs;

use specfuse_eval::{
    question::{Measure, Prompt},
    record::Cost,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

use super::*;

/// A judge that likes every answer with "good" in it, and whichever comes first of two alike; until it has been asked so often.
async fn likes_good(times: usize) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut text, mut bytes) = (String::new(), [0; 8192]);
            while !text.contains("\"temperature\":0}") {
                let read = stream.read(&mut bytes).await.unwrap();
                text += std::str::from_utf8(&bytes[..read]).unwrap();
            }
            let (before, second) = text.split_once("<answer_b>").unwrap();
            let (_, first) = before.split_once("<answer_a>").unwrap();
            let choice = if second.contains("good") && !first.contains("good") { "B" } else { "A" };
            let body = format!("{{\"choices\": [{{\"message\": {{\"content\": \"Verdict: {choice}\"}}}}]}}");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    (url, task)
}

fn questions() -> Vec<Question> {
    let question = |id: &str| Question {
        id: id.to_owned(),
        kind: String::new(),
        prompt: Prompt::Raw(format!("question {id}")),
        measure: Measure::Open,
    };
    ["1", "2", "3"].map(question).to_vec()
}

fn record(question: &str, strategy: &str, text: &str) -> Record {
    Record {
        question: question.to_owned(),
        kind: String::new(),
        strategy: strategy.to_owned(),
        text: text.to_owned(),
        error: None,
        quality: None,
        measures: BTreeMap::new(),
        cost: Cost::default(),
        won: BTreeMap::new(),
        exits: Vec::new(),
        leads: Vec::new(),
    }
}

fn records() -> Vec<Record> {
    vec![
        record("1", "single/a", "bad"),
        record("2", "single/a", "the same"),
        record("3", "single/a", "fair"),
        record("1", "fuse", "good"),
        record("2", "fuse", "the same"),
        record("3", "fuse", "not bad"),
    ]
}

fn strategies() -> Vec<Strategy> {
    let strategy = |name: &str, kind: &str| Strategy { name: name.to_owned(), kind: kind.to_owned() };
    vec![strategy("single/a", "single"), strategy("fuse", "fuse")]
}

fn judge(url: &str, baseline: Option<&str>) -> Judge {
    let endpoint = Endpoint::new(url, "judge-1".to_owned(), None).unwrap();
    Judge { endpoint, baseline: baseline.map(str::to_owned) }
}

#[tokio::test]
async fn answers_are_compared_in_both_orders_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = (folder.path(), 0);
    // Two of the three questions, each in both orders, and no more than that.
    let (url, mut server) = likes_good(4).await;
    let judge = judge(&url, Some("single/a"));
    for _ in 0..2 {
        let mut records = records();
        judge.judge(&questions(), &strategies(), &mut records, place).await.unwrap();
        let qualities: Vec<_> = records.iter().map(|record| record.quality.unwrap()).collect();
        assert_eq!(qualities, [0.5, 0.5, 0.5, 1.0, 0.5, 0.5]);
        assert_eq!(records[3].measures, BTreeMap::from([(MEASURE.to_owned(), 1.0)]));
    }
    server.join_next().await.unwrap().unwrap();
    assert_eq!(fs::read_to_string(folder.path().join(JUDGEMENTS)).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_quality_that_is_known_stays_and_tells_the_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _server) = likes_good(4).await;
    let mut records = records();
    records.iter_mut().for_each(|record| record.quality = Some(0.0));
    judge(&url, None).judge(&questions(), &strategies(), &mut records, (folder.path(), 0)).await.unwrap();
    assert_eq!((records[3].quality, records[3].measures[MEASURE]), (Some(0.0), 1.0));
}

#[tokio::test]
async fn a_baseline_must_be_there_and_an_answer_that_failed_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let place = (folder.path(), 0);
    let mut records = records();
    let unknown = judge("http://127.0.0.1:1", Some("vote"));
    let error = unknown.judge(&questions(), &strategies(), &mut records, place).await.unwrap_err();
    assert_eq!(error.to_string(), "--baseline vote: it is none of the strategies asked");
    let alone = judge("http://127.0.0.1:1", None);
    let none = alone.judge(&questions(), &strategies()[1..], &mut records, place).await;
    assert!(matches!(none, Err(JudgeError::NoBaseline)), "{none:?}");
    assert_eq!(alone.baseline(&strategies(), &records, 0).unwrap(), "single/a");
    records.iter_mut().for_each(|record| record.error = Some("late".to_owned()));
    judge("http://127.0.0.1:1", Some("single/a"))
        .judge(&questions(), &strategies(), &mut records, place)
        .await
        .unwrap();
    assert!(records.iter().all(|record| record.quality.is_none()));
}
