//! Who serves: what a worker says of itself before it is asked, and the list of all who do.
//!
//! [`Directory`] is the list as it is now, wherever it comes from; [`etcd`] is where workers register and coordinators watch.

mod directory;
pub mod etcd;
mod roster;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tonic::transport::Uri;

pub use directory::Directory;

/// A worker's entry, as JSON under its instance id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// Chosen at the process's start, as in Describe.
    pub instance: String,
    /// URL: `http://host:port`, or `https://` where the worker speaks TLS.
    pub address: String,
    /// The member's name.
    pub model: String,
    pub family: String,
    /// Tokens.
    pub context_length: u32,
    pub capabilities: Vec<String>,
    /// Version of the worker.
    pub build: String,
    /// RFC 3339, in UTC.
    pub started_at: String,
}

/// A worker that may serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// URL.
    pub address: Arc<str>,
    /// None where the list is configured: then nobody knows before asking.
    pub record: Option<Arc<WorkerRecord>>,
}

/// All workers that may serve: of a configured list in its order, else in the order of their instance ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    pub workers: Vec<Listed>,
}

/// `http://host:port` or `https://host:port`, and nothing more. None: another thing.
pub fn worker_url(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority()?;
    let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    let has_port = authority.port_u16().is_some_and(|port| port != 0);
    let is_whole = matches!(uri.path(), "" | "/") && uri.query().is_none();
    (is_http && is_plain && has_port && is_whole).then_some(uri)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_s_url_has_a_scheme_a_host_and_a_port() {
        for url in ["http://127.0.0.1:7071", "https://worker-0.workers:7071", "http://[::1]:1", "http://host:65535/"] {
            assert!(worker_url(url).is_some(), "{url}");
        }
        for url in [
            "",
            "host:1",
            "http://host",
            "http://:1",
            "http://host:0",
            "http://host:65536",
            "ftp://host:1",
            "http://user@host:1",
            "http://host:1/path",
            "http://host:1?query",
            "/path",
            "http://a b:1",
        ] {
            assert!(worker_url(url).is_none(), "{url}");
        }
    }
}
