//! The checksum of a large file, which stands in the headers of the answer that sends clients on to where its bytes lie. That answer is
//! asked for and not followed: the token is for the hub alone.

use std::time::Duration;

use reqwest::{
    Response, StatusCode, Url,
    header::AUTHORIZATION,
    redirect::{Action, Attempt},
};
use tokio::time::sleep;

use super::{Checksum, HubError, RETRIES, Remote};
use crate::stream::innermost;

const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Redirects that are followed, at most.
const HOPS: usize = 10;

impl Remote {
    pub(in crate::hub) async fn checksum(&self, commit: &str, path: &str) -> Result<Checksum, HubError> {
        let mut url = self.endpoint.clone();
        let segments = self.repo.id.split('/').chain(["resolve", commit]).chain(path.split('/'));
        url.path_segments_mut()
            .map_err(|()| HubError::Endpoint(self.endpoint.to_string()))?
            .pop_if_empty()
            .extend(segments);
        let answer = self.insist(&url, path).await?;
        let told = ["x-linked-etag", "etag"].iter().find_map(|name| answer.headers().get(*name)?.to_str().ok());
        told.and_then(Checksum::parse).ok_or_else(|| self.foreign(format!("it tells no checksum of {path}")))
    }

    /// Asks again while the hub has trouble that may pass, as often as other calls do.
    async fn insist(&self, url: &Url, path: &str) -> Result<Response, HubError> {
        let (mut wait, mut retries) = (FIRST_WAIT, RETRIES);
        loop {
            match self.head(url.clone(), path).await {
                Err(HubError::Unreachable { .. }) if retries > 0 => {}
                settled => return settled,
            }
            sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
            (wait, retries) = (wait * 2, retries - 1);
        }
    }

    async fn head(&self, url: Url, path: &str) -> Result<Response, HubError> {
        let mut request = self.heads.head(url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let answer = request.send().await.map_err(|error| self.unreachable(innermost(&error)))?;
        let repo = self.repo.id.clone();
        match answer.status() {
            status if status.is_success() || status.is_redirection() => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(HubError::Denied { repo }),
            StatusCode::NOT_FOUND => Err(HubError::NoFile { repo, path: path.to_owned() }),
            StatusCode::TOO_MANY_REQUESTS => Err(self.too_many()),
            status if status.is_server_error() => Err(self.unreachable(format!("it answers {status}"))),
            status => Err(self.foreign(format!("it answers {status} where it should tell of {path}"))),
        }
    }
}

/// A repository that was renamed is at home under another path; files lie elsewhere.
pub(super) fn at_home(attempt: Attempt<'_>) -> Action {
    let is_home = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    if is_home && attempt.previous().len() < HOPS { attempt.follow() } else { attempt.stop() }
}
