//! A worker: one model on one node, behind Describe, Draft and Score.
//!
//! - [`config`]: flags to a checked [`Config`]; [`app`]: bind, load, serve, drain
//! - [`service`]: the contract; `status`: its errors
//! - `metrics`: what is counted; `standing`: how things are, as operators see it
//! - [`context`]: a call's text to token ids and drawn ids back to text, with [`tokenizer`] and [`chat_template`]
//! - `contained`: a library's panic as an error
//! - `memo`: what was read lately, within a bound
//! - [`segment`]: where a drafted segment may end; [`end_of_turn`]: which ids end a turn
//! - [`inspect`]: a checkpoint's parts, each by itself
//! - [`gguf`]: a model in one file; `mapped`: files in memory; `fingerprint`: what tells checkpoints apart
//! - [`engine`]: batches sequences of ids on a thread of its own; [`model`]: weights and the forward pass
//! - [`bench`]: the engine's steps against the machine's ceilings
//!
//! Text stops at `service`: the engine sees ids. Tensors stop at the engine: nothing above it sees one.

pub mod app;
pub mod bench;
pub mod chat_template;
pub mod config;
mod contained;
pub mod context;
pub mod end_of_turn;
pub mod engine;
mod fingerprint;
pub mod gguf;
pub mod inspect;
mod mapped;
mod memo;
mod metrics;
pub mod model;
pub mod segment;
pub mod service;
mod standing;
mod status;
pub mod tokenizer;

pub use app::{run, start};
pub use config::{Args, Config, ModelSource};
