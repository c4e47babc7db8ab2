//! The public contract: what comes in is validated here, what goes out gets its status code here.

mod answer;
mod error;
pub(crate) mod grpc;
mod validate;
