//! What a running coordinator says of its ensembles and workers, without asking anybody.

use std::time::Duration;

use specfuse_proto::v1::{Ensemble, ListEnsemblesRequest, ensemble_service_client::EnsembleServiceClient};
use tonic::{Request, transport::Channel};

use crate::{
    access::Access,
    stream::{StreamError, rejected},
};

const DEADLINE: Duration = Duration::from_secs(30);
/// Which ensemble coordinators take for requests that name none, where there are several.
const DEFAULT: &str = "default";

#[derive(Debug, thiserror::Error)]
pub(crate) enum EnsembleError {
    #[error(transparent)]
    Call(#[from] StreamError),
    #[error("no ensemble is named {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
}

/// The one named, else the only one, else the one that coordinators take for requests that name none.
pub(crate) async fn ensemble(access: &Access, named: Option<&str>) -> Result<Ensemble, EnsembleError> {
    let list = call(access, async |client, request| client.list_ensembles(request).await, ListEnsemblesRequest {});
    let mut ensembles = list.await?.ensembles;
    let name = named.unwrap_or(DEFAULT);
    let at = match ensembles.as_slice() {
        [_] if named.is_none() => Some(0),
        several => several.iter().position(|ensemble| ensemble.name == name),
    };
    match at {
        Some(at) => Ok(ensembles.swap_remove(at)),
        None => {
            let known = ensembles.into_iter().map(|ensemble| ensemble.name).collect::<Vec<_>>().join(", ");
            Err(EnsembleError::Unknown { name: name.to_owned(), known })
        }
    }
}

pub(crate) async fn call<Q, A>(
    access: &Access,
    method: impl AsyncFnOnce(&mut EnsembleServiceClient<Channel>, Request<Q>) -> Result<tonic::Response<A>, tonic::Status>,
    message: Q,
) -> Result<A, StreamError> {
    let mut client = EnsembleServiceClient::new(access.channel());
    let mut request = access.request(message);
    request.set_timeout(DEADLINE);
    let answer = method(&mut client, request).await.map_err(|status| rejected(&access.url, status))?;
    Ok(answer.into_inner())
}
