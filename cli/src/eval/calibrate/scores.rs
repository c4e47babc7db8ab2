//! What every member thinks of every passage: its worker is asked, as a coordinator asks it.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use specfuse_proto::v1::{
    Candidate, Context, DescribeRequest, ScoreRequest, context::Prompt, worker_service_client::WorkerServiceClient,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Request, Status, transport::Channel};

use super::passages::Passage;

/// For one passage.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a busy worker is asked again, and how often about.
const PATIENCE: Duration = Duration::from_secs(120);
const COME_BACK: Duration = Duration::from_millis(500);
/// Calls to one worker at the same time.
const CONCURRENCY: usize = 4;
const RAW: &str = "raw";

/// By member: the mean log-probability of each passage that all of them can score.
pub(super) type Scores = BTreeMap<String, Vec<f64>>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ScoresError {
    #[error("{0} takes no raw prompts, and can't be calibrated")]
    NotRaw(String),
    #[error("{0} cannot be reached")]
    Unreachable(String, #[source] tonic::transport::Error),
    #[error("{member} failed: {}", status.message())]
    Failed { member: String, status: Box<Status> },
}

/// `workers`: the members' names and URLs.
pub(super) async fn of(workers: Vec<(String, String)>, passages: &[Passage<'_>]) -> Result<Scores, ScoresError> {
    let rows = try_join_all(workers.into_iter().map(|(member, url)| row(member, url, passages))).await?;
    Ok(shared(rows))
}

/// Without the passages that somebody cannot read.
fn shared(rows: Vec<(String, Vec<Option<f64>>)>) -> Scores {
    let passages = rows.iter().map(|(_, row)| row.len()).min().unwrap_or(0);
    let known: Vec<usize> =
        (0..passages).filter(|&at| rows.iter().all(|(_, row)| row.get(at).is_some_and(Option::is_some))).collect();
    let of = |row: Vec<Option<f64>>| known.iter().filter_map(|&at| row.get(at).copied().flatten()).collect();
    rows.into_iter().map(|(member, row)| (member, of(row))).collect()
}

async fn row(member: String, url: String, passages: &[Passage<'_>]) -> Result<(String, Vec<Option<f64>>), ScoresError> {
    let mut client =
        WorkerServiceClient::connect(url).await.map_err(|source| ScoresError::Unreachable(member.clone(), source))?;
    let failed = |status| ScoresError::Failed { member: member.clone(), status: Box::new(status) };
    let described = client.describe(within_deadline(DescribeRequest {})).await.map_err(failed)?.into_inner();
    if !described.capabilities.iter().any(|capability| capability == RAW) {
        return Err(ScoresError::NotRaw(member));
    }
    let asked = passages.iter().enumerate().map(|(at, passage)| mean(client.clone(), at, *passage));
    let row = stream::iter(asked).buffered(CONCURRENCY).try_collect().await.map_err(failed)?;
    Ok((member, row))
}

/// None: the member's vocabulary or its context is too small. A busy worker is waited for.
async fn mean(
    mut client: WorkerServiceClient<Channel>,
    at: usize,
    passage: Passage<'_>,
) -> Result<Option<f64>, Status> {
    let patient_until = Instant::now() + PATIENCE;
    loop {
        let context = Context { prompt: Some(Prompt::Raw(passage.before.to_owned())), accepted: String::new() };
        let request = ScoreRequest {
            request_id: format!("calibrate-{at}"),
            round: 1,
            context: Some(context),
            candidates: vec![Candidate { text: passage.segment.to_owned(), finished: false }],
        };
        match client.score(within_deadline(request)).await {
            Ok(answer) => {
                let terms = answer.into_inner().candidates.into_iter().next().unwrap_or_default().terms;
                let sum: f64 = terms.iter().copied().map(f64::from).sum();
                return Ok(Some(sum / terms.len() as f64).filter(|mean| mean.is_finite()));
            }
            Err(status) if matches!(status.code(), Code::FailedPrecondition | Code::OutOfRange) => return Ok(None),
            Err(status)
                if matches!(status.code(), Code::ResourceExhausted | Code::Unavailable)
                    && Instant::now() < patient_until =>
            {
                sleep(COME_BACK.mul_f64(rand::random_range(0.5..1.5))).await;
            }
            Err(status) => return Err(status),
        }
    }
}

fn within_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_counts_only_if_every_member_can_read_it() {
        let rows = vec![
            ("a".to_owned(), vec![Some(-1.0), None, Some(-3.0)]),
            ("b".to_owned(), vec![Some(-4.0), Some(-5.0), Some(-6.0)]),
        ];
        let expected = BTreeMap::from([("a".to_owned(), vec![-1.0, -3.0]), ("b".to_owned(), vec![-4.0, -6.0])]);
        assert_eq!(shared(rows), expected);
    }
}
