//! What an evaluation asks, how it judges, and what follows from it, as values: no network, no clock, no randomness but a seed.
//!
//! - [`dataset`]: question sets, from the text of a file
//! - [`final_answer`]: what a text answers, and which answers are the same: votes are counted by the same rule
//! - [`metric`]: what an answer is worth
//! - [`question`]: a question and how an answer to it is judged
//! - [`record`]: one answer of one strategy to one question, and what it cost
//! - [`report`]: what an evaluation found, as a value, a table and a page
//! - [`stats`]: how sure a number is

pub mod dataset;
pub mod metric;
pub mod question;
pub mod record;
pub mod report;
pub mod stats;

pub use specfuse_core::final_answer;
