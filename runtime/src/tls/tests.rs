use std::{net::SocketAddr, path::PathBuf, time::Duration};

use futures::{StreamExt as _, future::BoxFuture};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tonic::{
    Code, Request, Status,
    codegen::http,
    transport::{Endpoint, Server},
};

use super::{
    authority::{Authority, Issued, write},
    *,
};

const DEADLINE: Duration = Duration::from_secs(20);

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

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> Option<PathBuf> {
        Some(write(self.0.path(), name, text))
    }

    fn server(&self, issued: &Issued, client_ca: Option<&Authority>) -> ServerTlsArgs {
        ServerTlsArgs {
            tls_cert: self.write("server.pem", &issued.cert),
            tls_key: self.write("server.key", &issued.key),
            tls_client_ca: client_ca.and_then(|ca| self.write("clients.pem", &ca.pem())),
        }
    }

    fn client(&self, ca: &Authority, issued: Option<&Issued>) -> ClientTls {
        let cert = issued.and_then(|issued| self.write("client.pem", &issued.cert));
        let key = issued.and_then(|issued| self.write("client.key", &issued.key));
        let files = ClientTlsFiles::given(("--ca", self.write("ca.pem", &ca.pem())), ("--cert", cert), ("--key", key));
        ClientTls::load(files.unwrap().unwrap()).unwrap()
    }
}

fn came_through(status: &Status) -> bool {
    status.code() == Code::Unimplemented
}

