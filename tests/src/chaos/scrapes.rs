//! What Prometheus would have seen meanwhile: the metrics of two processes that live as long as the trial.

use std::{net::SocketAddr, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::scrape;

const TACT: Duration = Duration::from_secs(1);
/// Pages that are kept.
const MOST: usize = 200;

/// Asks again and again, for as long as it is polled. One that is paused or cut off does not answer: that is its affair.
pub(super) async fn watch(addresses: &[SocketAddr], pages: &mut Vec<String>) -> std::convert::Infallible {
    let mut tact = interval(TACT);
    tact.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tact.tick().await;
        for address in addresses {
            let asked = tokio::time::timeout(TACT, scrape::get(*address, "/metrics")).await;
            if let Ok(Ok(page)) = asked
                && pages.len() < MOST
            {
                pages.push(page.body);
            }
        }
    }
}
