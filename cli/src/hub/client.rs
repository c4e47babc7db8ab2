//! Calls to the hub: which commit a revision is, which files it has and what their checksums are, and a file's bytes from an offset on.
//! What the hub says becomes part of paths on this machine, so it is not believed as it comes.
//!
//! The list of files tells a [`checksum`] of those that git keeps itself, and not always of large ones: of these [`head`] asks.

mod checksum;
mod head;

use std::{error::Error as _, time::Duration};

use futures::{Stream, TryStreamExt, future};
use hf_hub::{HFClient, HFError, HFRepository, RepoTypeModel, repository::RepoTreeEntry};
use reqwest::{Client, Url, header::HeaderValue, redirect::Policy};
use tokio::time::timeout;

pub(super) use self::checksum::Checksum;
use super::{Hub, Repo, is_commit};
use crate::stream::innermost;

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Without a byte.
const SILENCE: Duration = Duration::from_secs(60);
/// Files of a revision, at most: far more than any model has.
const MOST_FILES: usize = 10_000;
const RETRIES: usize = 3;
/// For all that comes before a file's first byte, with its retries.
const OPENING: Duration = Duration::from_secs(300);

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
    #[error("{repo} has no file {path}: it changes; try again")]
    NoFile { repo: String, path: String },
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
        let heads = client().redirect(Policy::custom(head::at_home)).build().map_err(made)?;
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
            Ok(info) => {
                info.sha.filter(|sha| is_commit(sha)).ok_or_else(|| self.foreign("it tells no commit".to_owned()))
            }
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
        let files: Vec<Entry> = files.try_collect().await.map_err(|error| self.failed(error))?;
        match files.iter().find(|entry| !is_inside(&entry.path)) {
            Some(entry) => Err(self.foreign(format!("it tells of a file called {:?}", entry.path))),
            None => Ok(files),
        }
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
        let opened = timeout(OPENING, asked.send()).await.map_err(|_| self.silent())?;
        let (_, stream) = opened.map_err(|error| self.failed(error))?;
        Ok(stream.map_err(|error| {
            if let HFError::Request { source, .. } = &error {
                self.unreachable(innermost(source))
            } else {
                self.failed(error)
            }
        }))
    }

    /// The next of a file's bytes; None: these were all. The store of large files has no deadline of its own.
    pub(super) async fn next<B>(
        &self,
        bytes: &mut (impl Stream<Item = Result<B, HubError>> + Unpin),
    ) -> Result<Option<B>, HubError> {
        timeout(SILENCE, bytes.try_next()).await.map_err(|_| self.silent())?
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
            HFError::RateLimited { .. } => self.too_many(),
            HFError::EntryNotFound { path, .. } => HubError::NoFile { repo, path },
            HFError::Xet { source, .. } => {
                self.unreachable(format!("its store of large files: {}", innermost(source.as_ref())))
            }
            HFError::Request { source, .. } if is_no_json(&source) => self.foreign(innermost(&source)),
            HFError::Request { source, .. } => self.unreachable(innermost(&source)),
            other => self.foreign(innermost(&other)),
        }
    }

    fn no_repo(&self) -> HubError {
        HubError::NoRepo { endpoint: self.endpoint(), repo: self.repo.id.clone() }
    }

    fn silent(&self) -> HubError {
        self.unreachable("nothing comes".to_owned())
    }

    fn too_many(&self) -> HubError {
        self.unreachable("it answers that there are too many requests".to_owned())
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

/// It becomes part of a path, so it leads nowhere else.
fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_no_names_that_lead_elsewhere() {
        assert!(is_inside("config.json") && is_inside("onnx/model.onnx") && is_inside("..a"));
        for path in ["", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", "a\\b", "a\0b"] {
            assert!(!is_inside(path), "{path:?}");
        }
    }

    #[test]
    fn trouble_of_the_store_of_large_files_is_no_reason_to_give_up() {
        let cache = crate::hub::cache::Cache::at("/c".into());
        let hub = Hub { endpoint: "http://127.0.0.1:1".to_owned(), token: None, offline: false, cache };
        let remote = Remote::new(&hub, &Repo::new("o/m")).unwrap();
        let dead = std::io::Error::other("connection refused");
        let told = remote.failed(HFError::xet(hf_hub::XetOperation::StreamDownload, dead));
        assert!(matches!(&told, HubError::Unreachable { .. }), "{told}");
        assert!(told.to_string().contains("connection refused"), "{told}");
    }
}
