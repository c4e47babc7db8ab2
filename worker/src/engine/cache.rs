//! The prefix cache: a trie whose nodes are the slots of the key-value store. A node is one token after its parent's prefix, so
//! equal prefixes are stored once, at the grain of a token. Decides which slot is written and which forgotten; never sees a tensor.
//!
//! There are two tries in one pool of slots: keys of sequences that longrope turns otherwise are other keys.
//!
//! Invariants: a slot is handed out for writing once until it is evicted; a node that a running sequence holds, and with it every
//! ancestor, is never evicted; a node nobody holds and nothing continues is evictable, least recently used first.

use std::collections::{BTreeSet, HashMap};

/// The parent of a first token: no slot has such a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Root {
    /// Of sequences within the model's short context, or of all where it has none.
    Short = u32::MAX - 1,
    Long = u32::MAX,
}

#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    /// By slot. An evicted node's slot goes straight to the node that replaces it: every one of these is in the trie.
    nodes: Vec<Node>,
    /// (parent's slot, token) to slot.
    children: HashMap<(u32, u32), u32>,
    /// (last use, slot) of leaves that nobody holds.
    evictable: BTreeSet<(u64, u32)>,
    /// Nodes that somebody holds.
    held: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    token: u32,
    children: u32,
    /// Sequences whose path runs through here.
    holders: u32,
    last_used: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) slot: u32,
    /// The slot is new: its keys and values must be written, and by nobody else.
    pub(super) fresh: bool,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.min(Root::Short as usize),
            nodes: Vec::new(),
            children: HashMap::new(),
            evictable: BTreeSet::new(),
            held: 0,
            clock: 0,
        }
    }

    /// Slots that are free or could be evicted.
    pub(super) fn available(&self) -> usize {
        self.capacity - self.held
    }

    /// Tokens that are in it, held or not.
    pub(super) fn tokens(&self) -> usize {
        self.nodes.len()
    }

    /// The slots of the longest cached prefix of `tokens`.
    pub(super) fn longest_prefix(&self, root: Root, tokens: &[u32]) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut parent = root as u32;
        for token in tokens {
            let Some(slot) = self.children.get(&(parent, *token)) else { break };
            slots.push(*slot);
            parent = *slot;
        }
        slots
    }

    /// Protects a path, which starts at a first token, from eviction.
    pub(super) fn hold(&mut self, path: &[u32]) {
        self.clock += 1;
        for slot in path {
            self.hold_one(*slot);
        }
    }

    /// Ends one hold of every node of a path.
    pub(super) fn release(&mut self, path: &[u32]) {
        self.clock += 1;
        for slot in path.iter().rev() {
            let node = &mut self.nodes[*slot as usize];
            node.holders -= 1;
            node.last_used = self.clock;
            if node.holders == 0 {
                self.held -= 1;
                if node.children == 0 {
                    self.evictable.insert((node.last_used, *slot));
                }
            }
        }
    }

    /// The node of `token` after `path`, which the caller holds, made if need be and held for the caller.
    /// None: all slots are held, or hold what held ones continue.
    pub(super) fn append(&mut self, root: Root, path: &[u32], token: u32) -> Option<Appended> {
        let parent = path.last().copied().unwrap_or(root as u32);
        if let Some(slot) = self.children.get(&(parent, token)).copied() {
            self.hold_one(slot);
            return Some(Appended { slot, fresh: false });
        }
        let node = Node { parent, token, children: 0, holders: 1, last_used: self.clock };
        let slot = self.place(node)?;
        self.held += 1;
        self.children.insert((parent, token), slot);
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.children += 1;
        }
        Some(Appended { slot, fresh: true })
    }

    /// Forgets everything. Nobody may hold a path any more.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    fn hold_one(&mut self, slot: u32) {
        let node = &mut self.nodes[slot as usize];
        if node.holders == 0 {
            self.held += 1;
            self.evictable.remove(&(node.last_used, slot));
        }
        node.holders += 1;
        node.last_used = self.clock;
    }

    fn place(&mut self, node: Node) -> Option<u32> {
        if self.nodes.len() < self.capacity {
            self.nodes.push(node);
            return Some(self.nodes.len() as u32 - 1);
        }
        let slot = self.evict()?;
        self.nodes[slot as usize] = node;
        Some(slot)
    }

    fn evict(&mut self) -> Option<u32> {
        let (_, slot) = self.evictable.pop_first()?;
        let Node { parent, token, .. } = self.nodes[slot as usize];
        self.children.remove(&(parent, token));
        if let Some(node) = self.nodes.get_mut(parent as usize) {
            node.children -= 1;
            if node.children == 0 && node.holders == 0 {
                self.evictable.insert((node.last_used, parent));
            }
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
