//! The quick look that nearly every text is done with.
//!
//! Each key word has three letters that ordinary text has rarely. All of them, in every case, are looked for at once
//! with SIMD (`aho-corasick`'s Teddy: letters that differ in case only fall into one of its buckets); only a text
//! with one of them, or with an `@`, is read properly.

use aho_corasick::Match;
use aho_corasick::packed::{Config, Searcher};
use memchr::memchr;

/// Of pa·ssw·ord and pa·ssw·d, s·ecr·et, tok·en, c·hap, autho·riz·ation, co·oki·e, sessio·n_i·d, O·paq·ueRef, and of the
/// escape behind which JSON could hide any of them.
const PROBES: [&str; 9] = ["ssw", "ecr", "tok", "hap", "riz", "oki", "n_i", REFERENCE, "\\u0"];
/// References are in every fifth line of xensource.log, but only a session's is a secret.
const REFERENCE: &str = "paq";
const SESSION: [&str; 1] = ["sess"];
/// To look for letters costs less than the searcher, which has a slow way for texts that are shorter than its registers.
const SHORT: usize = 48;

#[derive(Debug)]
pub(super) struct Glance {
    /// `None` where the processor can't: then every text is read properly.
    probes: Option<Searcher>,
    session: Option<Searcher>,
}

impl Glance {
    pub(super) fn new() -> Self {
        Self { probes: searcher(&PROBES), session: searcher(&SESSION) }
    }

    pub(super) fn suspects(&self, raw: &[u8]) -> bool {
        if raw.len() < SHORT && !has_letters(raw) {
            return false;
        }
        memchr(b'@', raw).is_some() || self.has_probe(raw).unwrap_or(true)
    }

    /// Whether a text has a probe; one that has references only must speak of a session too.
    fn has_probe(&self, raw: &[u8]) -> Option<bool> {
        let mut hits = self.probes.as_ref()?.find_iter(raw);
        let Some(first) = hits.next() else { return Some(false) };
        let is_reference = |hit: &Match| {
            raw.get(hit.start()..hit.end())
                .is_some_and(|text| text.eq_ignore_ascii_case(REFERENCE.as_bytes()))
        };
        let only_references = is_reference(&first) && hits.all(|hit| is_reference(&hit));
        Some(!only_references || self.session.as_ref()?.find(raw).is_some())
    }
}

/// Whether a short text has an `@`, or all the letters of a probe, in any order and either case. Other characters may pass
/// for them.
fn has_letters(raw: &[u8]) -> bool {
    let bit = |byte: u8| 1_u32 << (byte & 31);
    let there = raw.iter().fold(0, |there, byte| there | bit(*byte));
    let all_of = |probe: &str| {
        let probe = probe.bytes().fold(0, |all, byte| all | bit(byte));
        there & probe == probe
    };
    there & bit(b'@') != 0 || PROBES.into_iter().any(all_of)
}

/// A searcher for texts in every case.
///
/// It has 8 or 16 buckets and fills them in turn, but puts letters that differ in case only beside each other: with
/// all lower-case spellings first, each text has a bucket to itself and is rarely mistaken.
fn searcher(texts: &[&str]) -> Option<Searcher> {
    let spellings = texts.iter().flat_map(|text| in_every_case(text));
    let (first, others): (Vec<_>, Vec<_>) =
        spellings.partition(|text| !text.iter().any(u8::is_ascii_uppercase));
    Config::new().builder().extend(first.iter().chain(&others)).build()
}

/// At most 64 patterns in all: more than that the searcher refuses.
fn in_every_case(probe: &str) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for byte in probe.bytes() {
        let mut cases = vec![byte, byte.to_ascii_uppercase()];
        cases.dedup();
        let longer =
            |text: &Vec<u8>| cases.iter().map(|case| [text, [*case].as_slice()].concat()).collect::<Vec<_>>();
        all = all.iter().flat_map(longer).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_word_is_seen_in_every_case() {
        let glance = Glance::new();
        assert!(glance.probes.is_some() && glance.session.is_some(), "this processor has SSSE3");
        for word in super::super::key::WORDS.iter().map(|(word, _)| *word).filter(|word| *word != "session") {
            for text in [word.to_owned(), word.to_uppercase(), format!("x{word}").replace('s', "S")] {
                let padding = "-".repeat(40);
                assert!(glance.suspects(text.as_bytes()), "{text}");
                assert!(glance.suspects(format!("{padding}{text}{padding}").as_bytes()), "{text}");
                assert!(has_letters(text.as_bytes()), "{text}");
            }
        }
        for text in ["session x OpaqueRef:1", "OPAQUEREF: SESSION", "a@b", "\\u0070assword"] {
            assert!(glance.suspects(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "Async.VM.start R:3e35c13ce76f",
            "session trackid=5b66 message_switch dispatch:VM.clean_shutdown",
        ] {
            assert!(!glance.suspects(text.as_bytes()), "{text}");
        }
    }
}
