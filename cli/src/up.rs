//! `specfuse up`: a cluster on this machine that stays until it is told to stop.

use std::{
    fmt::Write,
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

use crate::{
    args::UpArgs,
    cluster::{Cluster, ClusterError, Ended},
    interrupt::Interrupt,
    local::{self, LocalError},
    output, text,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum UpError {
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(
        "--listen {address} is taken by another process: ask a cluster that runs there by --endpoint, or choose another port (0: a free one)"
    )]
    Taken { address: SocketAddr },
    #[error("cannot listen on --listen {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the coordinator ended: {0}")]
    CoordinatorEnded(String),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// Being told to stop is how it ends well.
pub(crate) async fn run(args: UpArgs) -> Result<ExitCode, UpError> {
    let UpArgs { listen, local } = args;
    let mut interrupt = Interrupt::listen().map_err(UpError::Signals)?;
    let plan = local::plan(&local, listen)?;
    is_free(listen)?;
    let mut cluster = tokio::select! {
        cluster = Box::pin(Cluster::start(plan)) => cluster?,
        _ = interrupt.received() => return Ok(ExitCode::SUCCESS),
    };
    // Whether anyone reads the endpoints is no reason to stop.
    let _ = output::write(&endpoints(&cluster));
    let outcome = loop {
        tokio::select! {
            _ = interrupt.received() => break Ok(ExitCode::SUCCESS),
            ended = cluster.ended() => match report(ended) {
                Some(error) => break Err(error),
                None => continue,
            },
        }
    };
    cluster.stop().await;
    outcome
}

/// Before models are loaded for minutes. The coordinator looks again, as another process may be faster.
fn is_free(address: SocketAddr) -> Result<(), UpError> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(UpError::Taken { address }),
        Err(source) => Err(UpError::Listen { address, source }),
    }
}

/// The answer goes on without a worker, but not without the coordinator.
fn report(ended: Ended) -> Option<UpError> {
    let how = ended.status.map_or_else(|error| error.to_string(), |status| status.to_string());
    if ended.coordinator {
        return Some(UpError::CoordinatorEnded(how));
    }
    output::complain(&format!("{} ended: {how}", ended.name));
    None
}

fn endpoints(cluster: &Cluster) -> String {
    let mut lines = vec![("coordinator".to_owned(), cluster.endpoint())];
    lines.extend(cluster.workers().map(|(name, url)| (text::harmless(name), url)));
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut shown = String::new();
    for (name, url) in lines {
        // Writing to a string does not fail.
        let _ = writeln!(shown, "{name:width$}  {url}");
    }
    let coordinator = cluster.endpoint();
    let ways = format!(
        "\nIn a browser: {coordinator}/\nOpenAI's clients: {coordinator}/v1\nspecfuse ask --endpoint {coordinator} \"...\""
    );
    shown + &ways + "\n\nCtrl-C stops all of them.\n"
}
