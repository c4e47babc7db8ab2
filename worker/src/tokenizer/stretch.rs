//! A text's encoding put together from those of its stretches, which reach from seam to seam. A stretch is encoded behind a lead, the
//! end of what stands before it: so it never stands at the start of a text, where tokenizers do special things. What a lead begins
//! with does not matter, since nothing before a seam changes what follows it. The lead's ids must come out as the lead's own
//! encoding: were they ever not to, the text is encoded as a whole.

use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::{Encoding, Tokenizer, TokenizerError};

/// Bytes of a stretch: at least this, then on to the next seam.
const STRETCH: usize = 256;
/// Bytes of a lead, about.
const LEAD: usize = 32;
/// Bytes of a stretch that is decoded when it is first read. Where seams are rarer, only those drafts pay that need to.
const MOST_DECODED: usize = 16 * STRETCH;

/// Text between two seams, behind its lead.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Of the lead and the stretch.
    ids: Vec<u32>,
    /// Bytes of the lead, and how many ids are its.
    lead: usize,
    lead_ids: usize,
    /// What the ids decode to, if that ends with the stretch's own text behind what the lead's decode to.
    decoded: Option<String>,
}

/// The last stretch of a text that its ids give back.
#[derive(Clone, Debug)]
pub struct Tail(Arc<Stretch>);

impl Tokenizer {
    /// The same ids as [`Tokenizer::encode`], at the cost of what has not been read before.
    pub fn read(&self, text: &str, add_special: bool) -> Result<Encoding, TokenizerError> {
        if add_special && self.frame.is_none() {
            return Ok(Encoding { ids: self.encode(text, true)?, tail: None });
        }
        let Some(Encoding { ids, tail }) = self.read_in_stretches(text)? else {
            return Ok(Encoding { ids: self.encode(text, add_special)?, tail: None });
        };
        match &self.frame {
            Some((before, after)) if add_special => {
                let tail = tail.filter(|_| after.is_empty());
                Ok(Encoding { ids: [before, &ids, after].map(Vec::as_slice).concat(), tail })
            }
            _ => Ok(Encoding { ids, tail }),
        }
    }

    /// The text that `drawn` ids add to the one that `tail` is of. Special tokens have no text.
    pub fn decode_after(&self, tail: &Tail, drawn: &[u32]) -> Result<String, TokenizerError> {
        let Tail(last) = tail;
        let whole = self.decode(&[&last.ids, drawn].concat(), true)?;
        Ok(added(&whole, last.decoded.as_deref().unwrap_or_default()).to_owned())
    }

    /// None: it does not fall into stretches.
    fn read_in_stretches(&self, text: &str) -> Result<Option<Encoding>, TokenizerError> {
        let (mut lead, mut from, mut gives_back) = (0, 0, self.decodes_in_order);
        let mut ids = Vec::with_capacity(text.len() / 3);
        loop {
            let end = self.seams.beyond(text, from + STRETCH).unwrap_or(text.len());
            let Some(stretch) = self.stretch(&text[lead..end], from - lead)? else { return Ok(None) };
            ids.extend_from_slice(&stretch.ids[stretch.lead_ids..]);
            gives_back &= stretch.decoded.is_some();
            if end == text.len() {
                return Ok(Some(Encoding { ids, tail: gives_back.then_some(Tail(stretch)) }));
            }
            (lead, from) = (text.floor_char_boundary(end.saturating_sub(LEAD)), end);
        }
    }

    /// None: the lead's ids are not its own.
    fn stretch(&self, text: &str, lead: usize) -> Result<Option<Arc<Stretch>>, TokenizerError> {
        let remembered = self.stretches.lock().unwrap_or_else(PoisonError::into_inner).get(text);
        if let Some(stretch) = remembered.filter(|stretch| stretch.lead == lead) {
            return Ok(Some(stretch));
        }
        let ids = self.encode(text, false)?;
        let of_lead = self.encode(&text[..lead], false)?;
        if !ids.starts_with(&of_lead) {
            return Ok(None);
        }
        let decoded =
            if text.len() <= MOST_DECODED { self.decode_stretch(&ids, &of_lead, &text[lead..])? } else { None };
        let stretch = Arc::new(Stretch { ids, lead, lead_ids: of_lead.len(), decoded });
        let bytes = 2 * text.len() + size_of_val(stretch.ids.as_slice());
        self.stretches.lock().unwrap_or_else(PoisonError::into_inner).put(text.into(), Arc::clone(&stretch), bytes);
        Ok(Some(stretch))
    }

    fn decode_stretch(&self, ids: &[u32], of_lead: &[u32], own: &str) -> Result<Option<String>, TokenizerError> {
        if !self.decodes_in_order {
            return Ok(None);
        }
        let (decoded, lead) = (self.decode(ids, true)?, self.decode(of_lead, true)?);
        Ok((decoded.strip_prefix(lead.as_str()) == Some(own)).then_some(decoded))
    }
}

/// What `whole` has beyond `before`, or where it does not begin so beyond what they share.
pub fn added<'a>(whole: &'a str, before: &str) -> &'a str {
    if let Some(added) = whole.strip_prefix(before) {
        return added;
    }
    let same = whole.chars().zip(before.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    whole.get(same..).unwrap_or_default()
}

/// What a post-processor puts around any input, as it shows with none and a few. None: it shows differently, or not which ids are the
/// input's own.
pub(super) fn frame(tokenizer: &tokenizers::Tokenizer) -> Option<(Vec<u32>, Vec<u32>)> {
    let ids = |text, add_special| Some(tokenizer.encode_fast(text, add_special).ok()?.get_ids().to_vec());
    let around = ids("", true)?;
    let probes: Vec<[Vec<u32>; 2]> =
        ["a", "b", "1"].iter().map(|text| Some([ids(text, false)?, ids(text, true)?])).collect::<Option<_>>()?;
    let mut splits = (0..=around.len()).map(|start| around.split_at(start));
    let fits = |(before, after): &(&[u32], &[u32])| {
        probes.iter().all(|[bare, framed]| *framed == [before, bare.as_slice(), after].concat())
    };
    let (before, after) = splits.by_ref().find(fits)?;
    let is_only = !splits.any(|split| fits(&split));
    let is_bare = tokenizer.decode(before, true).ok()?.is_empty();
    (is_only && is_bare).then(|| (before.to_vec(), after.to_vec()))
}

pub(super) fn decodes_in_order(tokenizer: &tokenizers::Tokenizer) -> bool {
    let decoder = serde_json::to_value(tokenizer.get_decoder()).unwrap_or_default();
    let mut parts = match decoder["type"].as_str() {
        Some("ByteLevel") => return true,
        Some("Sequence") => decoder["decoders"].as_array().into_iter().flatten(),
        _ => return false,
    };
    let single = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() == 1);
    // Before they are fused, tokens are looked at one by one, and bytes by runs, which a mark ends.
    let before_fuse = parts.by_ref().take_while(|part| part["type"] != "Fuse");
    let mut is_in_order = true;
    for part in before_fuse {
        is_in_order &= match part["type"].as_str() {
            Some("Replace") => single(&part["pattern"]["String"]) && single(&part["content"]),
            Some("ByteFallback") => true,
            _ => false,
        };
    }
    let starts_only = |part: &Value| part["type"] == "Strip" && part["stop"] == 0 && part["start"].as_u64() <= Some(1);
    is_in_order && parts.all(starts_only)
}

#[cfg(test)]
mod tests;
