//! What decided the last answers that were asked for with `record`: kept in memory, within a bound, each for the key that asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes of JSON.
const MOST_BYTES: usize = 64 << 20;

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recordings(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    /// The oldest first.
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    request_id: Arc<str>,
    /// The name of the key that asked.
    key: Option<Arc<str>>,
    json: Arc<str>,
}

impl Recordings {
    /// Makes room for it by forgetting the oldest; one that is larger than all there is room for is not kept.
    pub(crate) fn keep(&self, request_id: Arc<str>, key: Option<Arc<str>>, json: Arc<str>) {
        if json.len() > MOST_BYTES {
            return;
        }
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.bytes += json.len();
        shelf.kept.push_back(Kept { request_id, key, json });
        while shelf.bytes > MOST_BYTES
            && let Some(oldest) = shelf.kept.pop_front()
        {
            shelf.bytes -= oldest.json.len();
        }
    }

    /// The last one of this id that was asked for with this key.
    pub(crate) fn get(&self, request_id: &str, key: Option<&str>) -> Option<Arc<str>> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |kept: &&Kept| kept.request_id.as_ref() == request_id && kept.key.as_deref() == key;
        shelf.kept.iter().rev().find(is_it).map(|kept| Arc::clone(&kept.json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_found_by_its_id_and_its_key_alone() {
        let recordings = Recordings::default();
        recordings.keep("1".into(), Some("ada".into()), "a".into());
        recordings.keep("1".into(), None, "b".into());
        recordings.keep("1".into(), None, "c".into());
        assert_eq!(recordings.get("1", Some("ada")).as_deref(), Some("a"));
        assert_eq!(recordings.get("1", None).as_deref(), Some("c"));
        assert_eq!((recordings.get("1", Some("bob")), recordings.get("2", None)), (None, None));
    }

    #[test]
    fn the_oldest_make_room() {
        let recordings = Recordings::default();
        let large: Arc<str> = "x".repeat(MOST_BYTES / 2).into();
        for id in ["1", "2", "3"] {
            recordings.keep(id.into(), None, Arc::clone(&large));
        }
        assert_eq!([1, 2, 3].map(|id| recordings.get(&id.to_string(), None).is_some()), [false, true, true]);
        recordings.keep("4".into(), None, "x".repeat(MOST_BYTES + 1).into());
        assert!(recordings.get("4", None).is_none() && recordings.get("3", None).is_some());
    }
}
