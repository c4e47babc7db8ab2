//! Another's port: whom we trust there, what we show of ourselves, and a channel that connects when it is needed.

use std::{io, path::PathBuf, sync::Arc};

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::{
    ALPN,
    connection::Connection,
    files::{Identity, PemFile, Reader, Reloaded, Source, TlsError},
    provider,
};

/// A flag's name, such as "--worker-ca", and the file given with it.
pub type FileFlag = (&'static str, Option<PathBuf>);

/// Whom to trust, and what to show where certificates are asked for.
#[derive(Clone, Debug)]
pub struct ClientTlsFiles {
    ca: PemFile,
    identity: Option<Identity>,
}

impl ClientTlsFiles {
    /// None: no TLS. A certificate needs its key, and both need somebody to trust.
    pub fn given(ca: FileFlag, cert: FileFlag, key: FileFlag) -> Result<Option<Self>, TlsError> {
        let identity = Identity::given(cert, key)?;
        match (ca, identity) {
            ((flag, Some(path)), identity) => Ok(Some(Self { ca: PemFile { flag, path }, identity })),
            ((flag, None), Some(identity)) => Err(TlsError::Incomplete { given: identity.cert.flag, missing: flag }),
            ((_, None), None) => Ok(None),
        }
    }
}

/// TLS towards others. Clones share it.
#[derive(Clone, Debug)]
pub struct ClientTls(Arc<Reloaded<ClientTlsFiles>>);

impl ClientTls {
    pub fn load(files: ClientTlsFiles) -> Result<Self, TlsError> {
        Reloaded::load(files).map(Self)
    }
}

impl Source for ClientTlsFiles {
    type Config = ClientConfig;

    fn build(&self, reader: &mut Reader) -> Result<ClientConfig, TlsError> {
        let roots = reader.roots(&self.ca)?;
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let unusable = |source: rustls::Error| TlsError::Unusable { file: self.ca.clone(), source: source.into() };
        let builder = builder.map_err(unusable)?.with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(identity.build(reader)?),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}

/// A channel that connects at its first call, and again after every loss. An address that begins with `https` needs `tls`, and
/// with `tls` no other is called. Must be called inside a runtime: the channel's task lives there.
pub fn channel(endpoint: Endpoint, tls: Option<&ClientTls>) -> Channel {
    let tls = tls.cloned();
    let connect = move |uri: Uri| {
        let tls = tls.clone();
        async move { connect(&uri, tls).await.map(TokioIo::new) }
    };
    endpoint.connect_with_connector_lazy(service_fn(connect))
}

async fn connect(uri: &Uri, tls: Option<ClientTls>) -> io::Result<Connection> {
    let wrong = |why: &'static str| io::Error::new(io::ErrorKind::InvalidInput, why);
    let host = uri.host().ok_or_else(|| wrong("the address has no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_https = uri.scheme_str() == Some("https");
    let tls = match tls {
        Some(tls) if is_https => Some((tls, server_name(host)?)),
        None if !is_https => None,
        Some(_) => return Err(wrong("TLS is on, and the address is not https")),
        None => return Err(wrong("the address is https, and TLS is off")),
    };
    let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let Some((ClientTls(files), name)) = tls else { return Ok(Connection::Plain(stream)) };
    let stream = TlsConnector::from(files.current().await).connect(name, stream).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(ALPN) => Ok(Connection::Tls(Box::new(stream.into()))),
        Some(_) | None => Err(io::Error::new(io::ErrorKind::InvalidData, "the other end does not speak HTTP/2")),
    }
}

fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
