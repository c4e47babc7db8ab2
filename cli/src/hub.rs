//! The Hugging Face hub: where it is, who we are there, and where on this machine lies what came from it, all by the variables that its
//! own programs read. Repositories by name; [`cache`] finds them on this machine, [`pull`] brings them there.

pub(crate) mod cache;
mod client;
mod pull;

use std::{
    ffi::OsString,
    fmt, fs,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use clap::Parser;

use self::cache::Cache;
pub(crate) use self::pull::{PullArgs, PullError, run as pull};

const ENDPOINT: &str = "https://huggingface.co";
/// Characters of a repository's name, and of its owner's.
const LONGEST: usize = 96;
pub(crate) const PREFIX: &str = "hf:";
const MAIN: &str = "main";

/// What only the environment may tell.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Environment {
    #[arg(long, env = "HF_ENDPOINT")]
    endpoint: Option<OsString>,
    #[arg(long, env = "HF_TOKEN", hide_env_values = true)]
    token: Option<OsString>,
    #[arg(long, env = "HF_TOKEN_PATH")]
    token_path: Option<OsString>,
    #[arg(long, env = "HF_HUB_OFFLINE")]
    offline: Option<OsString>,
    #[arg(long, env = "HF_HUB_CACHE")]
    hub_cache: Option<OsString>,
    #[arg(long, env = "HF_HOME")]
    hf_home: Option<OsString>,
    #[arg(long, env = "XDG_CACHE_HOME")]
    cache_home: Option<OsString>,
    #[arg(long, env = "HOME")]
    home: Option<OsString>,
}

/// The hub as this machine is set up for it.
pub(crate) struct Hub {
    /// URL.
    pub(crate) endpoint: String,
    token: Option<String>,
    pub(crate) offline: bool,
    pub(crate) cache: Cache,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("endpoint", &self.endpoint).field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Hub {
    pub(crate) fn told() -> Self {
        let told = Environment::try_parse_from(std::iter::empty::<OsString>()).ok();
        let of = |which: fn(&Environment) -> &Option<OsString>| {
            told.as_ref().and_then(|told| which(told).clone()).filter(|value| !value.is_empty())
        };
        let path = |which| of(which).map(PathBuf::from);
        let text = |which| of(which).and_then(|value| value.into_string().ok());
        let home = path(|told| &told.hf_home).unwrap_or_else(|| {
            let caches = path(|told| &told.cache_home);
            let caches = caches.or_else(|| path(|told| &told.home).map(|home| home.join(".cache")));
            caches.unwrap_or_default().join("huggingface")
        });
        let token_file = path(|told| &told.token_path).unwrap_or_else(|| home.join("token"));
        Self {
            endpoint: text(|told| &told.endpoint).unwrap_or_else(|| ENDPOINT.to_owned()),
            token: text(|told| &told.token).or_else(|| token_in(&token_file)),
            offline: text(|told| &told.offline).is_some_and(|value| is_on(&value)),
            cache: Cache::at(path(|told| &told.hub_cache).unwrap_or_else(|| home.join("hub"))),
        }
    }
}

fn token_in(file: &Path) -> Option<String> {
    let token = fs::read_to_string(file).ok()?.trim().to_owned();
    Some(token).filter(|token| !token.is_empty())
}

/// As the hub's own programs read a switch.
fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str())
}

/// A repository of a model, by name, and which revision of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repo {
    /// "OWNER/NAME", or "NAME" alone for a few old ones.
    pub(crate) id: String,
    /// A branch, a tag or a commit.
    revision: Option<String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not OWNER/NAME or OWNER/NAME@REVISION, such as Qwen/Qwen2.5-0.5B-Instruct")]
pub(crate) struct RepoError(String);

impl Repo {
    #[cfg(test)]
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), revision: None }
    }

    pub(crate) fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// What models of it are called.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.revision {
            Some(revision) => write!(f, "{}@{revision}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

impl FromStr for Repo {
    type Err = RepoError;

    /// With or without "hf:".
    fn from_str(text: &str) -> Result<Self, RepoError> {
        let wrong = || RepoError(text.to_owned());
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let (id, revision) = match text.split_once('@') {
            Some((id, revision)) => (id, Some(revision)),
            None => (text, None),
        };
        let parts: Vec<&str> = id.split('/').collect();
        let is_named = parts.len() <= 2 && parts.iter().all(|part| is_name(part));
        if !is_named || !revision.is_none_or(is_revision) {
            return Err(wrong());
        }
        Ok(Self { id: id.to_owned(), revision: revision.map(str::to_owned) })
    }
}

fn is_name(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edged = |c: char| matches!(c, '-' | '.');
    !part.is_empty()
        && part.len() <= LONGEST
        && part.chars().all(plain)
        && !part.starts_with(edged)
        && !part.ends_with(edged)
        && !part.contains("--")
        && !part.contains("..")
}

/// It becomes part of a path, so it leads nowhere else.
fn is_revision(revision: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let inside = |part| matches!(part, Component::Normal(_));
    !revision.is_empty() && revision.chars().all(plain) && Path::new(revision).components().all(inside)
}

/// A whole commit's name.
fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_as_on_the_hub() {
        let repo: Repo = "hf:Qwen/Qwen2.5-0.5B-Instruct@refs/pr/3".parse().unwrap();
        assert_eq!((repo.id.as_str(), repo.revision()), ("Qwen/Qwen2.5-0.5B-Instruct", "refs/pr/3"));
        assert_eq!(repo.name(), "Qwen2.5-0.5B-Instruct");
        let repo: Repo = "gpt2".parse().unwrap();
        assert_eq!((repo.to_string().as_str(), repo.revision()), ("gpt2", "main"));
    }

    #[test]
    fn what_would_lead_out_of_the_cache_names_no_repository() {
        for text in ["", "/", "a/", "a/b/c", "../x", "a/..", "a--b/c", "~/m", "a/b@", "a/b@../x", "a/b@/etc", "a b/c"] {
            let error = text.parse::<Repo>().unwrap_err();
            assert_eq!(error, RepoError(text.to_owned()));
        }
    }

    #[test]
    fn switches_are_read_as_the_hubs_own_programs_do() {
        assert!(is_on("1") && is_on("True") && is_on("ON"));
        assert!(!is_on("0") && !is_on("false") && !is_on("no"));
    }
}
