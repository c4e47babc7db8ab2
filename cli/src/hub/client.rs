//! Calls to the hub: which commit a revision is, which files it has and what their checksums are, and a file's bytes from an offset on.
//!
//! The list of files tells a checksum only of small ones, those that git keeps itself. Of a large one the hub tells it in the headers
//! of the answer that sends clients on to where the bytes lie, so that answer is asked for and not followed.

use std::{error::Error as _, time::Duration};

use futures::{Stream, TryStreamExt, future};
use hf_hub::{HFClient, HFError, HFRepository, RepoTypeModel, repository::RepoTreeEntry};
use reqwest::{
    Client, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue},
    redirect::{Attempt, Policy},
};

use super::{Hub, Repo};
use crate::stream::innermost;

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Without a byte.
const SILENCE: Duration = Duration::from_secs(60);
/// Files of a revision, at most: far more than any model has.
const MOST_FILES: usize = 10_000;
const RETRIES: usize = 3;

#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    #[error("HF_ENDPOINT {0:?} is not a URL such as https://huggingface.co")]
    Endpoint(String),
    #[error("the token in HF_TOKEN, or in the token's file, cannot be sent")]
    Token,
    #[error("no client for HTTP can be made")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{endpoint} has no model {repo}: check the name")]
    NoRepo { endpoint: String, repo: String },
    #[error("{repo} has no revision {revision:?}: name a branch, a tag or a commit")]
    NoRevision { repo: String, revision: String },
    #[error(
        "{repo} is private or gated, or there is none of this name: accept its terms on the hub, and give a token that may read it in HF_TOKEN"
    )]
    Denied { repo: String },
    #[error("{endpoint} cannot be reached: {why}; try again, the same command goes on where this one stopped")]
    Unreachable { endpoint: String, why: String },
    #[error("{endpoint} is no Hugging Face hub: {why}")]
    Foreign { endpoint: String, why: String },
}

/// One repository on the hub.
pub(super) struct Remote {
    model: HFRepository<RepoTypeModel>,
    /// Follows nothing that leads to another host.
    heads: Client,
    authorization: Option<HeaderValue>,
    endpoint: Url,
    repo: Repo,
}

/// A file of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
    /// None: only the answer to a request for the file tells it.
    pub(super) checksum: Option<Checksum>,
}

/// Of a file's content, in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    Sha256(String),
    /// SHA-1 of git's header of a blob and the content.
    GitBlob(String),
}

impl Checksum {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            64 if is_hex => Some(Self::Sha256(text)),
            40 if is_hex => Some(Self::GitBlob(text)),
            _ => None,
        }
    }

    pub(super) fn hex(&self) -> &str {
        let (Self::Sha256(hex) | Self::GitBlob(hex)) = self;
        hex
    }
}

