//! Whole judgements, by a server on this machine.

use std::fs;

use specfuse_eval::question::Prompt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

use super::*;

/// A judge that likes every answer with "good" in it, and whichever comes first of two alike; until it has been asked so often.
async fn likes_good(times: usize) -> (String, JoinSet<()>) {
    let choose = |text: &str| {
        let (before, second) = text.split_once("<answer_b>").unwrap();
        let (_, first) = before.split_once("<answer_a>").unwrap();
        if second.contains("good") && !first.contains("good") { "Verdict: B" } else { "Verdict: A" }
    };
    server(std::iter::repeat_n(choose, times)).await
}

/// A judge that says these, one after another.
async fn says(answers: Vec<&'static str>) -> (String, JoinSet<()>) {
    server(answers.into_iter().map(|answer| move |_: &str| answer)).await
}

async fn server<F>(answers: impl Iterator<Item = F> + Send + 'static) -> (String, JoinSet<()>)
where
    F: Fn(&str) -> &'static str + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut text, mut bytes) = (String::new(), [0; 8192]);
            while !text.contains("\"temperature\":0}") {
                let read = stream.read(&mut bytes).await.unwrap();
                text += std::str::from_utf8(&bytes[..read]).unwrap();
            }
            let body = format!("{{\"choices\": [{{\"message\": {{\"content\": \"{}\"}}}}]}}", answer(&text));
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
        reference: None,
    };
    ["1", "2", "3"].map(question).to_vec()
}

fn record(question: &str, strategy: &str, text: &str) -> Record {
    Record { question: question.to_owned(), strategy: strategy.to_owned(), text: text.to_owned(), ..Record::default() }
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
    // Two of the three questions, each in both orders, and no more than that.
    let (url, mut server) = likes_good(4).await;
    let judge = judge(&url, Some("single/a"));
    for _ in 0..2 {
        let mut records = records();
        let missing = judge.judge(&questions(), &strategies(), &mut records, folder.path()).await.unwrap();
        let qualities: Vec<_> = records.iter().map(|record| record.quality.unwrap()).collect();
        assert_eq!((missing, qualities), (0, vec![0.5, 0.5, 0.5, 1.0, 0.5, 0.5]));
        assert_eq!(records[3].measures, BTreeMap::from([(MEASURE.to_owned(), 1.0)]));
    }
    server.join_next().await.unwrap().unwrap();
    assert_eq!(fs::read_to_string(folder.path().join(JUDGEMENTS)).unwrap().lines().count(), 4);
}

#[tokio::test]
async fn a_quality_that_is_known_stays_and_tells_the_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _server) = likes_good(4).await;
    let mut questions = questions();
    questions.iter_mut().for_each(|question| question.measure = Measure::Exact { answer: "4".to_owned() });
    let mut records = records();
    records.iter_mut().for_each(|record| record.quality = Some(0.0));
    judge(&url, None).judge(&questions, &strategies(), &mut records, folder.path()).await.unwrap();
    assert_eq!((records[3].quality, records[3].measures[MEASURE]), (Some(0.0), 1.0));
}

#[tokio::test]
async fn an_answer_wins_over_a_failure_and_nobody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records();
    for failed in [0, 1, 4, 5] {
        records[failed].error = Some("late".to_owned());
    }
    let judge = judge("http://127.0.0.1:1", Some("single/a"));
    judge.judge(&questions(), &strategies(), &mut records, folder.path()).await.unwrap();
    let judged: Vec<_> = records.iter().map(|record| record.measures[MEASURE]).collect();
    assert_eq!(judged, [0.5, 0.5, 0.5, 1.0, 0.5, 0.0]);
    let qualities: Vec<_> = records.iter().map(|record| record.quality).collect();
    assert_eq!(qualities, [None, None, Some(0.5), Some(1.0), None, None]);
}

#[tokio::test]
async fn what_is_unclear_is_asked_once_more_and_then_a_tie() {
    // The first order twice in vain; the judge of the second is for its first answer, the baseline's.
    let (url, _server) = says(vec!["Verdict: hard to say", "I cannot tell", "Verdict: A"]).await;
    let judge = judge(&url, Some("single/a"));
    let (questions, records) = (questions(), records());
    let bouts = bouts(&questions, &records, "single/a", "judge-1");
    let mut verdicts = Vec::new();
    for comparison in bouts[0].comparisons() {
        verdicts.push((comparison.digest.clone(), judge.verdict(&comparison.asked).await.unwrap()));
    }
    assert_eq!(verdicts.iter().map(|(_, verdict)| *verdict).collect::<Vec<_>>(), [Verdict::Unclear, Verdict::First]);
    assert_eq!(bouts[0].quality(&verdicts.into_iter().collect()), Some(0.25));
}

#[tokio::test]
async fn a_baseline_must_be_there() {
    let unknown = judge("http://127.0.0.1:1", Some("vote")).has_baseline(&strategies()).unwrap_err();
    assert_eq!(unknown.to_string(), "--baseline vote: it is none of the strategies asked");
    let alone = judge("http://127.0.0.1:1", None);
    assert!(matches!(alone.has_baseline(&strategies()[1..]), Err(JudgeError::NoBaseline)));
    assert_eq!(alone.baseline(&questions(), &strategies(), &records()).unwrap(), "single/a");
}

#[tokio::test]
async fn a_judge_that_fails_leaves_the_records_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records();
    let mut judge = judge("http://127.0.0.1:1", None);
    judge.endpoint = judge.endpoint.impatient();
    assert!(judge.judge(&questions(), &strategies(), &mut records, folder.path()).await.is_err());
    assert!(records == self::records() && judge.probe().await.is_err());
}
