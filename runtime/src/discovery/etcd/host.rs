//! A real etcd for tests: started on free ports, killed and started again on the same ones, gone with the value.

use std::{net::TcpListener, path::PathBuf, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{EtcdConfig, config::DiscoveryArgs};
use crate::tls::certificates::{Authority, Validity, write};

/// Generous: many start at once on few cores.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

pub(super) struct Host {
    folder: TempDir,
    ports: [u16; 2],
    tls: Option<Authority>,
    child: Option<Child>,
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
            assert!(!is_ci(), "there is no etcd on this machine");
            eprintln!("\n*** SKIPPED: there is no etcd on this machine ***\n");
            return None;
        }
        let ports = [free_port(), free_port()];
        let mut host = Self { folder: tempfile::tempdir().unwrap(), ports, tls, child: None };
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
        let [client, peer] = self.ports;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let (client, peer) = (format!("{scheme}://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let mut command = Command::new("etcd");
        command.args(["--logger", "zap", "--name", "one", "--initial-cluster", &format!("one={peer}")]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.arg("--data-dir").arg(self.folder.path().join("data"));
        if let Some(authority) = &self.tls {
            let issued = authority.issue("etcd", "127.0.0.1", Validity::Now).unwrap();
            command.arg("--cert-file").arg(issued.cert).arg("--key-file").arg(issued.key);
            command.arg("--trusted-ca-file").arg(&authority.ca).arg("--client-cert-auth");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.child = Some(command.spawn().unwrap());
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
        self.child.take().unwrap().kill().await.unwrap();
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub(super) async fn freeze(&self) {
        let process = self.child.as_ref().and_then(Child::id).unwrap();
        let sent = Command::new("sh").args(["-c", &format!("kill -STOP {process}")]).status().await.unwrap();
        assert!(sent.success(), "{sent}");
    }

    pub(super) fn forget_everything(&self) {
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment alone")]
fn is_ci() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}
