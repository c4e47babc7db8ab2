//! TLS with real processes: each hop takes whom it should and nobody else, and certificates change without a failed call.

mod etcd;
mod matrix;
mod rotation;

use std::path::Path;

use anyhow::{Context, Result};
use specfuse_runtime::tls::{self, ClientTls, ClientTlsFiles};
use specfuse_tests::{certificates::Pair, process::Process};
use tonic::transport::{Channel, Endpoint};

use crate::PROGRAM;

/// Of every process here.
const ADDRESS: &str = "127.0.0.1";

/// A worker of the small llama, with flags of its own.
async fn worker(golden: &Path, flags: &[String]) -> Result<Process> {
    let model = golden.join("models/llama");
    let model = model.to_str().context("the folder's name is not UTF-8")?;
    let own = ["worker", "--model", model, "--listen", "127.0.0.1:0", "--threads", "1"];
    Process::start(Path::new(PROGRAM), &own.into_iter().chain(flags.iter().map(String::as_str)).collect::<Vec<_>>())
        .await
}

/// A coordinator of these workers, whether they can be reached or not. None are listed: it has to discover them.
async fn coordinator(folder: &Path, workers: &[String], flags: &[String]) -> Result<Process> {
    let file = tempfile::NamedTempFile::new_in(folder)?;
    let listed = if workers.is_empty() { String::new() } else { format!("workers = {workers:?}\n") };
    let text = format!("listen = \"127.0.0.1:0\"\n{listed}[ensembles.default]\nmembers = [\"llama\"]\n");
    std::fs::write(file.path(), text)?;
    let path = file.path().to_str().context("the file's name is not UTF-8")?;
    let own = ["coordinator", "--config", path];
    Process::start(Path::new(PROGRAM), &own.into_iter().chain(flags.iter().map(String::as_str)).collect::<Vec<_>>())
        .await
}

/// The flags of a port, or, with the prefix "worker", of whoever calls workers.
fn flags(prefix: &str, pair: Option<&Pair>, ca: Option<(&str, &Path)>) -> Vec<String> {
    let pair = pair.map(|Pair { cert, key }| [("cert", cert.as_path()), ("key", key.as_path())]);
    let files = pair.into_iter().flatten().chain(ca);
    files.flat_map(|(name, file)| [format!("--{prefix}-{name}"), file.display().to_string()]).collect()
}

/// As a client that trusts what `ca` signed, and shows this.
fn client(ca: &Path, shows: Option<&Pair>) -> Result<ClientTls> {
    let (cert, key) = (shows.map(|pair| pair.cert.clone()), shows.map(|pair| pair.key.clone()));
    let files = ClientTlsFiles::given(("--ca", Some(ca.to_owned())), ("--cert", cert), ("--key", key))?;
    Ok(ClientTls::load(files.context("no files")?)?)
}

fn channel(process: &Process, tls: Option<&ClientTls>) -> Result<Channel> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", process.address))?;
    Ok(tls::channel(endpoint.connect_timeout(specfuse_tests::process::DEADLINE), tls))
}