#[tokio::test]
async fn a_port_is_called_as_it_speaks() {
    let (folder, ca) = (Folder::new(), Authority::new("ours"));
    let secure = port(folder.server(&ca.issue("127.0.0.1"), None).load().unwrap()).await;
    let plain = port(None).await;
    let tls = folder.client(&ca, None);

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
    let (folder, ca, stranger) = (Folder::new(), Authority::new("ours"), Authority::new("a stranger"));
    let name = "127.0.0.1";
    let issued = [ca.issue_expired(name), ca.issue("elsewhere.example"), stranger.issue(name)];
    for issued in issued {
        let port = port(folder.server(&issued, None).load().unwrap()).await;
        let refused = call(format!("https://{}", port.address), Some(&folder.client(&ca, None))).await;
        assert!(!came_through(&refused), "{refused:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_known_is_refused_where_certificates_are_asked_for() {
    let (folder, ca, stranger) = (Folder::new(), Authority::new("ours"), Authority::new("a stranger"));
    let port = port(folder.server(&ca.issue("localhost"), Some(&ca)).load().unwrap()).await;
    let url = || format!("https://localhost:{}", port.address.port());
    let answered = call(url(), Some(&folder.client(&ca, Some(&ca.issue("a client"))))).await;
    assert!(came_through(&answered), "{answered:?}");
    for shown in [None, Some(stranger.issue("a client")), Some(ca.issue_expired("a client"))] {
        let refused = call(url(), Some(&folder.client(&ca, shown.as_ref()))).await;
        assert!(!came_through(&refused), "{refused:?}");
    }
}

#[tokio::test]
async fn new_files_are_used_by_new_connections_and_broken_ones_are_not() {
    let (folder, old, new) = (Folder::new(), Authority::new("old"), Authority::new("new"));
    let port = port(folder.server(&old.issue("127.0.0.1"), None).load().unwrap()).await;
    let url = || format!("https://{}", port.address);
    let (trusts_old, other) = (folder.client(&old, None), Folder::new());
    let trusts_new = other.client(&new, None);
    let endpoint = Endpoint::from_shared(url()).unwrap();
    let kept = channel(endpoint, Some(&trusts_old));
    assert!(came_through(&call_on(kept.clone()).await));

    let issued = new.issue("127.0.0.1");
    folder.write("server.pem", &issued.cert);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answered = call(url(), Some(&trusts_old)).await;
    assert!(came_through(&answered), "half a pair is not used: {answered:?}");

    folder.write("server.key", &issued.key);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answered = call(url(), Some(&trusts_new)).await;
    assert!(came_through(&answered), "{answered:?}");
    assert!(!came_through(&call(url(), Some(&trusts_old)).await));
    assert!(came_through(&call_on(kept).await), "a connection stays what it was");

    folder.write("ca.pem", &new.pem());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answered = call(url(), Some(&trusts_old)).await;
    assert!(came_through(&answered), "clients read their files again too: {answered:?}");
}

#[tokio::test]
async fn peers_that_say_nothing_hold_up_nobody() {
    let (folder, ca) = (Folder::new(), Authority::new("ours"));
    let tls = folder.client(&ca, None);
    for (secure, scheme) in [(true, "https"), (false, "http")] {
        let server = folder.server(&ca.issue("127.0.0.1"), None).load().unwrap();
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
async fn a_stream_of_connections_goes_on_after_a_bad_one() {
    let (folder, ca) = (Folder::new(), Authority::new("ours"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = Box::pin(serve(listener, folder.server(&ca.issue("127.0.0.1"), None).load().unwrap()));
    let mut bad = TcpStream::connect(address).await.unwrap();
    bad.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let tls = folder.client(&ca, None);
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    let mut calls = JoinSet::new();
    calls.spawn(async move { call_on(channel(endpoint, Some(&tls))).await });
    let next: BoxFuture<'_, _> = Box::pin(connections.next());
    let taken = tokio::time::timeout(DEADLINE, next).await.unwrap();
    assert!(matches!(taken, Some(Ok(Connection::Tls(_)))), "{taken:?}");
}

#[test]
fn flags_that_give_no_tls_are_refused_by_name() {
    let (folder, ca) = (Folder::new(), Authority::new("ours"));
    let (one, other) = (ca.issue("one"), ca.issue("other"));
    let good = folder.server(&one, Some(&ca));
    let said = |args: ServerTlsArgs| {
        let error = args.load().unwrap_err();
        error.to_string().replace(&*folder.0.path().to_string_lossy(), "")
    };
    assert!(ServerTlsArgs::default().load().unwrap().is_none());
    assert_eq!(said(ServerTlsArgs { tls_key: None, ..good.clone() }), "--tls-cert needs --tls-key");
    assert_eq!(said(ServerTlsArgs { tls_cert: None, ..good.clone() }), "--tls-key needs --tls-cert");
    let only_ca = ServerTlsArgs { tls_cert: None, tls_key: None, ..good.clone() };
    assert_eq!(said(only_ca), "--tls-client-ca needs --tls-cert");
    let missing = Some(folder.0.path().join("none"));
    assert_eq!(said(ServerTlsArgs { tls_key: missing, ..good.clone() }), "--tls-key /none cannot be read");
    let empty = folder.write("empty", "");
    assert_eq!(
        said(ServerTlsArgs { tls_cert: empty.clone(), ..good.clone() }),
        "--tls-cert /empty holds no certificate in PEM"
    );
    assert_eq!(
        said(ServerTlsArgs { tls_key: empty.clone(), ..good.clone() }),
        "--tls-key /empty holds no private key in PEM"
    );
    assert_eq!(
        said(ServerTlsArgs { tls_client_ca: empty, ..good.clone() }),
        "--tls-client-ca /empty holds no certificate in PEM"
    );
    let cut = folder.write("cut", &one.cert[..one.cert.len() / 2]);
    assert_eq!(said(ServerTlsArgs { tls_cert: cut, ..good.clone() }), "--tls-cert /cut is not PEM");
    let nonsense = folder.write("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_eq!(
        said(ServerTlsArgs { tls_client_ca: nonsense, ..good.clone() }),
        "--tls-client-ca /nonsense cannot be used"
    );
    let other = folder.write("other.key", &other.key);
    assert_eq!(
        said(ServerTlsArgs { tls_key: other, ..good }),
        "--tls-key /other.key is not the key of --tls-cert /server.pem"
    );
    let path = || folder.write("file", "");
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
