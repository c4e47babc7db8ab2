use std::{net::SocketAddr, path::Path, time::Duration};

use futures::{StreamExt as _, future::BoxFuture};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};
use tonic::{
    Code, Request, Status,
    codegen::http,
    transport::{Endpoint, Server},
};

use super::{
    certificates::{Authority, Pair, Validity, write},
    *,
};

const DEADLINE: Duration = Duration::from_secs(20);
/// After which new files are noticed.
const NOTICED: Duration = Duration::from_millis(1100);

/// A port that answers every call with UNIMPLEMENTED: whoever hears that has come through.
struct Port {
    address: SocketAddr,
    _server: JoinSet<()>,
}

async fn port(tls: Option<ServerTls>) -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let routes = tonic::service::Routes::default();
        Server::builder().add_routes(routes).serve_with_incoming(serve(listener, tls)).await.unwrap();
    });
    Port { address, _server: server }
}

async fn call_on(channel: tonic::transport::Channel) -> Status {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/nobody/Nothing");
    let call = client.unary::<(), (), _>(Request::new(()), path, Nothing);
    tokio::time::timeout(DEADLINE, call).await.unwrap().unwrap_err()
}

async fn call(url: String, tls: Option<&ClientTls>) -> Status {
    let endpoint = Endpoint::from_shared(url).unwrap().connect_timeout(DEADLINE);
    call_on(channel(endpoint, tls)).await
}

fn server(pair: &Pair, client_ca: Option<&Authority>) -> ServerTlsArgs {
    ServerTlsArgs {
        tls_cert: Some(pair.cert.clone()),
        tls_key: Some(pair.key.clone()),
        tls_client_ca: client_ca.map(|authority| authority.ca.clone()),
    }
}

fn client(authority: &Authority, shows: Option<&Pair>) -> ClientTls {
    let (cert, key) = (shows.map(|pair| pair.cert.clone()), shows.map(|pair| pair.key.clone()));
    let files = ClientTlsFiles::given(("--ca", Some(authority.ca.clone())), ("--cert", cert), ("--key", key));
    ClientTls::load(files.unwrap().unwrap()).unwrap()
}

/// Authorities whose files last as long as the folder.
fn authorities<const N: usize>(names: [&str; N]) -> (TempDir, [Authority; N]) {
    let folder = tempfile::tempdir().unwrap();
    let authorities = names.map(|name| Authority::new(folder.path(), name).unwrap());
    (folder, authorities)
}

fn copy(from: &Path, to: &Path) {
    write(to, &std::fs::read_to_string(from).unwrap()).unwrap();
}

fn came_through(status: &Status) -> bool {
    status.code() == Code::Unimplemented
}

