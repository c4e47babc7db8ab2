//! The hosts of a test: addresses of this machine's loopback, or network namespaces behind a bridge, which can be cut off.
//!
//! A host that is cut off says nothing any more: packets to it and from it vanish, and no connection is reset. That is what
//! a machine without power or a broken cable looks like; a killed process looks otherwise, for its kernel still answers.
//! No host has a route to anywhere but its neighbours. Everything is gone when the value is dropped; what a killed run left
//! is removed by the next one.

use std::{
    fs::File,
    io::Write,
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{installed::installed, prerequisite::missing};

/// Networks at the same time on one machine.
const NETWORKS: u8 = 250;

#[derive(Debug)]
pub struct Network {
    pub hosts: Vec<Host>,
    /// None: the loopback.
    _bridge: Option<Bridge>,
    /// The number is ours as long as this file is locked.
    _claim: File,
}

/// Where processes of a test live.
#[derive(Clone, Debug)]
pub struct Host {
    pub address: Ipv4Addr,
    wire: Option<Wire>,
}

/// How a namespace hangs on the bridge.
#[derive(Clone, Debug)]
struct Wire {
    namespace: String,
    /// The end in this machine's own namespace.
    plug: String,
    bridge: String,
}

#[derive(Debug)]
struct Bridge {
    name: String,
    number: u8,
    namespaces: Vec<String>,
}

impl Network {
    /// Hosts that share this machine's network: nobody else uses their addresses, and they cannot be cut off.
    pub fn on_loopback(hosts: u8) -> Result<Self> {
        let (number, claim) = claim()?;
        let host = |host| Host { address: Ipv4Addr::new(127, 213, number, host), wire: None };
        Ok(Self { hosts: (2..hosts + 2).map(host).collect(), _bridge: None, _claim: claim })
    }

    /// Hosts that can be cut off. None: this machine does not let us, and the test is skipped, having said so.
    ///
    /// # Panics
    /// Where that is so and `CI=true`.
    pub fn of_namespaces(hosts: u8) -> Result<Option<Self>> {
        if !installed("ip") {
            missing("no ip (iproute2)");
            return Ok(None);
        }
        if !Path::new("/proc/self").metadata().is_ok_and(|owner| std::os::unix::fs::MetadataExt::uid(&owner) == 0) {
            missing("only root can make network namespaces");
            return Ok(None);
        }
        let (number, claim) = claim()?;
        let mut bridge = Bridge { name: format!("specfuse{number}"), number, namespaces: Vec::new() };
        // Root in a container may still not be allowed to.
        let trial = format!("{}-trial", bridge.name);
        if let Err(refusal) = ip(&[], &format!("netns add {trial}\nnetns delete {trial}")) {
            missing(&format!("no network namespaces: {refusal}"));
            return Ok(None);
        }
        bridge.clear_leftovers()?;
        bridge.raise()?;
        let hosts = (2..hosts + 2).map(|host| bridge.attach(host, hosts)).collect::<Result<_>>()?;
        Ok(Some(Self { hosts, _bridge: Some(bridge), _claim: claim }))
    }
}

impl Host {
    /// A command that runs on this host.
    pub(crate) fn command(&self, program: &Path) -> tokio::process::Command {
        match &self.wire {
            None => tokio::process::Command::new(program),
            Some(wire) => {
                let mut command = tokio::process::Command::new("ip");
                command.args(["netns", "exec", &wire.namespace]).arg(program);
                command
            }
        }
    }

    /// Cuts the host off: every packet to it and from it is dropped, silently.
    pub fn cut(&self) -> Result<()> {
        let wire = self.wire.as_ref().context("a host of the loopback cannot be cut off")?;
        ip(&[], &format!("link set {} nomaster", wire.plug))
    }

    pub fn heal(&self) -> Result<()> {
        let wire = self.wire.as_ref().context("a host of the loopback cannot be cut off")?;
        ip(&[], &format!("link set {} master {}", wire.plug, wire.bridge))
    }
}

impl Bridge {
    fn raise(&self) -> Result<()> {
        let Self { name, number, .. } = self;
        let mac = mac(*number, 1);
        let address = address(*number, 1);
        ip(
            &[],
            &format!(
                "link add {name} address {mac} type bridge\naddress add {address}/24 dev {name}\nlink set {name} up"
            ),
        )
    }

    /// Neighbours are entered by hand: asking for one that is cut off would make "no route to host" out of silence.
    fn attach(&mut self, host: u8, hosts: u8) -> Result<Host> {
        let Self { name: bridge, number, .. } = &*self;
        let (namespace, plug) = (format!("{bridge}-{host}"), format!("{bridge}-{host}"));
        let (address, mac) = (address(*number, host), mac(*number, host));
        let outside = format!(
            "netns add {namespace}\n\
             link add {plug} type veth peer name eth0 address {mac} netns {namespace}\n\
             link set {plug} master {bridge} up\n\
             neighbour replace {address} lladdr {mac} nud permanent dev {bridge}"
        );
        let neighbours = (1..hosts + 2).filter(|other| *other != host).map(|other| {
            let (address, mac) = (self::address(*number, other), self::mac(*number, other));
            format!("\nneighbour replace {address} lladdr {mac} nud permanent dev eth0")
        });
        let inside = format!("link set lo up\naddress add {address}/24 dev eth0\nlink set eth0 up");
        let wire = Wire { namespace: namespace.clone(), plug, bridge: bridge.clone() };
        ip(&[], &outside)?;
        ip(&["-netns", &namespace], &(inside + &neighbours.collect::<String>()))?;
        self.namespaces.push(namespace);
        Ok(Host { address, wire: Some(wire) })
    }

    /// What a run left that was killed. Nobody else has this number: its claim is ours.
    fn clear_leftovers(&self) -> Result<()> {
        let listed = output(Command::new("ip").args(["netns", "list"]))?;
        let prefix = format!("{}-", self.name);
        let names = listed.lines().filter_map(|line| line.split_whitespace().next());
        for namespace in names.filter(|name| name.starts_with(&prefix)) {
            for process in output(Command::new("ip").args(["netns", "pids", namespace]))?.lines() {
                // It may be gone already.
                let _ = output(Command::new("kill").args(["-KILL", process]));
            }
            ip(&[], &format!("netns delete {namespace}"))?;
        }
        if Path::new("/sys/class/net").join(&self.name).exists() {
            ip(&[], &format!("link delete {}", self.name))?;
        }
        Ok(())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // A namespace's wire goes with it. What fails here is left to the next run.
        for namespace in &self.namespaces {
            let _ = ip(&[], &format!("link delete {namespace}\nnetns delete {namespace}"));
        }
        let _ = ip(&[], &format!("link delete {}", self.name));
    }
}

/// A number that no other test on this machine uses, for as long as the file is open.
fn claim() -> Result<(u8, File)> {
    for number in 1..=NETWORKS {
        // The names are the machine's, so the claims are too, whatever this process calls its folder for temporary files.
        let path = Path::new("/tmp").join(format!("specfuse-network-{number}.lock"));
        // Of another user: taken.
        let Ok(file) = File::options().create(true).append(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            return Ok((number, file));
        }
    }
    anyhow::bail!("all {NETWORKS} networks are taken")
}

fn address(number: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 213, number, host)
}

fn mac(number: u8, host: u8) -> String {
    format!("02:53:46:00:{number:02x}:{host:02x}")
}

/// Runs a batch of `ip` commands, up to the first that fails.
fn ip(options: &[&str], batch: &str) -> Result<()> {
    let mut child = Command::new("ip")
        .args(options)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no standard input")?.write_all(batch.as_bytes())?;
    let done = child.wait_with_output()?;
    ensure!(done.status.success(), "ip: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let done = command.output()?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
