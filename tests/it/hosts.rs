//! The hosts of the tests keep what they promise: a host that is cut off is silent, and comes back.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use specfuse_proto::v1::{DescribeRequest, worker_service_client::WorkerServiceClient};
use specfuse_tests::{
    network::Network,
    process::{DEADLINE, Launch},
    up::bundled_models,
};
use tokio::{net::TcpStream, time::timeout};

use crate::PROGRAM;

/// Long enough for a refusal, a reset or an unanswered question for the way.
const SILENCE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_cut_off_is_silent_and_comes_back() -> Result<()> {
    let Some(network) = Network::of_namespaces(2)? else { return Ok(()) };
    let [host, other] = network.hosts.as_slice() else { anyhow::bail!("{network:?}") };
    let model = bundled_models().join("abacus-llama").display().to_string();
    let listen = format!("{}:7071", host.address);
    let arguments = ["worker", "--model", &model, "--listen", &listen, "--threads", "1"];
    let worker = Launch::of(Path::new(PROGRAM), &arguments).on(host).start().await?;
    let mut client = WorkerServiceClient::connect(worker.url()).await?;
    client.describe(DescribeRequest {}).await?;

    host.cut()?;
    let mut late = client.clone();
    let call = tokio::time::timeout(SILENCE, late.describe(DescribeRequest {}));
    let connect = timeout(SILENCE, TcpStream::connect(worker.address));
    let (call, connect) = tokio::join!(call, connect);
    assert!(call.is_err() && connect.is_err(), "{call:?}, {connect:?}");

    host.heal()?;
    let answers = async {
        // Either end may have given the connection up meanwhile: the next call makes a new one.
        while client.describe(DescribeRequest {}).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, answers).await.context("not healed")?;
    other.cut()?;
    other.heal()?;
    Ok(())
}
