//! From a text to passages of a segment's length, each with what stands before it.

/// Bytes: ten tokens or so, as a segment has.
const SEGMENT: usize = 40;
/// Bytes of context, at most; and what the first passage has at least.
const CONTEXT: usize = 400;
const LEAST_CONTEXT: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage<'a> {
    pub(super) before: &'a str,
    /// Begins with its white space, where there is any, as drafts do.
    pub(super) segment: &'a str,
}

/// At most `count`, spread evenly over the text.
pub(super) fn cut(text: &str, count: usize) -> Vec<Passage<'_>> {
    let text = text.trim();
    let cuts = cuts(text);
    let starts: Vec<usize> = cuts.iter().copied().filter(|&at| at >= LEAST_CONTEXT).collect();
    let step = (starts.len() / count.max(1)).max(1);
    starts.into_iter().step_by(step).filter_map(|start| passage(text, &cuts, start)).take(count).collect()
}

/// Where a segment may begin or end: before the white space between words, or, in a text without any, before every letter.
fn cuts(text: &str) -> Vec<usize> {
    let spaces = text.char_indices().zip(text.chars().skip(1));
    let words: Vec<usize> = spaces
        .filter(|((_, letter), next)| !letter.is_whitespace() && next.is_whitespace())
        .map(|((at, letter), _)| at + letter.len_utf8())
        .chain([text.len()])
        .collect();
    if text.len() / words.len() > SEGMENT { text.char_indices().map(|(at, _)| at).skip(1).collect() } else { words }
}

fn passage<'a>(text: &'a str, cuts: &[usize], start: usize) -> Option<Passage<'a>> {
    let end = cuts.iter().copied().find(|&at| at >= start + SEGMENT)?;
    let begin = cuts.iter().copied().find(|&at| at + CONTEXT >= start).filter(|&at| at < start && start > CONTEXT);
    Some(Passage { before: text.get(begin.unwrap_or(0)..start)?.trim_start(), segment: text.get(start..end)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_whole_words_of_a_segments_length_with_what_stands_before() {
        let text = "one two three four five six seven eight nine ten ".repeat(40);
        let passages = cut(&text, 7);
        assert_eq!(passages.len(), 7);
        for passage in &passages {
            assert!(passage.segment.starts_with(' ') && !passage.segment.ends_with(' '), "{passage:?}");
            assert!((SEGMENT..SEGMENT + 8).contains(&passage.segment.len()), "{passage:?}");
            assert!((LEAST_CONTEXT..=CONTEXT).contains(&passage.before.len()), "{passage:?}");
            assert!(text.contains(&format!("{}{}", passage.before, passage.segment)));
        }
        let distance = |a: &Passage<'_>, b: &Passage<'_>| b.segment.as_ptr() as usize - a.segment.as_ptr() as usize;
        assert!(passages.windows(2).all(|pair| distance(&pair[0], &pair[1]) > 200));
    }

    #[test]
    fn a_script_without_spaces_is_cut_between_letters() {
        let text = "天地玄黄宇宙洪荒日月盈昃辰宿列张".repeat(20);
        let passages = cut(&text, 5);
        assert_eq!(passages.len(), 5);
        assert!(passages.iter().all(|passage| (SEGMENT..SEGMENT + 3).contains(&passage.segment.len())));
    }

    #[test]
    fn a_short_text_has_no_passage() {
        assert_eq!(cut("too short", 5), []);
        assert_eq!(cut("", 5), []);
    }
}
