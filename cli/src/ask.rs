//! `specfuse ask`: one question, one answer, and nothing left running.

use std::{io, net::Ipv4Addr, process::ExitCode};

use crate::{
    access::{Access, AccessError},
    args::{AskArgs, LocalArgs},
    cluster::{Cluster, ClusterError},
    interrupt::{Interrupt, Interrupted},
    local::{self, LocalError},
    output,
    record::{Record, RecordError},
    request::{self, QuestionError},
    stream::{self, Answer, StreamError},
    summary,
    view::View,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

pub(crate) async fn run(args: AskArgs) -> Result<ExitCode, AskError> {
    let AskArgs { question, endpoint, access, ensemble, prompt, view, record, local } = args;
    let mut request = request::build(ensemble, request::question(question)?, prompt);
    let record = record.map(Record::at).transpose()?;
    request.record = record.is_some();
    let mut view = View::choose(&view);
    let running = endpoint.map(|url| Access::given(url, access)).transpose()?;
    let mut interrupt = Interrupt::listen().map_err(AskError::Signals)?;
    let (cluster, access) = match coordinator(running, &local, &mut interrupt).await? {
        Ok(reached) => reached,
        Err(signal) => return Ok(signal.into()),
    };
    let outcome = tokio::select! {
        answer = Box::pin(stream::answer(&access, request, &mut view, record)) => Ok(answer),
        signal = interrupt.received() => Err(signal),
    };
    let code = match outcome {
        Ok(answer) => conclude(answer),
        Err(signal) => {
            // Whether the reader is still there does not matter any more.
            let _ = output::write(&view.broken_off());
            Ok(signal.into())
        }
    };
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
    code
}

/// The coordinator that runs already, or that of a cluster of our own, unless a signal comes before it is ready.
pub(crate) async fn coordinator(
    running: Option<Access>,
    local: &LocalArgs,
    interrupt: &mut Interrupt,
) -> Result<Result<(Option<Cluster>, Access), Interrupted>, AskError> {
    if let Some(access) = running {
        return Ok(Ok((None, access)));
    }
    let cluster = tokio::select! {
        cluster = Box::pin(start(local)) => cluster?,
        signal = interrupt.received() => return Ok(Err(signal)),
    };
    let access = Access::local(cluster.endpoint())?;
    Ok(Ok((Some(cluster), access)))
}

async fn start(local: &LocalArgs) -> Result<Cluster, AskError> {
    let plan = local::plan(local, (Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(Cluster::start(plan).await?)
}

fn conclude(answer: Result<Answer, StreamError>) -> Result<ExitCode, AskError> {
    match answer {
        Ok(answer) => {
            output::complain(&summary::line(&answer));
            Ok(ExitCode::SUCCESS)
        }
        // Whoever read the answer has read enough.
        Err(StreamError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}
