//! A running cluster, as its coordinator tells of it and as one answer shows it. Observes with a client's calls; what follows is made
//! by pure functions.

mod answer;
mod hop;
mod members;

use std::time::{Duration, SystemTime};

use futures::future::OptionFuture;
use specfuse_proto::v1::{
    Ensemble, GetClusterRequest, GetClusterResponse, ListEnsemblesRequest,
    ensemble_service_client::EnsembleServiceClient,
};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status, transport::Channel};

use super::finding::{Examined, Finding, Subject};
use crate::{access::Access, stream};

/// Of every call but an answer.
const CALL_DEADLINE: Duration = Duration::from_secs(20);
/// Calls whose median is told.
const CALLS: usize = 7;

/// What the coordinator told.
#[derive(Debug)]
struct Observed {
    cluster: GetClusterResponse,
    ensembles: Vec<Ensemble>,
    /// Milliseconds of each call.
    calls: Vec<f64>,
    /// The coordinator's clock as a response's header has it, and ours at that time.
    clock: Option<(String, SystemTime)>,
}

/// A client that shows what the coordinator asks for.
#[derive(Clone, Debug)]
struct Client<'a> {
    access: &'a Access,
    calls: EnsembleServiceClient<Channel>,
}

pub(crate) async fn examine(access: &Access) -> Examined {
    let client = Client { access, calls: EnsembleServiceClient::new(access.channel()) };
    let mut findings = Vec::new();
    match observe(&client).await {
        Err(status) => findings.push(unreachable(&access.url, status)),
        Ok(observed) => {
            findings.push(hop::encryption(&access.url));
            findings.extend(judge(&observed));
            let asked = asked(&observed.ensembles).map(|ensemble| answer::examine(&client, ensemble));
            findings.extend(OptionFuture::from(asked).await.unwrap_or_default());
        }
    }
    Examined::new(access.url.clone(), findings)
}

impl Client<'_> {
    fn request<T>(&self, message: T, deadline: Duration) -> Request<T> {
        let mut request = self.access.request(message);
        request.set_timeout(deadline);
        request
    }

    async fn cluster(&self) -> Result<Response<GetClusterResponse>, Status> {
        let mut calls = self.calls.clone();
        // A server that takes the connection and says nothing is none.
        let call = calls.get_cluster(self.request(GetClusterRequest {}, CALL_DEADLINE));
        let late = |_| Status::deadline_exceeded(format!("no answer in {CALL_DEADLINE:?}"));
        tokio::time::timeout(CALL_DEADLINE, call).await.map_err(late)?
    }
}

async fn observe(client: &Client<'_>) -> Result<Observed, Status> {
    // Makes the connection.
    client.cluster().await?;
    let (mut calls, mut clock, mut cluster) = (Vec::new(), None, GetClusterResponse::default());
    for _ in 0..CALLS {
        let begun = Instant::now();
        let told = client.cluster().await?;
        calls.push(begun.elapsed().as_secs_f64() * 1e3);
        let date = told.metadata().get("date").and_then(|date| date.to_str().ok());
        clock = date.map(|date| (date.to_owned(), SystemTime::now()));
        cluster = told.into_inner();
    }
    let request = client.request(ListEnsemblesRequest {}, CALL_DEADLINE);
    let ensembles = client.calls.clone().list_ensembles(request).await?.into_inner().ensembles;
    Ok(Observed { cluster, ensembles, calls, clock })
}

fn judge(observed: &Observed) -> Vec<Finding> {
    let Observed { cluster, ensembles, calls, clock } = observed;
    let mut findings = vec![hop::connection(calls), hop::clock(clock.as_ref()), members::discovery(cluster)];
    findings.extend(members::ensembles(ensembles, &cluster.workers));
    findings.extend(members::workers(&cluster.workers));
    findings.extend(members::replicas(&cluster.workers));
    findings.extend(members::load(cluster));
    findings
}

/// The ensemble that a client gets who names none, else the first that can answer.
fn asked(ensembles: &[Ensemble]) -> Option<&Ensemble> {
    let mut ready = ensembles.iter().filter(|ensemble| ensemble.ready);
    ready.clone().find(|ensemble| ensemble.name == "default").or_else(|| ready.next())
}

fn unreachable(url: &str, status: Status) -> Finding {
    let code = status.code();
    let remedy = if matches!(code, Code::Unauthenticated | Code::PermissionDenied) {
        "give a key of the coordinator's --api-keys file, by --api-key-file or in SPECFUSE_API_KEY"
    } else if code == Code::Unavailable && url.starts_with("https") {
        "see that the coordinator runs there with TLS, and that --tls-ca holds who signed its certificate"
    } else if code == Code::Unavailable {
        "start it with specfuse up or specfuse-coordinator, or correct host and port"
    } else if code == Code::DeadlineExceeded {
        "something listens there and does not answer: see the coordinator's log and its load"
    } else {
        "see that this is a SpecFuse coordinator's address, and its log"
    };
    Subject::Connection.error(stream::rejected(url, status).to_string(), remedy)
}
