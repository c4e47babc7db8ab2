//! A real etcd: its own folder and ports, stopped and started again at will, and gone when the value is dropped.
//!
//! It runs below a shell that kills it as soon as its standard input closes: no etcd outlives a test, however that ends.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, ChildStdin},
};

use crate::{
    installed::installed,
    network::Host,
    prerequisite::missing,
    process::{DEADLINE, wait_a_little},
};

const POLL: Duration = Duration::from_millis(20);
/// Kills its child when it is told to, or when nobody is left to tell it, and ends with it.
const KEEPER: &str = r#"exec 3<&0; "$@" & etcd=$!; { read -r _ <&3; kill -KILL $etcd; } & wait $etcd"#;
/// Not etcd's own: no test must meet a server that is none of its own.
const CLIENT_PORT: u16 = 12_379;
const PEER_PORT: u16 = 12_380;
/// An election of one need not take a second, and tests need not wait for the disk more than they must.
const QUICK: [&str; 4] = ["--heartbeat-interval", "20", "--election-timeout", "200"];

#[derive(Debug)]
pub struct Etcd {
    /// Where clients call.
    pub address: SocketAddr,
    host: Host,
    arguments: Vec<String>,
    /// Ends before the folder goes.
    keeper: Option<Keeper>,
    folder: TempDir,
}

/// The shell, and the pipe that it hangs on: waiting for a child would close its own.
#[derive(Debug)]
struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Etcd {
    /// Starts one and waits until it serves. None: it is not installed, and the test is skipped, having said so.
    ///
    /// # Panics
    /// Where it is not installed and `CI=true`.
    pub async fn start(host: &Host) -> Result<Option<Self>> {
        Self::with(host, "http", &[]).await
    }

    /// Likewise, with a scheme for clients and more flags: "https" and what it needs.
    pub async fn with(host: &Host, scheme: &str, flags: &[&str]) -> Result<Option<Self>> {
        if !installed("etcd") {
            missing("no etcd");
            return Ok(None);
        }
        // etcd takes no port 0; a host has its address for itself.
        let client = SocketAddr::from((host.address, CLIENT_PORT));
        let peer = SocketAddr::from((host.address, PEER_PORT));
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data").display().to_string();
        let (client_url, peer_url) = (format!("{scheme}://{client}"), format!("http://{peer}"));
        let cluster = format!("default={peer_url}");
        let own = [
            ["--data-dir", &data],
            ["--listen-client-urls", &client_url],
            ["--advertise-client-urls", &client_url],
            ["--listen-peer-urls", &peer_url],
            ["--initial-advertise-peer-urls", &peer_url],
            ["--initial-cluster", &cluster],
            ["--log-outputs", "stderr"],
            ["--logger", "zap"],
        ];
        let arguments = own.as_flattened().iter().chain(&QUICK).chain(flags).map(|&flag| flag.to_owned()).collect();
        let host = host.clone();
        let mut etcd = Self { address: client, host, arguments, folder, keeper: None };
        etcd.resume().await?;
        Ok(Some(etcd))
    }

    /// For `--discovery`.
    pub fn url(&self) -> String {
        format!("etcd://{}", self.address)
    }

    /// SIGKILL; what it had promised to keep is on the disk.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut keeper) = self.keeper.take() {
            keeper.pipe = None;
            tokio::time::timeout(DEADLINE, keeper.shell.wait()).await.context("etcd does not end")??;
        }
        Ok(())
    }

    /// Starts it again, with the same ports and data.
    pub async fn resume(&mut self) -> Result<()> {
        self.kill().await?;
        let log = self.folder.path().join("log");
        let mut command = self.host.command(Path::new("sh"));
        command.args(["-c", KEEPER, "sh", "etcd"]).args(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let mut shell = command.spawn()?;
        let pipe = shell.stdin.take();
        let Keeper { shell, .. } = self.keeper.insert(Keeper { shell, pipe });
        let serves = tokio::select! {
            served = tokio::time::timeout(DEADLINE, serving(self.address)) => served.is_ok(),
            _ = shell.wait() => false,
        };
        if serves {
            return Ok(());
        }
        bail!("etcd does not serve: {}", fs::read_to_string(&log)?);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        wait_a_little(&mut self.shell);
    }
}

/// It listens for clients only once it has a leader.
async fn serving(address: SocketAddr) {
    while TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(POLL).await;
    }
}
