//! Which language an answer is in. `whatlang` stands in for `langdetect`: the two can differ on short texts. Swahili, and whatever else
//! `whatlang` does not know, cannot be told.

use whatlang::Lang;

use super::arguments::Arguments;
use super::{Check, InstructionError};

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    if kind != "response_language" {
        return Ok(None);
    }
    let wanted = language(&arguments.text("language")?);
    Ok(Some(Box::new(move |text| {
        let wanted = wanted?;
        // A text without any letter is in every language, as in IFEval.
        Some(whatlang::detect_lang(text).is_none_or(|found| found == wanted))
    })))
}

/// Whether nothing speaks clearly against English: capitals and short texts make detection unsure.
pub(super) fn may_be_english(text: &str) -> bool {
    whatlang::detect(&text.to_lowercase()).is_none_or(|found| found.lang() == Lang::Eng || !found.is_reliable())
}

/// By ISO 639-1 code.
fn language(code: &str) -> Option<Lang> {
    Some(match code {
        "ar" => Lang::Ara,
        "bg" => Lang::Bul,
        "bn" => Lang::Ben,
        "cs" => Lang::Ces,
        "da" => Lang::Dan,
        "de" => Lang::Deu,
        "el" => Lang::Ell,
        "en" => Lang::Eng,
        "es" => Lang::Spa,
        "fa" => Lang::Pes,
        "fi" => Lang::Fin,
        "fr" => Lang::Fra,
        "gu" => Lang::Guj,
        "he" => Lang::Heb,
        "hi" => Lang::Hin,
        "hu" => Lang::Hun,
        "it" => Lang::Ita,
        "ja" => Lang::Jpn,
        "kn" => Lang::Kan,
        "ko" => Lang::Kor,
        "ml" => Lang::Mal,
        "mr" => Lang::Mar,
        "ne" => Lang::Nep,
        "nl" => Lang::Nld,
        "pa" => Lang::Pan,
        "pl" => Lang::Pol,
        "pt" => Lang::Por,
        "ro" => Lang::Ron,
        "ru" => Lang::Rus,
        "sv" => Lang::Swe,
        "ta" => Lang::Tam,
        "te" => Lang::Tel,
        "th" => Lang::Tha,
        "tr" => Lang::Tur,
        "uk" => Lang::Ukr,
        "ur" => Lang::Urd,
        "vi" => Lang::Vie,
        "zh" | "zh-cn" | "zh-tw" => Lang::Cmn,
        _ => return None,
    })
}
