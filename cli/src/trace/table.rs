//! Columns that line up, whatever their cells are painted with.

/// A text and how it is shown; only the text counts for the width.
#[derive(Debug)]
pub(crate) struct Cell {
    width: usize,
    shown: String,
    right: bool,
}

impl Cell {
    pub(crate) fn left(text: String) -> Self {
        Self { width: text.chars().count(), shown: text, right: false }
    }

    pub(crate) fn right(text: String) -> Self {
        Self { right: true, ..Self::left(text) }
    }

    pub(crate) fn styled(text: String, paint: impl FnOnce(&str) -> String) -> Self {
        Self { width: text.chars().count(), shown: paint(&text), right: false }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Two spaces between columns, none at the end of a line. The last cell of a row widens no column.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| {
                let cell = row.get(column)?;
                (cell.right || column + 1 < row.len()).then_some(cell.width)
            });
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let space = " ".repeat(width.saturating_sub(cell.width));
                let gap = if at == 0 { "" } else { "  " };
                let last = at + 1 == row.len();
                match (cell.right, last) {
                    (true, _) => out.extend([gap, &space, &cell.shown]),
                    (false, true) => out.extend([gap, &cell.shown]),
                    (false, false) => out.extend([gap, &cell.shown, &space]),
                }
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paint_does_not_move_columns() {
        let mut table = Table::default();
        table.row([Cell::styled("a".to_owned(), |text| format!("<<{text}>>")), Cell::right("1".to_owned())]);
        table.row([Cell::left("bcd".to_owned()), Cell::right("-22".to_owned())]);
        table.row([Cell::left("e".to_owned()), Cell::left("abstained for a long reason".to_owned())]);
        assert_eq!(table.render(), "<<a>>      1\nbcd  -22\ne    abstained for a long reason\n");
    }
}
