//! Which texts are compared by characters.

/// Han, kana or hangul.
pub(super) fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3005}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

/// Whether at least half of the letters are CJK.
pub(super) fn is_unspaced(texts: &[String]) -> bool {
    let letters = || texts.iter().flat_map(|text| text.chars()).filter(|c| c.is_alphabetic());
    let cjk = letters().filter(|c| is_cjk(*c)).count();
    cjk > 0 && 2 * cjk >= letters().count()
}
