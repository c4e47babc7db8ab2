//! What a draft's sampling starts from: the same for the same request, unrelated between rounds and members.

use crate::member::MemberIndex;

/// Mixes the request's seed, then that plus the round in the high and the member in the low half.
pub(super) fn of_draft(request: u64, round: u32, member: MemberIndex) -> u64 {
    let place = (u64::from(round) << 32) ^ member.0 as u64;
    splitmix64(splitmix64(request).wrapping_add(place))
}

/// The splitmix64 generator's first output from a state: every bit of it depends on every bit of the state.
pub(super) fn splitmix64(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixing_function_is_the_published_one() {
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
    }
}
