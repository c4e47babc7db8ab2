//! Flags to a place in an etcd that may be asked. No error repeats what may hold a password.

use std::{fmt, path::PathBuf, sync::Arc};

use tonic::transport::Uri;

use crate::{
    discovery::worker_url,
    tls::{ClientTls, ClientTlsFiles, TlsError},
};

const SCHEME: &str = "etcd://";
const MAX_CLUSTER: usize = 64;

/// The flags of discovery, as typed.
#[derive(Clone, Debug, clap::Args)]
pub struct DiscoveryArgs {
    /// Where workers register and coordinators find them: etcd://[USER@]host:port[,host:port...]
    #[arg(long, value_name = "URL", env = "SPECFUSE_DISCOVERY", hide_env_values = true)]
    pub discovery: Option<String>,
    /// Whom to find: workers and coordinators of one name belong together. 1 to 64 letters, digits, ".", "_" and "-".
    #[arg(long, value_name = "NAME", env = "SPECFUSE_CLUSTER", default_value = "default")]
    pub cluster: String,
    /// Speak TLS to etcd, and trust what one of these signed: certificates in PEM. Read again when they change.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_DISCOVERY_CA")]
    pub discovery_ca: Option<PathBuf>,
    /// Certificate chain shown to etcd, in PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_DISCOVERY_CERT")]
    pub discovery_cert: Option<PathBuf>,
    /// Private key of --discovery-cert, in PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_DISCOVERY_KEY")]
    pub discovery_key: Option<PathBuf>,
    /// Password of the USER in --discovery. Read at the start.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_DISCOVERY_PASSWORD_FILE")]
    pub discovery_password_file: Option<PathBuf>,
}

/// A flag whose value cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("--discovery must be {SCHEME}[USER@]host:port[,host:port...]")]
    Scheme,
    #[error("--discovery: {0:?} is not host:port")]
    Endpoint(String),
    #[error("--discovery must not hold a password: --discovery-password-file names where it is")]
    PasswordInAddress,
    #[error("--discovery names a user, and so needs --discovery-password-file")]
    NoPassword,
    #[error("--discovery-password-file needs a user in --discovery, such as {SCHEME}USER@host:port")]
    NoUser,
    #[error("--discovery-password-file {path} cannot be read", path = .path.display())]
    PasswordFile { path: PathBuf, source: std::io::Error },
    #[error("--discovery-password-file {path} is empty", path = .0.display())]
    EmptyPassword(PathBuf),
    #[error("--cluster {0:?} must be 1 to {MAX_CLUSTER} letters, digits, \".\", \"_\" or \"-\"")]
    Cluster(String),
    #[error("{0} needs --discovery")]
    NoDiscovery(&'static str),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A place in an etcd, and how to be let in. Clones share its TLS.
#[derive(Clone, Debug)]
pub struct EtcdConfig {
    /// At least one.
    pub(super) endpoints: Arc<[Uri]>,
    pub(super) user: Option<User>,
    pub(super) tls: Option<ClientTls>,
    cluster: String,
}

#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl DiscoveryArgs {
    /// None: there is no discovery service. Reads the files that the flags name.
    pub fn check(self) -> Result<Option<EtcdConfig>, DiscoveryError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !(1..=MAX_CLUSTER).contains(&self.cluster.len()) || !self.cluster.chars().all(is_allowed) {
            return Err(DiscoveryError::Cluster(self.cluster));
        }
        let Some(address) = self.discovery else {
            return match self.discovery_ca.or(self.discovery_cert).or(self.discovery_key) {
                Some(_) => {
                    Err(DiscoveryError::NoDiscovery("TLS by --discovery-ca, --discovery-cert or --discovery-key"))
                }
                None if self.discovery_password_file.is_some() => {
                    Err(DiscoveryError::NoDiscovery("--discovery-password-file"))
                }
                None => Ok(None),
            };
        };
        let tls = ClientTlsFiles::given(
            ("--discovery-ca", self.discovery_ca),
            ("--discovery-cert", self.discovery_cert),
            ("--discovery-key", self.discovery_key),
        )?;
        let rest = address.strip_prefix(SCHEME).ok_or(DiscoveryError::Scheme)?;
        let (user, hosts) = rest.rsplit_once('@').map_or((None, rest), |(user, hosts)| (Some(user), hosts));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoint = |host: &str| {
            let url = worker_url(&format!("{scheme}://{host}")).filter(|_| !host.contains('/'));
            url.ok_or_else(|| DiscoveryError::Endpoint(host.to_owned()))
        };
        let endpoints = hosts.split(',').map(endpoint).collect::<Result<_, _>>()?;
        let user = checked_user(user, self.discovery_password_file)?;
        let tls = tls.map(ClientTls::load).transpose()?;
        Ok(Some(EtcdConfig { endpoints, user, tls, cluster: self.cluster }))
    }
}

