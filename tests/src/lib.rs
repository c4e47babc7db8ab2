//! What the integration tests share: where golden data lies, where models compute, and clusters of real processes.
//!
//! - [`golden`]: where the recorded truth lies; [`recorded`]: its runs
//! - [`device`]: where models compute; [`distance`]: how far apart numbers are
//! - [`process`]: one process of a cluster; [`program`]: one run of the program to its end; [`up`]: a local cluster of its own
//! - [`cluster`], [`ensemble`]: a coordinator and its workers; [`answer`]: what it said
//! - [`certificates`]: who signs whom
//! - [`checkpoint`]: copies of model folders, to be broken; [`random_checkpoint`]: folders of every family with random weights
//! - [`gguf`], [`gguf_tokens`]: GGUF files made of model folders

pub mod answer;
pub mod certificates;
pub mod checkpoint;
pub mod cluster;
pub mod device;
pub mod distance;
pub mod ensemble;
pub mod gguf;
pub mod gguf_tokens;
pub mod golden;
pub mod process;
pub mod program;
pub mod random_checkpoint;
pub mod recorded;
pub mod up;
