//! What every binary of a cluster needs: a way to stop, a log, and a parent to obey.
//!
//! - [`discovery`]: who serves
//! - [`message`]: what is said when something fails
//! - [`shutdown`]: one token that ends everything, and who sets it
//! - [`telemetry`]: structured logs on standard error
//! - [`supervised`]: being a child process: announce on standard output, stop when standard input closes

pub mod discovery;
pub mod message;
pub mod shutdown;
pub mod supervised;
pub mod telemetry;
