//! The quick look that nearly every text is done with.
//!
//! Each key word has three letters that ordinary text has rarely. All of them, in every case, are looked for at once
//! with SIMD (`aho-corasick`'s Teddy: letters that differ in case only fall into one of its buckets); only a text
//! with one of them, or with an `@`, is read properly.

use aho_corasick::packed::{Config, Searcher};
use memchr::memchr;

/// Of pa·ssw·ord and pa·ssw·d, s·ecr·et, tok·en, c·hap, autho·riz·ation, co·oki·e, sessio·n_i·d, O·paq·ueRef, and of the
/// escape behind which JSON could hide any of them.
const PROBES: [&str; 9] = ["ssw", "ecr", "tok", "hap", "riz", "oki", "n_i", "paq", "\\u0"];

#[derive(Debug)]
pub(super) struct Glance {
    /// `None` where the processor can't: then every text is read properly.
    searcher: Option<Searcher>,
}

impl Glance {
    pub(super) fn new() -> Self {
        let mut builder = Config::new().builder();
        for probe in PROBES.iter().flat_map(|probe| in_every_case(probe)) {
            builder.add(probe);
        }
        Self { searcher: builder.build() }
    }

    pub(super) fn suspects(&self, raw: &[u8]) -> bool {
        memchr(b'@', raw).is_some() || self.searcher.as_ref().is_none_or(|probes| probes.find(raw).is_some())
    }
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
        assert!(glance.searcher.is_some(), "this processor has SSSE3");
        for word in super::super::key::WORDS.iter().map(|(word, _)| *word).filter(|word| *word != "session") {
            for text in [word.to_owned(), word.to_uppercase(), format!("x{word}").replace('s', "S")] {
                let padding = "-".repeat(40);
                assert!(glance.suspects(text.as_bytes()), "{text}");
                assert!(glance.suspects(format!("{padding}{text}{padding}").as_bytes()), "{text}");
            }
        }
        for text in ["x OpaqueRef:1", "a@b", "\\u0070assword"] {
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
