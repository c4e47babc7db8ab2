//! Who serves: what a worker says of itself before it is asked, and the list of all who do. Values only: where a list comes
//! from is the discovery service's or the configuration's affair.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A worker's entry, as JSON under its instance id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// Chosen at the process's start, as in Describe.
    pub instance: String,
    /// URL: `http://host:port`, or `https://` where the worker speaks TLS.
    pub address: String,
    /// The member's name.
    pub model: String,
    pub family: String,
    /// Tokens.
    pub context_length: u32,
    pub capabilities: Vec<String>,
    /// Version of the worker.
    pub build: String,
    /// RFC 3339, in UTC.
    pub started_at: String,
}

/// A worker that may serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// URL.
    pub address: Arc<str>,
    /// None where the list is configured: then nobody knows before asking.
    pub record: Option<Arc<WorkerRecord>>,
}

/// All workers that may serve: of a configured list in its order, else in the order of their instance ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    pub workers: Vec<Listed>,
}

#[cfg(test)]
mod fuzz;
