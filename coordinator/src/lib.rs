//! The coordinator: asks the workers, round by round, and streams the answer they write together.
//!
//! - [`config`]: flags and file → [`Config`], once
//! - `app`: bind → build → serve → drain
//! - `auth`: who asks, by API key; `limits`: what a key may still ask for
//! - `admission`: how many generations run, how many requests wait, and whether another may start
//! - `api`: the public contract over gRPC and HTTP, and the console; validation and status codes
//! - `request`: what is asked for, validated
//! - [`strategy`]: ways to answer, each a plan of generations
//! - `driver`: performs the actions of an answer's generations as calls; decides nothing
//! - `pool`: the workers, what is known of them, and which replica serves a call
//! - `client`: one call to one worker: wire types, deadline, typed errors, distrust
//! - `metrics`: what is counted, for Prometheus; `activity`: what the last minute saw
//! - `recorder`: what decided an answer, written down; `recordings`: the last of those, kept for who asked
//! - `report`: what a round decided, as clients see it; `standing`: how things are, as operators see it
//!
//! The decisions are in `specfuse-core`. Wire types stop in `client`, `report` and `api`.

mod activity;
mod admission;
mod api;
mod app;
mod auth;
mod client;
pub mod config;
mod driver;
mod limits;
mod metrics;
mod pool;
mod recorder;
mod recordings;
mod report;
mod request;
mod standing;
pub mod strategy;
#[cfg(test)]
mod tests;

pub use self::{
    app::{run, start},
    config::{Args, Config},
};
