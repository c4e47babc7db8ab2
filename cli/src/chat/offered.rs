//! Which strategies the ensemble of a chat offers.

use std::time::Duration;

use specfuse_proto::v1::{ListEnsemblesRequest, ensemble_service_client::EnsembleServiceClient};
use tonic::Request;

use crate::{
    access::Access,
    stream::{StreamError, rejected},
};

/// For what a coordinator knows without asking anybody.
const DEADLINE: Duration = Duration::from_secs(30);
/// Which ensemble answers where none is named and there are several.
const DEFAULT: &str = "default";

#[derive(Debug, thiserror::Error)]
pub(super) enum OfferedError {
    #[error(transparent)]
    Call(#[from] StreamError),
    #[error("no ensemble is named {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
}

pub(super) struct Offered {
    /// Which one answers where none is named.
    pub(super) own: String,
    pub(super) names: Vec<String>,
}

pub(super) async fn strategies(access: &Access, ensemble: Option<&str>) -> Result<Offered, OfferedError> {
    let mut client = EnsembleServiceClient::new(access.channel());
    let mut request = Request::new(ListEnsemblesRequest {});
    request.set_timeout(DEADLINE);
    if let Some(authorization) = &access.authorization {
        request.metadata_mut().insert("authorization", authorization.clone());
    }
    let told = client.list_ensembles(request).await.map_err(|status| rejected(&access.url, status))?;
    let ensembles = told.into_inner().ensembles;
    let name = ensemble.unwrap_or(DEFAULT);
    let chosen = match ensembles.as_slice() {
        [only] if ensemble.is_none() => Some(only),
        several => several.iter().find(|one| one.name == name),
    };
    match chosen {
        Some(chosen) => {
            let names = chosen.strategies.iter().map(|strategy| strategy.name.clone()).collect();
            Ok(Offered { own: chosen.default_strategy.clone(), names })
        }
        None => {
            let known = ensembles.into_iter().map(|ensemble| ensemble.name).collect::<Vec<_>>().join(", ");
            Err(OfferedError::Unknown { name: name.to_owned(), known })
        }
    }
}