fn checked_user(name: Option<&str>, file: Option<PathBuf>) -> Result<Option<User>, DiscoveryError> {
    match (name, file) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(DiscoveryError::NoUser),
        (Some(name), _) if name.contains(':') => Err(DiscoveryError::PasswordInAddress),
        (Some(""), _) => Err(DiscoveryError::Scheme),
        (Some(_), None) => Err(DiscoveryError::NoPassword),
        (Some(name), Some(path)) => {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|source| DiscoveryError::PasswordFile { path: path.clone(), source })?;
            // Editors end files with a line's end.
            match text.trim_end_matches(['\r', '\n']) {
                "" => Err(DiscoveryError::EmptyPassword(path)),
                password => Ok(Some(User { name: name.to_owned(), password: password.to_owned() })),
            }
        }
    }
}

impl EtcdConfig {
    /// Some endpoint is on this machine.
    pub fn is_here(&self) -> bool {
        let is_here = |host: &str| {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        };
        self.endpoints.iter().filter_map(Uri::host).any(is_here)
    }

    /// What all keys of the cluster's workers begin with.
    pub(super) fn prefix(&self) -> String {
        format!("/specfuse/{}/workers/", self.cluster)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::tls::certificates::write;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: DiscoveryArgs,
    }

    fn config(flags: &[&str]) -> Result<Option<EtcdConfig>, DiscoveryError> {
        Cli::parse_from(["test"].iter().chain(flags)).args.check()
    }

    #[test]
    fn an_address_names_its_endpoints_and_a_cluster_its_keys() {
        assert!(config(&[]).unwrap().is_none());
        let found = config(&["--discovery", "etcd://a.example:2379,[::1]:1"]).unwrap().unwrap();
        assert_eq!(*found.endpoints, ["http://a.example:2379", "http://[::1]:1"].map(Uri::from_static));
        assert_eq!(found.prefix(), "/specfuse/default/workers/");
        assert!(found.is_here());
        let found = config(&["--discovery", "etcd://a:1", "--cluster", "blue-1"]).unwrap().unwrap();
        assert!(!found.is_here());
        assert_eq!(found.prefix(), "/specfuse/blue-1/workers/");
    }

    #[test]
    fn a_password_is_read_from_its_file_and_shown_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        write(&file, "secret word\n").unwrap();
        let flags = ["--discovery", "etcd://root@a:1", "--discovery-password-file", file.to_str().unwrap()];
        let found = config(&flags).unwrap().unwrap();
        let user = found.user.as_ref().unwrap();
        assert_eq!((user.name.as_str(), user.password.as_str()), ("root", "secret word"));
        assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    }

    #[test]
    fn a_value_that_cannot_be_used_is_refused_with_its_flag() {
        let long = "x".repeat(65);
        let folder = tempfile::tempdir().unwrap();
        let [empty, some] = [("empty", "\n"), ("some", "x")].map(|(name, text)| {
            let path = folder.path().join(name);
            write(&path, text).unwrap();
            path
        });
        let [empty, some] = [&empty, &some].map(|path| path.to_str().unwrap());
        for (flags, start) in [
            (&["--discovery", "http://a:1"][..], "--discovery must be etcd://"),
            (&["--discovery", "etcd://"], "--discovery: \"\" is not host:port"),
            (&["--discovery", "etcd://a:1,b"], "--discovery: \"b\" is not host:port"),
            (&["--discovery", "etcd://a:1/x"], "--discovery: \"a:1/x\" is not"),
            (&["--discovery", "etcd://@a:1"], "--discovery must be etcd://"),
            (&["--discovery", "etcd://root@a:1"], "--discovery names a user"),
            (
                &["--discovery", "etcd://a:1", "--discovery-password-file", some],
                "--discovery-password-file needs a user",
            ),
            (&["--discovery", "etcd://u@a:1", "--discovery-password-file", empty], "--discovery-password-file /"),
            (&["--discovery", "etcd://u@a:1", "--discovery-password-file", "/none"], "--discovery-password-file /none"),
            (&["--discovery-password-file", some], "--discovery-password-file needs --discovery"),
            (&["--discovery-ca", some], "TLS by --discovery-ca"),
            (&["--discovery", "etcd://a:1", "--discovery-cert", some], "--discovery-cert needs --discovery-key"),
            (&["--discovery", "etcd://a:1", "--discovery-ca", some], "--discovery-ca /"),
            (&["--cluster", ""], "--cluster"),
            (&["--cluster", "a/b"], "--cluster"),
            (&["--cluster", &long], "--cluster"),
        ] {
            let error = config(flags).unwrap_err().to_string();
            assert!(error.starts_with(start), "{flags:?}: {error}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        for address in ["etcd://root:secret@a:1", "etcd://root:sec@ret@a:1", "etcd://root:secret@a"] {
            let error = config(&["--discovery", address]).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sec"), "{error:?}");
        }
    }
}
