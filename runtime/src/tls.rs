//! TLS on every hop, from PEM files that may change while we run: [`serve`] for a port of ours, [`channel`] for another's.
//!
//! Both ends speak HTTP/2, a port that says so HTTP/1.1 too. Nothing falls back to plaintext: a port with TLS takes nothing else, and an `https` address is
//! never called without it. One crypto provider, given explicitly, so that no process-wide default is needed.

mod client;
mod connection;
mod files;
mod server;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use self::{
    client::{ClientTls, ClientTlsFiles, FileFlag, channel},
    connection::Connection,
    files::{PemFile, TlsError},
    server::{ServerTls, ServerTlsArgs, serve},
};

const ALPN: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
#[path = "../../tests/src/certificates.rs"]
#[expect(unreachable_pub, reason = "the integration tests' too")]
pub(crate) mod certificates;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
