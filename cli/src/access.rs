//! How a coordinator is reached: its address, whom to trust there, and the API key to show. A key is never on the command
//! line, where every process of the machine can read it.

use std::{path::PathBuf, time::Duration};

use specfuse_runtime::{
    keepalive,
    tls::{self, ClientTls, ClientTlsFiles, TlsError},
};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::{
    args::AccessArgs,
    key::{self, Key, KeyError},
};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("{url:?} is not a URL such as http://127.0.0.1:7070")]
    Url { url: String },
    #[error("{url}: say with --tls-ca who signed the certificate of the coordinator")]
    NoAuthority { url: String },
    #[error("{url}: --tls-ca is given, so the URL must begin with https://")]
    NotHttps { url: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A coordinator and what it asks of its clients.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// As it was given.
    pub(crate) url: String,
    endpoint: Endpoint,
    tls: Option<ClientTls>,
    /// "Bearer KEY"; it is sensitive: not shown and not kept by the transport.
    authorization: Option<MetadataValue<Ascii>>,
}

impl Access {
    /// To a coordinator of our own, on this machine.
    pub(crate) fn local(url: String) -> Result<Self, AccessError> {
        let endpoint = endpoint(&url)?;
        Ok(Self { url, endpoint, tls: None, authorization: None })
    }

    pub(crate) fn given(url: String, args: AccessArgs) -> Result<Self, AccessError> {
        let files = ClientTlsFiles::given(
            ("--tls-ca", args.tls_ca),
            ("--tls-cert", args.tls_cert),
            ("--tls-key", args.tls_key),
        )?;
        let tls = files.map(ClientTls::load).transpose()?;
        let endpoint = endpoint(&url)?;
        match (endpoint.uri().scheme_str() == Some("https"), &tls) {
            (true, None) => return Err(AccessError::NoAuthority { url }),
            (false, Some(_)) => return Err(AccessError::NotHttps { url }),
            (true, Some(_)) | (false, None) => {}
        }
        let authorization = key(args.api_key_file)?.map(|key| authorization(&key)).transpose()?;
        Ok(Self { url, endpoint, tls, authorization })
    }

    /// A call's message with the key beside it.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    /// Connects at the first call. Must be called inside a runtime.
    pub(crate) fn channel(&self) -> Channel {
        tls::channel(self.endpoint.clone(), self.tls.as_ref())
    }
}

fn endpoint(url: &str) -> Result<Endpoint, AccessError> {
    let wrong = || AccessError::Url { url: url.to_owned() };
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let endpoint = Endpoint::from_shared(full).map_err(|_| wrong())?;
    let is_http = matches!(endpoint.uri().scheme_str(), Some("http" | "https"));
    if !is_http || endpoint.uri().host().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    Ok(endpoint
        .connect_timeout(CONNECT_DEADLINE)
        .http2_keep_alive_interval(keepalive::INTERVAL)
        .keep_alive_timeout(keepalive::TIMEOUT))
}

fn key(file: Option<PathBuf>) -> Result<Option<Key>, KeyError> {
    match file {
        Some(file) => Key::from_file("--api-key-file", file).map(Some),
        None => key::coordinators(),
    }
}

fn authorization(key: &Key) -> Result<MetadataValue<Ascii>, KeyError> {
    let mut value: MetadataValue<Ascii> = key.bearer().parse().map_err(|_| key.malformed())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn error_of(url: &str, change: impl Fn(&mut AccessArgs)) -> String {
        let mut args = AccessArgs::default();
        change(&mut args);
        Access::given(url.to_owned(), args).unwrap_err().to_string()
    }

    #[test]
    fn an_address_needs_no_scheme_and_no_other_than_http() {
        for url in ["localhost:7070", "http://[::1]:7070", "http://node-a"] {
            assert!(Access::given(url.to_owned(), AccessArgs::default()).is_ok(), "{url}");
        }
        for url in ["", "ftp://a:1", "a b", "http://"] {
            assert_eq!(error_of(url, |_| {}), format!("{url:?} is not a URL such as http://127.0.0.1:7070"));
        }
    }

    #[test]
    fn tls_needs_somebody_to_trust_and_a_url_that_says_so() {
        let missing = error_of("https://a:1", |_| {});
        assert_eq!(missing, "https://a:1: say with --tls-ca who signed the certificate of the coordinator");
        let none = PathBuf::from("/no/such/file");
        assert!(error_of("https://a:1", |args| args.tls_ca = Some(none.clone())).contains("--tls-ca /no/such/file"));
        assert_eq!(error_of("https://a:1", |args| args.tls_cert = Some(none.clone())), "--tls-cert needs --tls-key");
    }

    #[test]
    fn a_key_is_read_from_its_file_and_shown_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "s3cret\n").unwrap();
        let args = AccessArgs { api_key_file: Some(file), ..AccessArgs::default() };
        let access = Access::given("localhost:1".to_owned(), args).unwrap();
        assert!(!format!("{access:?}").contains("s3cret"), "{access:?}");
        assert_eq!(access.authorization.unwrap().to_str().unwrap(), "Bearer s3cret");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        for text in ["", "\n", "two s3cret", "two\ns3cret", "s3crét", &"s3cret".repeat(2000)] {
            fs::write(&file, text).unwrap();
            let error = error_of("localhost:1", |args| args.api_key_file = Some(file.clone()));
            assert!(error.ends_with("one line of up to 8192 visible ASCII characters"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        let none = error_of("localhost:1", |args| args.api_key_file = Some("/no/such/file".into()));
        assert_eq!(none, "--api-key-file /no/such/file: cannot be read");
    }
}
