//! The arithmetic of a decoder on a CPU: slices in, slices out. It knows no tensor, no model and no request.
//!
//! - [`lanes`]: sixteen f32 at a time, with the instructions that the processor has
//! - [`parallel`]: one piece of work for all threads of the pool; [`memory`]: pages for weights and keys
//! - [`matrix`]: weights, packed in their stored format; [`product`]: rows times a matrix
//! - [`ceiling`]: what the machine can do at best; [`attention`]: rows over cached keys and values; [`rows`]: norms, activations, rotations; [`logits`]: what is read from the result
//!
//! Invariants: no result depends on how many rows are computed at once, nor on the number of threads: the order of a sum depends on
//! shapes and on the processor's instructions only. This is the only crate that may use `unsafe` at will; each use says what makes it sound, and every
//! public function checks what it is given.

#![expect(unsafe_code, reason = "vector instructions, and threads that write disjoint parts of one slice")]

pub mod attention;
pub mod ceiling;
mod lanes;
pub mod logits;
pub mod matrix;
mod memory;
mod parallel;
mod product;
pub mod rows;

pub use lanes::instructions;
pub use memory::{Memory, OutOfMemory};
