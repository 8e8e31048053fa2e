//! What is remembered of a server's refusals, so that a search for the bad record is not repeated where it
//! finds nothing.
//!
//! One bad record in a request of `n` is found with about `2·log2(n)` requests. If all are bad, searching
//! costs `2·n` and changes nothing: so one request's search may cost only so much, and then its reason is
//! given up: whatever is refused for it is set aside as a group. A load that is taken without any refusal
//! clears the memory.

use std::collections::HashSet;

/// Reasons remembered at most; a server that finds ever new words starts anew.
const REASONS: usize = 64;
/// Characters of a message that tell reasons apart.
const KEY_LEN: usize = 200;
/// Single records in a row that were "too large" before that is no longer believed.
const SINGLES: u32 = 8;

/// What tells one reason from another: the message without the numbers, ids and quoted names in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reason(String);

impl Reason {
    pub(super) fn of(message: &str) -> Self {
        let message: String = message.chars().take(KEY_LEN).collect();
        let mut key = String::new();
        let mut quote = None;
        for word in message.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let (word, sign) = split_sign(word);
            if quote.is_none() {
                key.push_str(if word.bytes().any(|b| b.is_ascii_digit()) { "#" } else { word });
            }
            quote = next_quote(quote, word, sign);
            if quote.is_none() {
                key.extend(sign);
            }
        }
        Self(key)
    }
}

/// The word, and the sign it ends with.
fn split_sign(word: &str) -> (&str, Option<char>) {
    match word.chars().next_back() {
        Some(sign) if !sign.is_ascii_alphanumeric() => (word.strip_suffix(sign).unwrap_or(word), Some(sign)),
        _ => (word, None),
    }
}

/// The quote that is open after `word` and `sign`. A sign right behind a word opens none: that is an
/// apostrophe.
fn next_quote(open: Option<char>, word: &str, sign: Option<char>) -> Option<char> {
    match (open, sign) {
        (Some(open), Some(sign)) if open == sign => None,
        (None, Some('\'' | '"' | '`')) if word.is_empty() => sign,
        _ => open,
    }
}

/// What is known about the reasons of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons {
    given_up: HashSet<Reason>,
    /// Refusals that the current load's search may still cost; `None` before its first refusal.
    budget: Option<u32>,
    singles: u32,
}

impl Reasons {
    /// A new load begins.
    pub(super) fn begin(&mut self) {
        self.budget = None;
    }

    /// The load has ended; if nothing of it was refused, the server's reasons are gone.
    pub(super) fn end(&mut self) {
        if self.budget.is_none() {
            self.given_up.clear();
        }
    }

    /// Whether to search further in a part that was refused for `reason`; `len` is the length of the whole
    /// load.
    pub(super) fn search(&mut self, reason: Reason, len: usize) -> bool {
        let budget = self.budget.get_or_insert_with(|| 4 * len.checked_ilog2().unwrap_or(0) + 8);
        if self.given_up.contains(&reason) {
            return false;
        }
        if *budget == 0 {
            self.give_up(reason);
            return false;
        }
        *budget -= 1;
        true
    }

    /// A single record was too large. Where that is said of one after the other, it is not their size.
    pub(super) fn single_too_large(&mut self, reason: Reason) {
        self.budget.get_or_insert(0);
        self.singles += 1;
        if self.singles >= SINGLES {
            self.give_up(reason);
        }
    }

    /// Whether more than one record is refused for this reason without a search.
    pub(super) fn is_given_up(&self, reason: &Reason) -> bool {
        self.given_up.contains(reason)
    }

    /// Something arrived.
    pub(super) fn delivered(&mut self) {
        self.singles = 0;
    }

    fn give_up(&mut self, reason: Reason) {
        if self.given_up.len() >= REASONS {
            self.given_up.clear();
        }
        self.given_up.insert(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_does_not_depend_on_numbers_ids_and_names() {
        let same = [
            ("span 12 has a bad id", "span 9999 has a bad id"),
            ("trace 5b8efff798038103 is short", "trace 09aa81e2 is short"),
            ("stream 'a' is closed", "stream 'b c' is closed"),
            ("at 2026-01-02T03:04:05Z: no", "at 2027-11-12T13:14:15Z: no"),
            ("no \"x\" here", "no \"yy\" here"),
        ];
        for (one, other) in same {
            assert_eq!(Reason::of(one), Reason::of(other));
        }
        let different = [
            ("bad id", "bad time"),
            ("", "x"),
            ("span 1 of a", "span 1 of b"),
            ("can't read", "can't write"),
        ];
        for (one, other) in different {
            assert_ne!(Reason::of(one), Reason::of(other));
        }
    }

    #[test]
    fn a_long_message_makes_a_bounded_reason() {
        for long in ["ä word ", "x", "1 ", "'"] {
            assert!(Reason::of(&long.repeat(10_000)).0.chars().count() <= KEY_LEN, "{long}");
        }
    }

    #[test]
    fn a_search_ends_and_is_begun_again_only_after_a_clean_load() {
        let mut reasons = Reasons::default();
        let reason = || Reason::of("no");
        reasons.begin();
        let searched = (0..1000).take_while(|_| reasons.search(reason(), 1000)).count();
        assert_eq!(searched, 4 * 9 + 8);
        reasons.end();
        reasons.begin();
        assert!(!reasons.search(reason(), 1000), "remembered");
        reasons.end();
        reasons.begin();
        reasons.end();
        reasons.begin();
        assert!(reasons.search(reason(), 1000), "forgotten after a clean load");
    }

    #[test]
    fn other_reasons_have_a_search_of_their_own() {
        let mut reasons = Reasons::default();
        reasons.begin();
        while reasons.search(Reason::of("no"), 16) {}
        reasons.end();
        reasons.begin();
        assert!(reasons.search(Reason::of("never"), 16));
    }

    #[test]
    fn too_large_is_not_believed_of_one_record_after_the_other() {
        let mut reasons = Reasons::default();
        let reason = Reason::of("quota");
        for _ in 0..SINGLES - 1 {
            reasons.single_too_large(reason.clone());
        }
        assert!(!reasons.is_given_up(&reason));
        reasons.delivered();
        reasons.single_too_large(reason.clone());
        assert!(!reasons.is_given_up(&reason));
        for _ in 0..SINGLES {
            reasons.single_too_large(reason.clone());
        }
        assert!(reasons.is_given_up(&reason));
    }
}
