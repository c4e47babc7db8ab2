//! What decided the last answers that were asked for with `record`: kept in memory, within a bound, each for the key that asked.
//!
//! - `parts`: a recording's JSON, in parts that travel one by one

mod parts;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) use self::parts::{Growing, Parts};

/// One recording is at most this part of all there is room for, or `SMALLEST_SHARE`.
const SHARES: usize = 8;
/// Bytes of JSON.
const SMALLEST_SHARE: usize = 1 << 20;
/// Bytes that one takes beside its JSON and its names, roughly.
const OVERHEAD: usize = 128;

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Recordings {
    /// Bytes; 0: nothing is recorded.
    most: usize,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// By the name of the key that asked.
    keys: BTreeMap<Option<Arc<str>>, Held>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Held {
    /// The oldest first.
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    request_id: Arc<str>,
    /// None: it was too large.
    json: Option<Parts>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nobody asked for it, or it had to make room.
    Unknown,
    /// In bytes, the most that one may have.
    TooLarge(usize),
}

impl Recordings {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, shelf: Arc::default() }
    }

    pub(crate) fn are_made(&self) -> bool {
        self.most > 0
    }

    /// Bytes that one recording may have.
    pub(crate) fn share(&self) -> usize {
        (self.most / SHARES).max(SMALLEST_SHARE)
    }

    /// Makes room for it: whichever key holds the most forgets its oldest. None: it was too large, which is remembered.
    pub(crate) fn keep(&self, request_id: Arc<str>, key: Option<Arc<str>>, json: Option<Parts>) {
        let names = request_id.len() + key.as_ref().map_or(0, |key| key.len());
        let bytes = OVERHEAD + names + json.as_ref().map_or(0, Parts::bytes);
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.bytes += bytes;
        let held = shelf.keys.entry(key).or_default();
        held.bytes += bytes;
        held.kept.push_back(Kept { request_id, json, bytes });
        while shelf.bytes > self.most && shelf.forget() {}
    }

    /// The last one of this id that was asked for with this key.
    pub(crate) fn get(&self, request_id: &str, key: Option<&str>) -> Result<Parts, Missing> {
        let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let held = shelf.keys.get(&key.map(Arc::from)).ok_or(Missing::Unknown)?;
        let kept = held.kept.iter().rev().find(|kept| kept.request_id.as_ref() == request_id);
        kept.ok_or(Missing::Unknown)?.json.clone().ok_or_else(|| Missing::TooLarge(self.share()))
    }
}

impl Shelf {
    /// False: there is nothing left.
    fn forget(&mut self) -> bool {
        let most = self.keys.iter().max_by_key(|(_, held)| held.bytes).map(|(key, _)| key.clone());
        let Some(key) = most else { return false };
        let Some(held) = self.keys.get_mut(&key) else { return false };
        let freed = held.kept.pop_front().map_or(0, |oldest| oldest.bytes);
        held.bytes -= freed;
        self.bytes -= freed;
        if held.kept.is_empty() {
            self.keys.remove(&key);
        }
        true
    }
}
