//! What was worked out lately and may be asked for again, within a bound of bytes. Holds whatever it is given: that the same key
//! always has the same value is its owner's promise.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Bytes of bookkeeping for each entry, about.
const ENTRY: usize = 128;

/// Two generations: what is asked for moves to the young one; when that has half of the bound, the old one is forgotten.
#[derive(Debug)]
pub(crate) struct Memo<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// Of the young one.
    bytes: usize,
    most_bytes: usize,
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, most_bytes }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, (value, bytes)) = self.old.remove_entry(key)?;
        self.put_young(key, value.clone(), bytes);
        Some(value)
    }

    /// `bytes`: of key and value. What is larger than half the bound is not kept.
    pub(crate) fn put(&mut self, key: K, value: V, bytes: usize) {
        let bytes = bytes + ENTRY;
        self.old.remove(&key);
        if bytes <= self.most_bytes / 2 {
            self.put_young(key, value, bytes);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn put_young(&mut self, key: K, value: V, bytes: usize) {
        if self.bytes + bytes > self.most_bytes / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        let replaced = self.young.insert(key, (value, bytes)).map_or(0, |(_, bytes)| bytes);
        self.bytes = self.bytes + bytes - replaced;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_is_forgotten_in_time() {
        let mut memo = Memo::new(20 * ENTRY);
        memo.put("kept".to_owned(), 0, 0);
        memo.put("left".to_owned(), 1, 0);
        for index in 2..100 {
            memo.put(index.to_string(), index, 0);
            assert_eq!(memo.get("kept"), Some(0));
            assert!(memo.len() <= 20);
        }
        assert_eq!((memo.get("99"), memo.get("left")), (Some(99), None));
    }

    #[test]
    fn bytes_are_bounded_whatever_is_put() {
        let mut memo = Memo::new(1000);
        memo.put(1, 1, 400);
        assert_eq!(memo.get(&1), None);
        for key in 0..50 {
            memo.put(key % 7, key, 100 + key);
            let bytes = |entries: &HashMap<usize, (usize, usize)>| entries.values().map(|entry| entry.1).sum::<usize>();
            assert_eq!(bytes(&memo.young), memo.bytes);
            assert!(bytes(&memo.young) <= 500 && bytes(&memo.old) <= 500);
        }
    }
}
