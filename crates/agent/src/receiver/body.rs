//! A request's body, made a line of a trace file.
//!
//! Promises: the line holds the very bytes of the body but for line ends, which JSON has between values alone. Leaves to
//! others: what its spans are. A span that can't be sent is set aside by the reader, and its neighbours are sent.

use serde::de::IgnoredAny;
use std::fmt;
use std::io::Read;

/// As large may a body be once it is unpacked: a line of this length is still read.
pub(crate) const MOST: usize = 16 << 20;

/// Why a body is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is packed in a way that is not known.
    Encoding(String),
    /// It can't be unpacked.
    Packed(String),
    TooLarge,
    /// It is no JSON; where it breaks off.
    NotJson(String),
    NotAnArray,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(name) => write!(f, "Content-Encoding {name:?} is not known; send gzip or none"),
            Self::Packed(why) => write!(f, "the gzip is damaged: {why}"),
            Self::TooLarge => write!(f, "more than {} MiB; send fewer spans at a time", MOST >> 20),
            Self::NotJson(why) => write!(f, "no JSON: {why}; send Zipkin v2 spans as a JSON array"),
            Self::NotAnArray => write!(f, "no array; send Zipkin v2 spans as a JSON array"),
        }
    }
}

/// Unpacks a body.
///
/// # Errors
/// Why it is not taken.
pub(crate) fn unpacked(body: Vec<u8>, encoding: Option<&str>) -> Result<Vec<u8>, Refusal> {
    match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "identity") => Ok(body),
        Some("gzip" | "x-gzip") => {
            let mut plain = Vec::new();
            let mut reader = flate2::read::MultiGzDecoder::new(body.as_slice()).take(MOST as u64 + 1);
            reader.read_to_end(&mut plain).map_err(|error| Refusal::Packed(error.to_string()))?;
            Ok(plain)
        }
        Some(other) => Err(Refusal::Encoding(other.chars().take(40).collect())),
    }
}

/// The line, with its newline; `None`: there is no span in it.
///
/// # Errors
/// Why it is not taken.
pub(crate) fn line(mut body: Vec<u8>) -> Result<Option<Vec<u8>>, Refusal> {
    if body.len() > MOST {
        return Err(Refusal::TooLarge);
    }
    // Header values that XAPI passes on may be no UTF-8; the reader takes them as they are.
    let text = String::from_utf8_lossy(&body);
    let text = text.trim_start_matches('\u{feff}').trim();
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| Refusal::NotJson(error.to_string()))?;
    if !text.starts_with(['[', '{']) {
        return Err(Refusal::NotAnArray);
    }
    if text.trim_matches(['[', ']']).trim().is_empty() {
        return Ok(None);
    }
    body.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    body.push(b'\n');
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn check(body: &[u8], expected: Result<Option<&[u8]>, &str>) {
        let found = line(body.to_vec());
        let found = found.as_ref().map(Option::as_deref).map_err(ToString::to_string);
        match expected {
            Ok(line) => assert_eq!(found, Ok(line)),
            Err(part) => assert!(found.as_ref().is_err_and(|why| why.contains(part)), "{found:?}"),
        }
    }

    #[test]
    fn bodies_become_lines() {
        check(b"[{\"id\":\"1\"}]", Ok(Some(b"[{\"id\":\"1\"}]\n")));
        check(b"[\r\n {\"id\":\n\"1\"}\n]\n", Ok(Some(b"[   {\"id\": \"1\"} ] \n")));
        check(b"{\"id\":\"1\"}", Ok(Some(b"{\"id\":\"1\"}\n")));
        check("\u{feff}[1]".as_bytes(), Ok(Some("\u{feff}[1]\n".as_bytes())));
        check(b"[\"\xff\"]", Ok(Some(b"[\"\xff\"]\n")));
        check(b" [ ] ", Ok(None));
        check(b"", Err("no JSON: EOF"));
        check(b"[{\"id\":", Err("no JSON: EOF while parsing a value at line 1 column 7"));
        check(b"\x0a\x10\x01", Err("no JSON"));
        check(b"\"x\"", Err("no array"));
        check(&vec![b' '; MOST + 1], Err("more than 16 MiB"));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        check(&deep, Ok(None));
        check(&[&deep[..], b"x"].concat(), Err("no JSON: trailing characters"));
    }

    #[test]
    fn bodies_are_unpacked_within_bounds() {
        let pack = |bytes: &[u8]| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        };
        assert_eq!(unpacked(pack(b"[]"), Some("gzip")), Ok(b"[]".to_vec()));
        assert_eq!(unpacked(b"[]".to_vec(), None), Ok(b"[]".to_vec()));
        assert_eq!(unpacked(pack(&vec![b' '; 64 << 20]), Some("GZIP")).unwrap().len(), MOST + 1);
        assert_eq!(unpacked(Vec::new(), Some("br")), Err(Refusal::Encoding("br".to_owned())));
        assert!(matches!(unpacked(b"no".to_vec(), Some("gzip")), Err(Refusal::Packed(_))));
    }
}
