//! Our own port: what shows who we are, who may come, and the connections that have come far enough to be served.
//!
//! A peer that says nothing, or the wrong thing, costs a place among a bounded number for a bounded time, and holds up nobody:
//! where places are short, the one that took longest goes. That is so up to its first byte, or with TLS to the end of the handshake.
//! What stops after that, within HTTP/2's first 24 bytes, is not noticed: such connections are as many as the process may open files.

use std::{collections::VecDeque, io, path::PathBuf, sync::Arc, time::Duration};

use futures::Stream;
use rustls::{
    ServerConfig,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    ALPN, ALPN_HTTP1,
    connection::Connection,
    files::{Identity, PemFile, Reader, Reloaded, Source, TlsError},
    provider,
};

const MAX_GREETINGS: usize = 256;
/// For the handshake; without TLS for the first byte.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);
/// After a connection could not be taken, as when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// The flags of a port's TLS.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerTlsArgs {
    /// Speak TLS on the own port, and nothing else: certificate chain in PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, in PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Take only clients whose certificate one of these signed (mutual TLS): certificates in PEM. Read again when they change.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_TLS_CLIENT_CA")]
    pub tls_client_ca: Option<PathBuf>,
}

impl ServerTlsArgs {
    /// Of a port that speaks HTTP/2 alone. None: it speaks plaintext.
    pub fn load(&self) -> Result<Option<ServerTls>, TlsError> {
        self.load_for(&[ALPN])
    }

    /// Of a port that speaks HTTP/1.1 as well.
    pub fn load_with_http1(&self) -> Result<Option<ServerTls>, TlsError> {
        self.load_for(&[ALPN, ALPN_HTTP1])
    }

    fn load_for(&self, protocols: &'static [&'static [u8]]) -> Result<Option<ServerTls>, TlsError> {
        let flags = ("--tls-cert", "--tls-key", "--tls-client-ca");
        let identity = Identity::given((flags.0, self.tls_cert.clone()), (flags.1, self.tls_key.clone()))?;
        let client_ca = self.tls_client_ca.clone().map(|path| PemFile { flag: flags.2, path });
        match (identity, client_ca) {
            (Some(identity), client_ca) => {
                Ok(Some(ServerTls(Reloaded::load(ServerFiles { identity, client_ca, protocols })?)))
            }
            (None, Some(ca)) => Err(TlsError::Incomplete { given: ca.flag, missing: flags.0 }),
            (None, None) => Ok(None),
        }
    }
}

/// TLS of a port. Clones share it.
#[derive(Clone, Debug)]
pub struct ServerTls(Arc<Reloaded<ServerFiles>>);

#[derive(Debug)]
struct ServerFiles {
    identity: Identity,
    client_ca: Option<PemFile>,
    /// What a client may choose from, the best first.
    protocols: &'static [&'static [u8]],
}

impl Source for ServerFiles {
    type Config = ServerConfig;

    fn build(&self, reader: &mut Reader) -> Result<ServerConfig, TlsError> {
        let resolver = self.identity.build(reader)?;
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let unusable = |file: &PemFile, source| TlsError::Unusable { file: file.clone(), source };
        let builder = builder.map_err(|source| unusable(&self.identity.cert, source.into()))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(reader.roots(ca)?, provider()).build();
                builder.with_client_cert_verifier(verifier.map_err(|source| unusable(ca, source.into()))?)
            }
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.to_vec()).collect();
        if self.client_ca.is_some() {
            // A session that is resumed shows no certificate: who has had one once would come in after it has expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

/// The connections that come, once they are ready to be served. It never ends by itself, and holds no error.
pub fn serve(listener: TcpListener, tls: Option<ServerTls>) -> impl Stream<Item = io::Result<Connection>> + Send {
    let port = Port { listener, tls, greetings: JoinSet::new(), oldest_first: VecDeque::new(), is_failing: false };
    futures::stream::unfold(port, |mut port| async move { Some((Ok(port.next().await), port)) })
}

struct Port {
    listener: TcpListener,
    tls: Option<ServerTls>,
    greetings: JoinSet<Option<Connection>>,
    /// The greetings, by their age.
    oldest_first: VecDeque<AbortHandle>,
    /// The last attempt to take a connection failed.
    is_failing: bool,
}

impl Port {
    async fn next(&mut self) -> Connection {
        loop {
            tokio::select! {
                // First what has ended: places are then counted as they are.
                biased;
                Some(greeted) = self.greetings.join_next() => {
                    if let Ok(Some(connection)) = greeted {
                        return connection;
                    }
                }
                accepted = accept(&self.listener, self.is_failing), if self.greetings.len() <= MAX_GREETINGS => {
                    self.take(accepted);
                }
            }
        }
    }

    fn take(&mut self, accepted: io::Result<TcpStream>) {
        match accepted {
            Ok(stream) => {
                self.is_failing = false;
                self.oldest_first.retain(|greeting| !greeting.is_finished());
                if self.oldest_first.len() >= MAX_GREETINGS
                    && let Some(oldest) = self.oldest_first.pop_front()
                {
                    oldest.abort();
                }
                self.oldest_first.push_back(self.greetings.spawn(greet(stream, self.tls.clone())));
            }
            // The peer's doing, and over.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                tracing::warn!(%error, "cannot take a connection");
            }
            Err(error) => tracing::debug!(%error, "still cannot take a connection"),
        }
    }
}

async fn accept(listener: &TcpListener, is_failing: bool) -> io::Result<TcpStream> {
    if is_failing {
        tokio::time::sleep(PAUSE).await;
    }
    listener.accept().await.map(|(stream, _)| stream)
}

/// None: it is not worth serving.
async fn greet(stream: TcpStream, tls: Option<ServerTls>) -> Option<Connection> {
    let peer = stream.peer_addr().ok();
    let greeted = match timeout(GREETING_TIMEOUT, shake_hands(stream, tls)).await {
        Ok(greeted) => greeted,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    greeted.inspect_err(|error| tracing::debug!(?peer, %error, "a connection came to nothing")).ok()
}

async fn shake_hands(stream: TcpStream, tls: Option<ServerTls>) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let Some(ServerTls(files)) = tls else {
        return match stream.peek(&mut [0]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(Connection::Plain(stream)),
        };
    };
    let stream = TlsAcceptor::from(files.current().await).accept(stream).await?;
    Ok(Connection::Tls(Box::new(stream.into())))
}