#[tokio::test]
async fn a_port_is_called_as_it_speaks() {
    let (_folder, [ca]) = authorities(["ours"]);
    let issued = ca.issue("server", "127.0.0.1", Validity::Now).unwrap();
    let secure = port(server(&issued, None).load().unwrap()).await;
    let plain = port(None).await;
    let tls = client(&ca, None);

    let answered = call(format!("https://{}", secure.address), Some(&tls)).await;
    assert!(came_through(&answered), "{answered:?}");
    let answered = call(format!("http://{}", plain.address), None).await;
    assert!(came_through(&answered), "{answered:?}");

    for (url, tls) in [
        (format!("http://{}", secure.address), None),
        (format!("http://{}", secure.address), Some(&tls)),
        (format!("https://{}", secure.address), None),
        (format!("https://{}", plain.address), Some(&tls)),
        (format!("https://{}", plain.address), None),
        (format!("http://{}", plain.address), Some(&tls)),
    ] {
        let refused = call(url.clone(), tls).await;
        assert!(!came_through(&refused), "{url} {tls:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_is_not_called() {
    let (_folder, [ca, stranger]) = authorities(["ours", "a stranger"]);
    for issued in [
        ca.issue("server", "127.0.0.1", Validity::Expired),
        ca.issue("server", "elsewhere.example", Validity::Now),
        stranger.issue("server", "127.0.0.1", Validity::Now),
    ] {
        let port = port(server(&issued.unwrap(), None).load().unwrap()).await;
        let refused = call(format!("https://{}", port.address), Some(&client(&ca, None))).await;
        assert!(!came_through(&refused), "{refused:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_known_is_refused_where_certificates_are_asked_for() {
    let (_folder, [ca, stranger]) = authorities(["ours", "a stranger"]);
    let issued = ca.issue("server", "localhost", Validity::Now).unwrap();
    let port = port(server(&issued, Some(&ca)).load().unwrap()).await;
    let url = || format!("https://localhost:{}", port.address.port());
    let known = ca.issue("known", "a client", Validity::Now).unwrap();
    let answered = call(url(), Some(&client(&ca, Some(&known)))).await;
    assert!(came_through(&answered), "{answered:?}");
    let unknown = stranger.issue("unknown", "a client", Validity::Now).unwrap();
    let expired = ca.issue("expired", "a client", Validity::Expired).unwrap();
    for shown in [None, Some(&unknown), Some(&expired)] {
        let refused = call(url(), Some(&client(&ca, shown))).await;
        assert!(!came_through(&refused), "{refused:?}");
    }
}

#[tokio::test]
async fn new_files_are_used_by_new_connections_and_broken_ones_are_not() {
    let (_folder, [old, new]) = authorities(["old", "new"]);
    let issued = old.issue("server", "127.0.0.1", Validity::Now).unwrap();
    let next = new.issue("next", "127.0.0.1", Validity::Now).unwrap();
    let port = port(server(&issued, None).load().unwrap()).await;
    let url = || format!("https://{}", port.address);
    let (trusts_old, trusts_new) = (client(&old, None), client(&new, None));
    let kept = channel(Endpoint::from_shared(url()).unwrap(), Some(&trusts_old));
    assert!(came_through(&call_on(kept.clone()).await));

    copy(&next.cert, &issued.cert);
    tokio::time::sleep(NOTICED).await;
    let answered = call(url(), Some(&trusts_old)).await;
    assert!(came_through(&answered), "half a pair is not used: {answered:?}");

    copy(&next.key, &issued.key);
    tokio::time::sleep(NOTICED).await;
    let answered = call(url(), Some(&trusts_new)).await;
    assert!(came_through(&answered), "{answered:?}");
    assert!(!came_through(&call(url(), Some(&trusts_old)).await));
    assert!(came_through(&call_on(kept).await), "a connection stays what it was");

    copy(&new.ca, &old.ca);
    tokio::time::sleep(NOTICED).await;
    let answered = call(url(), Some(&trusts_old)).await;
    assert!(came_through(&answered), "clients read their files again too: {answered:?}");
}

#[tokio::test]
async fn peers_that_say_nothing_hold_up_nobody() {
    let (_folder, [ca]) = authorities(["ours"]);
    let issued = ca.issue("server", "127.0.0.1", Validity::Now).unwrap();
    let tls = client(&ca, None);
    for (secure, scheme) in [(true, "https"), (false, "http")] {
        let server = server(&issued, None).load().unwrap();
        let port = port(server.filter(|_| secure)).await;
        let silent = (0..40).map(|_| TcpStream::connect(port.address));
        let mut silent = futures::future::try_join_all(silent).await.unwrap();
        silent[0].write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let answered = call(format!("{scheme}://{}", port.address), Some(&tls).filter(|_| secure)).await;
        assert!(came_through(&answered), "{answered:?}");
        let ended = tokio::time::timeout(DEADLINE, silent[1].read(&mut [0; 1024])).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
}

#[tokio::test]
async fn more_silent_peers_than_there_are_places_hold_up_nobody() {
    let port = port(None).await;
    let (mut silent, begun) = (Vec::new(), Instant::now());
    for _ in 0..300 {
        silent.push(TcpStream::connect(port.address).await.unwrap());
    }
    let answered = call(format!("http://{}", port.address), None).await;
    assert!(came_through(&answered), "{answered:?}");
    let ended = tokio::time::timeout(DEADLINE, silent[0].read(&mut [0; 1024])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "places were waited for: {:?}", begun.elapsed());
    let last = silent.last_mut().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), last.read(&mut [0])).await.is_err(), "the newest stay");
}

/// How the second connection of one client comes about.
async fn comes_again(port: &Port, config: &Arc<rustls::ClientConfig>) -> Option<rustls::HandshakeKind> {
    let mut kind = None;
    for _ in 0..2 {
        let stream = TcpStream::connect(port.address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap();
        kind = stream.get_ref().1.handshake_kind();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        // What the session is resumed by comes before it.
        tokio::time::timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap();
    }
    kind
}

#[tokio::test]
async fn a_client_shows_its_certificate_at_every_connection() {
    let (_folder, [ca]) = authorities(["ours"]);
    let issued = ca.issue("server", "127.0.0.1", Validity::Now).unwrap();
    let known = ca.issue("known", "a client", Validity::Now).unwrap();
    let pem = |path: &Path| std::fs::read(path).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem(&ca.ca)).unwrap()).unwrap();
    for version in rustls::ALL_VERSIONS {
        let builder = rustls::ClientConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots.clone());
        let cert = CertificateDer::from_pem_slice(&pem(&known.cert)).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem(&known.key)).unwrap();
        let mut config = builder.with_client_auth_cert(vec![cert], key).unwrap();
        config.alpn_protocols = vec![ALPN.to_vec()];
        let config = Arc::new(config);
        let mutual = port(server(&issued, Some(&ca)).load().unwrap()).await;
        assert_eq!(comes_again(&mutual, &config).await, Some(rustls::HandshakeKind::Full), "{version:?}");
        let open = port(server(&issued, None).load().unwrap()).await;
        assert_eq!(comes_again(&open, &config).await, Some(rustls::HandshakeKind::Resumed), "{version:?}");
    }
}

