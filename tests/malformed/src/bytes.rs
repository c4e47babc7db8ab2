//! Bytes, changed in place: flipped, cut, moved, said twice, and numbers where lengths may stand.

use proptest::{prelude::*, sample::Index};

/// What breaks arithmetic with lengths and counts.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, 1 << 40, 1 << 62, u64::MAX / 2, u64::MAX];
/// Of a change: inputs stay small.
const LONGEST: usize = 64;

#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Set(Index, u8),
    /// The first so many bytes of a number, little-endian.
    Number(Index, u64, usize),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Bytes from the first place again at the second.
    Repeat(Index, Index, usize),
    Cut(Index),
}

/// `valid`, changed in one to six places; now and then bytes that have nothing to do with it.
pub fn bytes(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changed = prop::collection::vec(edit(), 1..=6).prop_map(move |edits| edited(valid.clone(), edits));
    prop_oneof![20 => changed, 1 => prop::collection::vec(any::<u8>(), 0..256)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        4 => (at(), prop::sample::select(NUMBERS.as_slice()), prop::sample::select(vec![2usize, 4, 8]))
            .prop_map(|(at, number, bytes)| Edit::Number(at, number, bytes)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, new)| Edit::Insert(at, new)),
        2 => (at(), 1..=LONGEST).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (at(), at(), 1..=LONGEST).prop_map(|(from, to, length)| Edit::Repeat(from, to, length)),
        1 => at().prop_map(Edit::Cut),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: Vec<Edit>) -> Vec<u8> {
    for edit in edits {
        let length = bytes.len();
        // A place may be the end.
        let place = |at: Index| at.index(length + 1);
        let range = |at: Index, count: usize| place(at)..(place(at) + count).min(length);
        match edit {
            Edit::Flip(at, bit) => bytes.iter_mut().skip(place(at)).take(1).for_each(|byte| *byte ^= 1 << bit),
            Edit::Set(at, new) => bytes.iter_mut().skip(place(at)).take(1).for_each(|byte| *byte = new),
            Edit::Number(at, number, count) => {
                let new = number.to_le_bytes();
                bytes.iter_mut().skip(place(at)).zip(new).take(count).for_each(|(byte, new)| *byte = new);
            }
            Edit::Insert(at, new) => drop(bytes.splice(place(at)..place(at), new)),
            Edit::Remove(at, count) => drop(bytes.drain(range(at, count))),
            Edit::Repeat(from, to, count) => {
                let again = bytes.get(range(from, count)).unwrap_or_default().to_vec();
                drop(bytes.splice(place(to)..place(to), again));
            }
            Edit::Cut(at) => bytes.truncate(place(at)),
        }
    }
    bytes
}