impl Remote {
    pub(super) fn new(hub: &Hub, repo: &Repo) -> Result<Self, HubError> {
        let wrong = || HubError::Endpoint(hub.endpoint.clone());
        let endpoint = Url::parse(&hub.endpoint).map_err(|_| wrong())?;
        if !matches!(endpoint.scheme(), "http" | "https") {
            return Err(wrong());
        }
        // The clients take the process's. There is one already if these are not the first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = || Client::builder().connect_timeout(CONNECT_DEADLINE).read_timeout(SILENCE);
        let made = |error| HubError::Client(Box::new(error));
        let bodies = client().build().map_err(made)?;
        let heads = client().redirect(Policy::custom(at_home)).build().map_err(made)?;
        let mut builder = HFClient::builder().endpoint(&hub.endpoint).client(bodies).cache_dir(&hub.cache.root);
        builder = builder.retry_max_attempts(RETRIES);
        let mut authorization = None;
        if let Some(token) = &hub.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| HubError::Token)?;
            value.set_sensitive(true);
            authorization = Some(value);
            builder = builder.token(token);
        }
        let hub_client = builder.build().map_err(|error| HubError::Client(Box::new(error)))?;
        let (owner, name) = hf_hub::split_id(&repo.id);
        let model = hub_client.model(owner, name);
        Ok(Self { model, heads, authorization, endpoint, repo: repo.clone() })
    }

    /// The commit that the revision is now.
    pub(super) async fn commit(&self) -> Result<String, HubError> {
        match Box::pin(self.model.info().revision(self.repo.revision()).send()).await {
            Ok(info) => info.sha.ok_or_else(|| self.foreign("it tells no commit".to_owned())),
            // The hub says the same of an unknown revision and of an unknown repository.
            Err(error @ HFError::RevisionNotFound { .. }) => match self.model.exists().send().await {
                Ok(false) => Err(self.no_repo()),
                Ok(true) | Err(_) => Err(self.failed(error)),
            },
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The files of a commit.
    pub(super) async fn entries(&self, commit: &str) -> Result<Vec<Entry>, HubError> {
        let tree = self.model.list_tree().revision(commit).recursive(true).limit(MOST_FILES).send();
        let tree = tree.map_err(|error| self.failed(error))?;
        let files = tree.try_filter_map(|entry| {
            future::ok(match entry {
                RepoTreeEntry::File { oid, size, path, lfs, .. } => {
                    let told = match lfs {
                        Some(lfs) => lfs.sha256.as_deref().and_then(Checksum::parse),
                        None => Checksum::parse(&oid),
                    };
                    Some(Entry { path, size, checksum: told })
                }
                RepoTreeEntry::Directory { .. } => None,
            })
        });
        files.try_collect().await.map_err(|error| self.failed(error))
    }

    /// The checksum of a file, from the answer that tells where its bytes lie.
    pub(super) async fn checksum(&self, commit: &str, path: &str) -> Result<Checksum, HubError> {
        let mut url = self.endpoint.clone();
        let segments = self.repo.id.split('/').chain(["resolve", commit]).chain(path.split('/'));
        url.path_segments_mut()
            .map_err(|()| HubError::Endpoint(self.endpoint.to_string()))?
            .pop_if_empty()
            .extend(segments);
        let mut request = self.heads.head(url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let answer = request.send().await.map_err(|error| self.unreachable(innermost(&error)))?;
        if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(HubError::Denied { repo: self.repo.id.clone() });
        }
        let told = ["x-linked-etag", "etag"].iter().find_map(|name| answer.headers().get(*name)?.to_str().ok());
        told.and_then(Checksum::parse).ok_or_else(|| self.foreign(format!("it tells no checksum of {path}")))
    }

    /// A file's bytes from `offset` on, which is less than `size`.
    pub(super) async fn bytes(
        &self,
        commit: &str,
        entry: &Entry,
        offset: u64,
    ) -> Result<impl Stream<Item = Result<impl AsRef<[u8]> + use<>, HubError>> + Unpin + use<'_>, HubError> {
        let range = (offset > 0).then_some(offset..entry.size);
        let asked = self.model.download_file_stream().filename(&entry.path).revision(commit).maybe_range(range);
        let (_, stream) = asked.send().await.map_err(|error| self.failed(error))?;
        Ok(stream.map_err(|error| {
            if let HFError::Request { source, .. } = &error {
                self.unreachable(innermost(source))
            } else {
                self.failed(error)
            }
        }))
    }

    /// What comes is never the file.
    pub(super) fn unfit(&self, path: &str) -> HubError {
        self.foreign(format!("what it sends for {path} has not the size that it tells"))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of a list that grows, these are what somebody can do something about"
    )]
    fn failed(&self, error: HFError) -> HubError {
        let repo = self.repo.id.clone();
        match error {
            HFError::AuthRequired { .. } | HFError::Forbidden { .. } => HubError::Denied { repo },
            HFError::RepoNotFound { .. } => self.no_repo(),
            HFError::RevisionNotFound { revision, .. } => HubError::NoRevision { repo, revision },
            HFError::Http { context } if matches!(context.status.as_u16(), 401 | 403) => HubError::Denied { repo },
            HFError::Http { context } if context.status.is_server_error() => {
                self.unreachable(format!("it answers {}", context.status))
            }
            HFError::RateLimited { .. } => self.unreachable("it answers that there are too many requests".to_owned()),
            HFError::Request { source, .. } if is_no_json(&source) => self.foreign(innermost(&source)),
            HFError::Request { source, .. } => self.unreachable(innermost(&source)),
            other => self.foreign(innermost(&other)),
        }
    }

    fn no_repo(&self) -> HubError {
        HubError::NoRepo { endpoint: self.endpoint(), repo: self.repo.id.clone() }
    }

    fn unreachable(&self, why: String) -> HubError {
        HubError::Unreachable { endpoint: self.endpoint(), why }
    }

    fn foreign(&self, why: String) -> HubError {
        HubError::Foreign { endpoint: self.endpoint(), why }
    }

    fn endpoint(&self) -> String {
        self.endpoint.as_str().trim_end_matches('/').to_owned()
    }
}

/// Rather than an answer that is cut.
fn is_no_json(error: &reqwest::Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.any(|cause| cause.downcast_ref::<serde_json::Error>().is_some_and(|error| !error.is_eof()))
}

/// A repository that was renamed is at home under another path; files lie elsewhere.
fn at_home(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let is_home = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    // Each hop is a loop's chance.
    if is_home && attempt.previous().len() < 10 { attempt.follow() } else { attempt.stop() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_known_by_its_length() {
        let (long, short) = ("aB".repeat(32), "0f".repeat(20));
        assert_eq!(Checksum::parse(&format!("\"{long}\"")), Some(Checksum::Sha256(long.to_lowercase())));
        assert_eq!(Checksum::parse(&format!("W/\"{short}\"")), Some(Checksum::GitBlob(short)));
        assert_eq!((Checksum::parse(""), Checksum::parse(&"x".repeat(40))), (None, None));
    }
}
