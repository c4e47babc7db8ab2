//! Who takes part: a member is known here by its place alone.

/// A member's place in its ensemble's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberIndex(pub usize);
