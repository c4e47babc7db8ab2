//! What every binary of a cluster needs: a way to stop, a word on how things stand, and a parent to obey.
//!
//! - [`admin`]: a port for whoever runs a server
//! - [`discovery`]: who serves
//! - [`keepalive`]: how soon a vanished peer is noticed
//! - [`message`]: what is said when something fails
//! - [`process`]: what the operating system says of us
//! - [`propagation`]: one trace from caller to callee
//! - [`shutdown`]: one token that ends everything, and who sets it
//! - [`tls`]: connections, encrypted or not, of our ports and to others'
//! - [`telemetry`]: logs and traces
//! - [`supervised`]: being a child process: announce on standard output, stop when standard input closes

pub mod admin;
pub mod discovery;
pub mod keepalive;
pub mod message;
pub mod process;
pub mod propagation;
pub mod shutdown;
pub mod supervised;
pub mod telemetry;
pub mod tls;
