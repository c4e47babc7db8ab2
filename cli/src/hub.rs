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
    #[arg(long, env = "HF_HUB_DISABLE_IMPLICIT_TOKEN")]
    no_implicit_token: Option<OsString>,
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
    pub(crate) fn told() -> Result<Self, Homeless> {
        let told = Environment::try_parse_from(std::iter::empty::<OsString>()).ok();
        Self::of(told.as_ref())
    }

    fn of(told: Option<&Environment>) -> Result<Self, Homeless> {
        let of = |which: fn(&Environment) -> &Option<OsString>| {
            told.and_then(|told| which(told).clone()).filter(|value| !value.is_empty())
        };
        let path = |which| of(which).map(PathBuf::from);
        let text = |which| of(which).and_then(|value| value.into_string().ok());
        let on = |which| text(which).is_some_and(|value| is_on(&value));
        let home = path(|told| &told.hf_home).or_else(|| {
            let caches = path(|told| &told.cache_home);
            let caches = caches.or_else(|| path(|told| &told.home).map(|home| home.join(".cache")));
            caches.map(|caches| caches.join("huggingface"))
        });
        let in_home = |name: &str| home.as_ref().map(|home| home.join(name));
        let token = || {
            let told = text(|told| &told.token).and_then(|token| trimmed(&token));
            told.or_else(|| token_in(&path(|told| &told.token_path).or_else(|| in_home("token"))?))
        };
        Ok(Self {
            endpoint: text(|told| &told.endpoint).unwrap_or_else(|| ENDPOINT.to_owned()),
            token: if on(|told| &told.no_implicit_token) { None } else { token() },
            offline: on(|told| &told.offline),
            cache: Cache::at(path(|told| &told.hub_cache).or_else(|| in_home("hub")).ok_or(Homeless)?),
        })
    }
}

/// There is no place for what comes from the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing tells where models of the hub lie: set HF_HUB_CACHE or HF_HOME, or HOME")]
pub(crate) struct Homeless;

fn token_in(file: &Path) -> Option<String> {
    trimmed(&fs::read_to_string(file).ok()?)
}

fn trimmed(token: &str) -> Option<String> {
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
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

    fn hub(variables: &[(&str, &str)]) -> Result<Hub, Homeless> {
        let of = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Hub::of(Some(&Environment {
            endpoint: None,
            token: of("HF_TOKEN"),
            token_path: of("HF_TOKEN_PATH"),
            no_implicit_token: of("HF_HUB_DISABLE_IMPLICIT_TOKEN"),
            offline: None,
            hub_cache: of("HF_HUB_CACHE"),
            hf_home: of("HF_HOME"),
            cache_home: of("XDG_CACHE_HOME"),
            home: of("HOME"),
        }))
    }

    #[test]
    fn without_a_home_the_cache_is_nowhere_rather_than_here() {
        assert_eq!(hub(&[]).unwrap_err(), Homeless);
        assert_eq!(hub(&[("HOME", "")]).unwrap_err(), Homeless);
        let root = |name, value| hub(&[(name, value)]).unwrap().cache.root;
        assert_eq!(root("HF_HUB_CACHE", "/c"), Path::new("/c"));
        assert_eq!(root("HF_HOME", "/h"), Path::new("/h/hub"));
        assert_eq!(root("XDG_CACHE_HOME", "/x"), Path::new("/x/huggingface/hub"));
        assert_eq!(root("HOME", "/u"), Path::new("/u/.cache/huggingface/hub"));
    }

    #[test]
    fn a_token_is_trimmed_and_not_sent_where_that_is_switched_off() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), " hf_filed\n").unwrap();
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        let token = |more: &[(&str, &str)]| hub(&[&[home], more].concat()).unwrap().token;
        assert_eq!(token(&[]).as_deref(), Some("hf_filed"));
        assert_eq!(token(&[("HF_TOKEN", " hf_told\r\n")]).as_deref(), Some("hf_told"));
        assert_eq!(token(&[("HF_TOKEN", "\n")]).as_deref(), Some("hf_filed"));
        let off = ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
        assert_eq!((token(&[off]), token(&[off, ("HF_TOKEN", "hf_told")])), (None, None));
        assert!(token(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")]).is_some());
    }
}
