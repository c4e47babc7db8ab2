//! Which replica a request belongs to: the one with the highest weight (rendezvous hashing), so that its rounds meet a warm
//! cache. When a replica leaves, only its own requests move. A replica with far more calls under way than its share is
//! passed over for the one with the fewest (bounded loads).
//!
//! The weight is FNV-1a (64 bit) over the request id, a zero byte and the replica's URL, finished with the mixer of
//! SplitMix64. It is the same in every process, build and machine, so two coordinators send a request to the same replica.

/// Calls that no replica is passed over for.
const NO_LOAD: u32 = 4;

pub(super) struct Replica<T> {
    pub(super) weight: u64,
    /// Under way.
    pub(super) calls: u32,
    pub(super) at: T,
}

/// Whom to ask first, second and so on.
pub(super) fn order<T>(mut replicas: Vec<Replica<T>>) -> Vec<T> {
    replicas.sort_by_key(|replica| std::cmp::Reverse(replica.weight));
    let calls: u32 = replicas.iter().map(|replica| replica.calls).sum();
    if replicas.first().is_some_and(|first| first.calls > share(calls, replicas.len())) {
        // Stable: of equals the one with the higher weight.
        replicas.sort_by_key(|replica| replica.calls);
    }
    replicas.into_iter().map(|replica| replica.at).collect()
}

/// Calls that a replica may have under way before others are preferred: one and a half times the mean.
fn share(calls: u32, replicas: usize) -> u32 {
    let mean = f64::from(calls) / replicas.max(1) as f64;
    NO_LOAD.max((1.5 * mean).ceil() as u32)
}

pub(super) fn weight(request_id: &str, url: &str) -> u64 {
    let bytes = request_id.bytes().chain([0]).chain(url.bytes());
    mix(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// FNV alone leaves the last bytes in the low bits: URLs that differ in a port would not be shuffled.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice<'a>(request: &str, urls: &[&'a str]) -> &'a str {
        urls.iter().copied().max_by_key(|url| weight(request, url)).unwrap()
    }

    #[test]
    fn requests_spread_evenly_and_only_those_of_a_lost_replica_move() {
        let urls = ["http://a:7071", "http://a:7072", "http://a:7073"];
        let mut counts = [0; 3];
        for request in 0..3000 {
            let request = format!("request-{request}");
            let chosen = choice(&request, &urls);
            counts[urls.iter().position(|url| *url == chosen).unwrap()] += 1;
            if chosen != urls[2] {
                assert_eq!(choice(&request, &urls[..2]), chosen);
            }
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    fn asked(calls: &[u32]) -> Vec<usize> {
        let replica = |(at, calls): (usize, &u32)| Replica { weight: 100 - at as u64, calls: *calls, at };
        order(calls.iter().enumerate().map(replica).collect())
    }

    #[test]
    fn the_least_loaded_is_asked_where_the_first_has_more_than_its_share() {
        assert_eq!(asked(&[4, 0, 0]), [0, 1, 2]);
        assert_eq!(asked(&[5, 1, 0]), [2, 1, 0]);
        assert_eq!(asked(&[60, 50, 40]), [0, 1, 2]);
        assert_eq!(asked(&[90, 30, 30]), [1, 2, 0]);
        assert_eq!(asked(&[1000]), [0]);
    }

    #[test]
    fn a_weight_is_the_same_in_every_build() {
        assert_eq!(mix(0), 0);
        assert_eq!(weight("", ""), mix(0xcbf2_9ce4_8422_2325_u64.wrapping_mul(0x0000_0100_0000_01b3)));
    }
}
