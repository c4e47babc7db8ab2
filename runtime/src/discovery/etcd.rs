//! etcd as the place where workers register and coordinators look: one key for each worker, under a lease.
//!
//! etcd is never needed for a call: while it is away the list stays what it was, and workers go on serving. Nothing here is
//! fatal after the start: what is lost is tried again, at the next endpoint, for as long as the process lives.

mod attempts;
mod config;
mod connector;
mod registration;
mod watch;

pub use self::{
    config::{DiscoveryArgs, DiscoveryError, EtcdConfig},
    registration::{Registration, register},
    watch::watch,
};

#[cfg(test)]
mod host;
#[cfg(test)]
mod tests;