#[tokio::test]
async fn a_stream_of_connections_goes_on_after_a_bad_one() {
    let (_folder, [ca]) = authorities(["ours"]);
    let issued = ca.issue("server", "127.0.0.1", Validity::Now).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = Box::pin(serve(listener, server(&issued, None).load().unwrap()));
    let mut bad = TcpStream::connect(address).await.unwrap();
    bad.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let tls = client(&ca, None);
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    let mut calls = JoinSet::new();
    calls.spawn(async move { call_on(channel(endpoint, Some(&tls))).await });
    let next: BoxFuture<'_, _> = Box::pin(connections.next());
    let taken = tokio::time::timeout(DEADLINE, next).await.unwrap();
    assert!(matches!(taken, Some(Ok(Connection::Tls(_)))), "{taken:?}");
}

#[test]
fn flags_that_give_no_tls_are_refused_by_name() {
    let (folder, [ca]) = authorities(["ours"]);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        write(&path, text).unwrap();
        Some(path)
    };
    let pair = ca.issue("one", "one", Validity::Now).unwrap();
    let other = Some(ca.issue("other", "other", Validity::Now).unwrap().key);
    let text = std::fs::read_to_string(&pair.cert).unwrap();
    let good = || server(&pair, Some(&ca));
    let (missing, empty) = (Some(folder.path().join("none")), file("empty", ""));
    let cut = file("cut", &text[..text.len() / 2]);
    let nonsense = file("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(ServerTlsArgs::default().load().unwrap().is_none());
    for (args, expected) in [
        (ServerTlsArgs { tls_key: None, ..good() }, "--tls-cert needs --tls-key"),
        (ServerTlsArgs { tls_cert: None, ..good() }, "--tls-key needs --tls-cert"),
        (ServerTlsArgs { tls_cert: None, tls_key: None, ..good() }, "--tls-client-ca needs --tls-cert"),
        (ServerTlsArgs { tls_key: missing, ..good() }, "--tls-key /none cannot be read"),
        (ServerTlsArgs { tls_cert: empty.clone(), ..good() }, "--tls-cert /empty holds no certificate in PEM"),
        (ServerTlsArgs { tls_key: empty.clone(), ..good() }, "--tls-key /empty holds no private key in PEM"),
        (ServerTlsArgs { tls_client_ca: empty, ..good() }, "--tls-client-ca /empty holds no certificate in PEM"),
        (ServerTlsArgs { tls_cert: cut, ..good() }, "--tls-cert /cut is not PEM"),
        (ServerTlsArgs { tls_client_ca: nonsense, ..good() }, "--tls-client-ca /nonsense cannot be used"),
        (ServerTlsArgs { tls_key: other, ..good() }, "--tls-key /other.key is not the key of --tls-cert /one.pem"),
    ] {
        let error = args.load().unwrap_err().to_string();
        assert_eq!(error.replace(&*folder.path().to_string_lossy(), ""), expected);
    }
    let path = || file("file", "");
    let given = |ca, cert, key| ClientTlsFiles::given(("--ca", ca), ("--cert", cert), ("--key", key));
    assert!(given(None, None, None).unwrap().is_none());
    assert_eq!(given(None, path(), path()).unwrap_err().to_string(), "--cert needs --ca");
    assert_eq!(given(path(), path(), None).unwrap_err().to_string(), "--cert needs --key");
    assert_eq!(given(path(), None, path()).unwrap_err().to_string(), "--key needs --cert");
}

/// A codec for messages without content.
#[derive(Default)]
struct Nothing;

impl tonic::codec::Codec for Nothing {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for Nothing {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut tonic::codec::EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl tonic::codec::Decoder for Nothing {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, _: &mut tonic::codec::DecodeBuf<'_>) -> Result<Option<()>, Status> {
        Ok(Some(()))
    }
}
