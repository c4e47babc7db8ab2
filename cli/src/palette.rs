//! One colour for each member, for as long as the answer lasts.

use anstyle::{AnsiColor, Style};

const COLORS: [AnsiColor; 8] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightRed,
    AnsiColor::BrightCyan,
    AnsiColor::BrightGreen,
];

/// Hands out colours in the order in which members are met; none at all when colours are off.
#[derive(Debug)]
pub(crate) struct Palette {
    colored: bool,
    members: Vec<String>,
}

impl Palette {
    pub(crate) fn new(colored: bool) -> Self {
        Self { colored, members: Vec::new() }
    }

    /// Fixes the colours of members in their order.
    pub(crate) fn meet<'a>(&mut self, members: impl IntoIterator<Item = &'a String>) {
        for member in members {
            if !self.members.contains(member) {
                self.members.push(member.clone());
            }
        }
    }

    /// `text` in the member's colour.
    pub(crate) fn paint(&self, member: &str, text: &str) -> String {
        match self.members.iter().position(|known| known == member) {
            Some(at) => self.styled(COLORS[at % COLORS.len()].on_default(), text),
            None => text.to_owned(),
        }
    }

    /// `text`, less prominent.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colored && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_colours_and_differ() {
        let mut palette = Palette::new(true);
        palette.meet(&["a".to_owned(), "b".to_owned()]);
        let before = palette.paint("b", "x");
        palette.meet(&["c".to_owned(), "b".to_owned()]);
        assert_eq!(palette.paint("b", "x"), before);
        assert_ne!(palette.paint("a", "x"), before);
    }

    #[test]
    fn without_colours_text_is_only_text() {
        let mut palette = Palette::new(false);
        palette.meet(&["a".to_owned()]);
        assert_eq!(palette.paint("a", "x") + &palette.dim("y") + &palette.bold("z"), "xyz");
    }
}
