//! Where the list of workers comes from: the configuration file or the discovery service, one of the two.

use std::sync::Arc;

use specfuse_runtime::discovery::{self, etcd::EtcdConfig};

use super::{Misfit, repeated};

/// Who lists the workers.
#[derive(Clone, Debug)]
pub enum Workers {
    /// URLs; at least one, distinct.
    Listed(Vec<Arc<str>>),
    Discovered(EtcdConfig),
}

/// Without TLS to workers no URL may be https, and with it every one must.
pub(super) fn check(
    listed: Option<Vec<String>>,
    discovery: Option<EtcdConfig>,
    with_tls: bool,
) -> Result<Workers, Misfit> {
    let wrong = |problem: &str| Misfit::new("workers", problem);
    let urls = match (listed, discovery) {
        (None, Some(etcd)) => return Ok(Workers::Discovered(etcd)),
        (Some(_), Some(_)) => return Err(wrong("--discovery finds them: leave out one of the two")),
        (None, None) => return Err(wrong("there must be at least one, here or by --discovery")),
        (Some(urls), None) if urls.is_empty() => return Err(wrong("there must be at least one")),
        (Some(urls), None) => urls,
    };
    let listed = urls.iter().map(|url| worker_url(url, with_tls)).collect::<Result<_, _>>()?;
    match repeated(&urls) {
        Some(twice) => Err(wrong(&format!("{twice:?} is there twice"))),
        None => Ok(Workers::Listed(listed)),
    }
}

fn worker_url(text: &str, with_tls: bool) -> Result<Arc<str>, Misfit> {
    let wrong = |problem: &str| Misfit::new("workers", format!("{text:?} {problem}"));
    let uri = discovery::worker_url(text).ok_or_else(|| wrong("is not of the form http://host:port"))?;
    match (uri.scheme_str() == Some("https"), with_tls) {
        (true, false) => Err(wrong("needs --worker-ca")),
        (false, true) => Err(wrong("must be https, because --worker-ca is given")),
        (true, true) | (false, false) => Ok(text.into()),
    }
}
