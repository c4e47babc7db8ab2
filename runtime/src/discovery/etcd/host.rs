//! A real etcd for tests: at an address of its own, killed and started again there, gone with the value.
//!
//! It runs below a shell that kills it as soon as its standard input closes: none outlives a test, however that ends.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command},
};

use super::{EtcdConfig, config::DiscoveryArgs};
use crate::tls::certificates::{Authority, Validity, write};

#[path = "../../../../tests/src/prerequisite.rs"]
#[expect(unreachable_pub, reason = "the integration tests' too")]
mod prerequisite;

/// Generous: many start at once on few cores.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// Sends its child the signals that it is told, and SIGKILL when nobody is left to tell it; ends with it.
const KEEPER: &str = r#"exec 3<&0; "$@" >/dev/null & etcd=$!
{ while read -r signal; do kill -$signal $etcd; echo; done <&3; kill -KILL $etcd; } & wait $etcd"#;

pub(super) struct Host {
    /// Before the folder: first it ends, then its files go.
    keeper: Option<Keeper>,
    folder: TempDir,
    /// For clients, and for other members.
    addresses: [SocketAddr; 2],
    tls: Option<Authority>,
}

/// The shell, and the pipe that it hangs on: waiting for a child would close its own.
struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        for _ in 0..200 {
            if !matches!(self.shell.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Host {
    /// None: there is no etcd on this machine, and the test is skipped, having said so.
    ///
    /// # Panics
    /// When there is none and `CI=true`.
    pub(super) async fn start() -> Option<Self> {
        Self::begin(None).await
    }

    /// Speaks TLS only, and takes only clients with a certificate of this authority.
    pub(super) async fn start_with_tls(authority: Authority) -> Option<Self> {
        Self::begin(Some(authority)).await
    }

    async fn begin(tls: Option<Authority>) -> Option<Self> {
        let there = Command::new("etcd").arg("--version").stdout(Stdio::null()).status().await;
        if there.is_err() {
            prerequisite::missing("no etcd");
            return None;
        }
        let mut host = Self { keeper: None, folder: tempfile::tempdir().unwrap(), addresses: own_addresses(), tls };
        host.up().await;
        Some(host)
    }

    pub(super) async fn up(&mut self) {
        self.up_without_waiting();
        if self.tls.is_none() {
            self.wait().await;
        }
    }

    pub(super) fn up_without_waiting(&mut self) {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let [client, peer] = self.addresses;
        let (client, peer) = (format!("{scheme}://{client}"), format!("http://{peer}"));
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh", "etcd"]);
        command.args(["--logger", "zap", "--name", "one", "--initial-cluster", &format!("one={peer}")]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.arg("--data-dir").arg(self.folder.path().join("data"));
        if let Some(authority) = &self.tls {
            let issued = authority.issue("etcd", &self.addresses[0].ip().to_string(), Validity::Now).unwrap();
            command.arg("--cert-file").arg(issued.cert).arg("--key-file").arg(issued.key);
            command.arg("--trusted-ca-file").arg(&authority.ca).arg("--client-cert-auth");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn().unwrap();
        let pipe = shell.stdin.take();
        self.keeper = Some(Keeper { shell, pipe });
    }

    async fn wait(&self) {
        let serving = async {
            loop {
                if let Ok(mut client) = etcd_client::Client::connect([self.address()], None).await
                    && client.get("any", None).await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DEADLINE, Box::pin(serving)).await.unwrap();
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self) {
        let mut keeper = self.keeper.take().unwrap();
        keeper.pipe = None;
        tokio::time::timeout(DEADLINE, keeper.shell.wait()).await.unwrap().unwrap();
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub(super) async fn freeze(&mut self) {
        let Keeper { shell, pipe } = self.keeper.as_mut().unwrap();
        pipe.as_mut().unwrap().write_all(b"STOP\n").await.unwrap();
        shell.stdout.as_mut().unwrap().read_u8().await.unwrap();
    }

    pub(super) fn forget_everything(&self) {
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    pub(super) fn address(&self) -> String {
        self.addresses[0].to_string()
    }

    pub(super) async fn client(&self) -> etcd_client::Client {
        etcd_client::Client::connect([self.address()], None).await.unwrap()
    }

    pub(super) fn args(&self) -> DiscoveryArgs {
        DiscoveryArgs {
            discovery: Some(format!("etcd://{}", self.address())),
            cluster: "test".to_owned(),
            discovery_ca: None,
            discovery_cert: None,
            discovery_key: None,
            discovery_password_file: None,
        }
    }

    pub(super) fn config(&self) -> EtcdConfig {
        self.args().check().unwrap().unwrap()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Option<PathBuf> {
        let path = self.folder.path().join(name);
        write(&path, text).unwrap();
        Some(path)
    }
}

/// etcd takes no port 0, and a port that was free a moment ago may be anybody's: no other process has this address.
fn own_addresses() -> [SocketAddr; 2] {
    static PORTS: AtomicU16 = AtomicU16::new(12_379);
    let [.., high, low] = std::process::id().to_be_bytes();
    [(); 2].map(|()| (Ipv4Addr::new(127, 214, high, low), PORTS.fetch_add(1, Relaxed)).into())
}
