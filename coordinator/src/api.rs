//! The public contract: what comes in is validated here, what goes out gets its status code here.
//!
//! - `intake`: from a request to its answer, whatever protocol it came by
//! - `grpc`: EnsembleService; `http`: OpenAI's interface, and the console
//! - `validate`, `error`: what is refused, and how that is told

mod error;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod intake;
mod validate;
