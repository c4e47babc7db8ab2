//! The fused-generation algorithm as values: no clock, no network, no randomness but a seed.
//!
//! - [`generation`]: one answer, as a state machine: events in, actions out
//! - [`candidate`]: drafts, and what becomes of them
//! - [`rank`], [`weights`], [`exit`]: sections 4, 6 and 5 of the algorithm; [`reliability`]: weights of our own
//! - [`final_answer`]: what a worked answer comes to, for a majority of them
//! - [`policy`]: the choices an ensemble makes
//! - [`recording`]: all that decided an answer, to be written down
//! - [`replay`]: a recording decided again, and under another policy
//! - [`stop`]: stop strings in a stream

pub mod candidate;
pub mod exit;
pub mod final_answer;
pub mod generation;
pub mod member;
pub mod policy;
pub mod rank;
pub mod recording;
pub mod reliability;
pub mod replay;
pub mod stop;
pub mod weights;
