//! What the model is given for one forward pass: rows of tokens, each span of rows belonging to one sequence. Pure values; knows
//! no request and no tensor.

/// Rows of one forward pass. Linear layers see all rows as one matrix, attention sees one span at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub tokens: Vec<u32>,
    /// Place of each row in its sequence.
    pub positions: Vec<u32>,
    /// Tokens of each row's whole sequence, which may end in a later pass.
    pub lengths: Vec<u32>,
    /// Where each row's keys and values go; None: its slot holds them already, or is being written by another row.
    pub writes: Vec<Option<u32>>,
    /// Cover the rows in order.
    pub spans: Vec<Span>,
    /// Rows whose logits are wanted, ascending.
    pub reads: Vec<u32>,
}

/// Consecutive rows of one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub rows: usize,
    /// Position of the first row.
    pub start: usize,
    /// The slot of every position up to the last row's.
    pub slots: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub token: u32,
    pub write: Option<u32>,
    /// Its logits are wanted.
    pub read: bool,
}

impl Batch {
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// Adds the last rows of a sequence, at positions `start..`; `slots` holds its tokens' slots.
    pub fn push(&mut self, start: usize, slots: Vec<u32>, rows: &[Row]) {
        self.push_part(start + rows.len(), start, slots, rows);
    }

    /// Adds rows of a sequence of `length` tokens, at positions `start..`; `slots` holds its tokens' slots up to the last row's.
    pub fn push_part(&mut self, length: usize, start: usize, slots: Vec<u32>, rows: &[Row]) {
        for (position, row) in (start..).zip(rows) {
            if row.read {
                self.reads.push(self.tokens.len() as u32);
            }
            self.tokens.push(row.token);
            self.positions.push(position as u32);
            self.lengths.push(length as u32);
            self.writes.push(row.write);
        }
        self.spans.push(Span { rows: rows.len(), start, slots });
    }
}
