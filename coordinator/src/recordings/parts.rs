//! A recording's JSON, in parts: each fits into a message that every client takes, and they are never copied into one whole.

use std::sync::Arc;

/// Bytes of one part.
const LARGEST: usize = 1 << 20;

/// Clones share them. Put together they are one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts(Arc<[Arc<str>]>);

/// Text that is still being written.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    full: Vec<Arc<str>>,
    last: String,
    bytes: usize,
}

impl Parts {
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|part| part.len()).sum()
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = Arc<str>> + Send + use<> {
        let parts = Arc::clone(&self.0);
        (0..parts.len()).filter_map(move |at| parts.get(at).cloned())
    }
}

impl Growing {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Parts are cut between characters.
    pub(crate) fn push(&mut self, mut text: &str) {
        self.bytes += text.len();
        while self.last.len() + text.len() > LARGEST {
            let (fits, rest) = text.split_at(text.floor_char_boundary(LARGEST - self.last.len()));
            self.last.push_str(fits);
            self.close();
            text = rest;
        }
        self.last.push_str(text);
    }

    pub(crate) fn append(&mut self, more: Self) {
        if more.full.is_empty() {
            return self.push(&more.last);
        }
        self.close();
        self.bytes += more.bytes;
        self.full.extend(more.full);
        self.last = more.last;
    }

    pub(crate) fn finish(mut self) -> Parts {
        self.close();
        Parts(self.full.into())
    }

    fn close(&mut self) {
        let full = std::mem::take(&mut self.last);
        if !full.is_empty() {
            self.full.push(full.into());
        }
    }
}
