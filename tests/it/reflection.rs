//! A client that knows nothing of the contract but what the servers tell of themselves.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Deserializer, Value, json};
use specfuse_tests::{
    packages::{Packages, run},
    up::{Up, bundled_models},
};

use crate::PROGRAM;

const GRPCURL: &str = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4";
const DEADLINE: Duration = Duration::from_secs(60);

async fn grpcurl(packages: &Packages, arguments: &[&str]) -> Result<String> {
    let output = run(packages.command("grpcurl").arg("-plaintext").args(arguments), DEADLINE).await?;
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_lists_describes_and_asks_without_any_file() -> Result<()> {
    let Some(packages) = Packages::go(&[GRPCURL]).await? else { return Ok(()) };
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let address = up.coordinator.trim_start_matches("http://").trim_end_matches('/');
    let services = grpcurl(&packages, &[address, "list"]).await?;
    for service in ["specfuse.v1.EnsembleService", "grpc.health.v1.Health"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let described = grpcurl(&packages, &[address, "describe", "specfuse.v1.GenerateRequest"]).await?;
    assert!(described.contains("optional uint32 max_tokens = 4;"), "{described}");

    let message =
        json!({"role": "user", "content": "A shop has 47 apples and gets 38 more. How many apples are there now?"});
    let request = json!({"conversation": {"messages": [message]}}).to_string();
    let told = grpcurl(&packages, &["-d", &request, address, "specfuse.v1.EnsembleService/Generate"]).await?;
    let events = Deserializer::from_str(&told).into_iter().collect::<Result<Vec<Value>, _>>()?;
    let (finished, segments) = events.split_last().context("nothing was told")?;
    assert_eq!(finished["finished"]["reason"], "FINISH_REASON_STOP", "{told}");
    let shown: String = segments.iter().filter_map(|event| event["segment"]["text"].as_str()).collect();
    assert!(segments.len() > 1 && shown.contains("85"), "{told}");

    let refused = grpcurl(&packages, &["-d", "{}", address, "specfuse.v1.EnsembleService/Generate"]).await;
    let complaint = refused.err().context("an empty request was answered")?.to_string();
    assert!(complaint.contains("InvalidArgument") && complaint.contains("google.rpc.BadRequest"), "{complaint}");
    Ok(())
}
