//! How often the two ends of a connection between our processes ask each other whether they are still there. Both ends use
//! the same numbers, so a vanished host is noticed within 5 s by whoever waits for it.

use std::time::Duration;

/// A ping is sent when nothing has come for so long.
pub const INTERVAL: Duration = Duration::from_secs(2);
/// The connection is given up when a ping is not answered for so long.
pub const TIMEOUT: Duration = Duration::from_secs(2);
