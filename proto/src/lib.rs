//! The contract between clients, coordinators and workers: generated code and nothing else.
//!
//! Sources: `specfuse/v1/*.proto`. Wire types stop at the edges of the other crates.

/// Version 1 of the contract.
pub mod v1 {
    tonic::include_proto!("specfuse.v1");
}

/// The encoded `FileDescriptorSet` of the contract, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/specfuse.bin"));
