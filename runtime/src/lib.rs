//! What every binary of a cluster needs: a way to stop, a log, and a parent to obey.
//!
//! - [`discovery`]: who serves
//! - [`keepalive`]: how soon a vanished peer is noticed
//! - [`message`]: what is said when something fails
//! - [`shutdown`]: one token that ends everything, and who sets it
//! - [`tls`]: connections, encrypted or not, of our ports and to others'
//! - [`telemetry`]: structured logs on standard error
//! - [`supervised`]: being a child process: announce on standard output, stop when standard input closes

pub mod discovery;
pub mod keepalive;
pub mod message;
pub mod shutdown;
pub mod supervised;
pub mod telemetry;
pub mod tls;
