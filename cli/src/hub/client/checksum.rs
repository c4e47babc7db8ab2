//! What a file's content is known by: the hub tells it in two forms, and their lengths tell which.

/// Of a file's content, in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) enum Checksum {
    Sha256(String),
    /// SHA-1 of git's header of a blob and the content.
    GitBlob(String),
}

impl Checksum {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            64 if is_hex => Some(Self::Sha256(text)),
            40 if is_hex => Some(Self::GitBlob(text)),
            _ => None,
        }
    }

    pub(in crate::hub) fn hex(&self) -> &str {
        let (Self::Sha256(hex) | Self::GitBlob(hex)) = self;
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_known_by_its_length() {
        let (long, short) = ("aB".repeat(32), "0f".repeat(20));
        assert_eq!(Checksum::parse(&format!("\"{long}\"")), Some(Checksum::Sha256(long.to_lowercase())));
        assert_eq!(Checksum::parse(&format!("W/\"{short}\"")), Some(Checksum::GitBlob(short)));
        assert_eq!((Checksum::parse(""), Checksum::parse(&"x".repeat(40))), (None, None));
    }
}
