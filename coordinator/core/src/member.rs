//! Who takes part: a member is known here by its place alone.

/// A member's place in its ensemble's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberIndex(pub usize);

impl MemberIndex {
    /// The members of an ensemble of so many, in its order.
    pub fn all(members: usize) -> Vec<Self> {
        (0..members).map(Self).collect()
    }
}
