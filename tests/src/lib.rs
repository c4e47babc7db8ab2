//! What the integration tests share: where golden data lies, where models compute, and clusters of real processes.
//!
//! - [`golden`]: where the recorded truth lies; [`recorded`]: its runs
//! - [`device`]: where models compute; [`distance`]: how far apart numbers are
//! - [`prerequisite`]: what a machine may lack; [`network`]: hosts, which can be cut off; [`etcd`]: a real one
//! - [`process`]: one process of a cluster; [`program`]: one run of the program to its end; [`up`]: a local cluster of its own
//! - [`cluster`], [`ensemble`]: a coordinator and its workers; [`answer`]: what it said
//! - [`certificates`]: who signs whom
//! - [`fleet`]: replicas of every member, coordinators and an etcd, each on a host; [`client`]: one that knows several coordinators
//! - [`hub`]: where models are pulled from
//! - [`collector`]: where traces are sent; [`scrape`]: a page over HTTP
//! - [`packages`]: published packages of other languages
//! - [`chart`]: the Helm chart, rendered and checked by the real tools
//! - [`replay`]: whether what a client was told follows from itself
//! - [`chaos`]: a fleet in which everything breaks; [`overload`]: one that is asked too much; [`streams`]: what those over HTTP
//!   cost; [`cost`]: what telemetry costs; [`trial`]: how these are programs; [`measure`]: numbers that they tell
//! - [`checkpoint`]: copies of model folders, to be broken; [`random_checkpoint`]: folders of every family with random weights
//! - [`gguf`], [`gguf_tokens`]: GGUF files made of model folders

pub mod answer;
pub mod certificates;
pub mod chaos;
pub mod chart;
pub mod checkpoint;
pub mod client;
pub mod cluster;
pub mod collector;
pub mod cost;
pub mod device;
pub mod distance;
pub mod ensemble;
pub mod etcd;
pub mod fleet;
pub mod gguf;
pub mod gguf_tokens;
pub mod golden;
pub mod hub;
mod installed;
pub mod measure;
pub mod network;
pub mod overload;
pub mod packages;
pub mod prerequisite;
pub mod process;
pub mod program;
pub mod random_checkpoint;
pub mod recorded;
pub mod replay;
pub mod scrape;
pub mod streams;
pub mod trial;
pub mod up;
