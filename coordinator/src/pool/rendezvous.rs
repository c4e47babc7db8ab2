//! Which replica a request belongs to: the one with the highest weight (rendezvous hashing). When a replica leaves, only
//! its own requests move.
//!
//! The weight is FNV-1a (64 bit) over the request id, a zero byte and the replica's URL, finished with the mixer of
//! SplitMix64. It is the same in every process, build and machine, so two coordinators send a request to the same replica.

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

    #[test]
    fn a_weight_is_the_same_in_every_build() {
        assert_eq!(mix(0), 0);
        assert_eq!(weight("", ""), mix(0xcbf2_9ce4_8422_2325_u64.wrapping_mul(0x0000_0100_0000_01b3)));
    }
}
