//! Keys that say what their value is.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

/// What a key says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A session: a secret only if it is a reference.
    Session,
    /// A secret.
    Secret,
    /// A cookie header: pairs with semicolons between.
    Cookie,
    /// An authorization header: mostly a scheme and its credentials.
    Authorization,
}

/// The words that make a key one of these, anywhere in it and in any case.
pub(super) const WORDS: [(&str, Kind); 9] = [
    ("password", Kind::Secret),
    ("passwd", Kind::Secret),
    ("secret", Kind::Secret),
    ("token", Kind::Secret),
    ("chap", Kind::Secret),
    ("session_id", Kind::Secret),
    ("cookie", Kind::Cookie),
    ("authorization", Kind::Authorization),
    ("session", Kind::Session),
];

/// Whether the log reader gave the key itself: these need no look for each line.
pub(super) fn is_of_log_lines(key: &str) -> bool {
    is_harmless(key) || key == "xs.xapi.session.track.id"
}

/// Whether it is one of those that have no key word in them.
pub(super) fn is_harmless(key: &str) -> bool {
    matches!(
        key,
        "code.namespace"
            | "thread.id"
            | "thread.name"
            | "client.address"
            | "xs.xapi.task.name"
            | "xs.xapi.task.id"
            | "process.executable.name"
            | "process.pid"
            | "xen.domain.id"
            | "log.file.path"
            | "log.record.uid"
            | "log.repeat_count"
    )
}

/// A key in a text: all the word that a key word stands in (`node.session.auth.password`, `chapuser`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) struct Keys {
    /// `None` can't be: nine short words make an automaton.
    words: Option<AhoCorasick>,
}

impl Keys {
    pub(super) fn new() -> Self {
        let words = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(WORDS.map(|(word, _)| word));
        Self { words: words.ok() }
    }

    /// What a whole key says; `None` for most.
    pub(super) fn kind(&self, key: &str) -> Option<Kind> {
        if is_harmless(key) {
            return None;
        }
        let hits = self.words.as_ref()?.find_iter(key);
        hits.filter_map(|hit| WORDS.get(hit.pattern().as_usize())).map(|(_, kind)| *kind).max()
    }

    /// The next key in a text, not before `from`.
    pub(super) fn next(&self, text: &str, from: usize) -> Option<Key> {
        let hit = self.words.as_ref()?.find(text.get(from..)?)?;
        let bytes = text.as_bytes();
        let before = bytes.get(from..from + hit.start())?;
        let behind = bytes.get(from + hit.end()..)?;
        let start = from + hit.start() - before.iter().rev().take_while(|byte| is_key(**byte)).count();
        let end = from + hit.end() + behind.iter().take_while(|byte| is_key(**byte)).count();
        let whole = text.get(start..end)?;
        let start = start + (whole.len() - whole.trim_start_matches(['-', '.']).len());
        let end = end - (whole.len() - whole.trim_end_matches(['-', '.']).len());
        Some(Key { start, end, kind: self.kind(text.get(start..end)?)? })
    }
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_LOG_LINES: [&str; 13] = [
        "code.namespace",
        "thread.id",
        "thread.name",
        "client.address",
        "xs.xapi.task.name",
        "xs.xapi.task.id",
        "xs.xapi.session.track.id",
        "process.executable.name",
        "process.pid",
        "xen.domain.id",
        "log.file.path",
        "log.record.uid",
        "log.repeat_count",
    ];

    #[test]
    fn keys_are_whole_words() {
        let cases = [
            ("the chappassword=x", Some(("chappassword", Kind::Secret))),
            ("--password x", Some(("password", Kind::Secret))),
            ("node.session.auth.PASSWORD.", Some(("node.session.auth.PASSWORD", Kind::Secret))),
            ("X-Auth-Token: x", Some(("X-Auth-Token", Kind::Secret))),
            ("\"session_id\"", Some(("session_id", Kind::Secret))),
            ("sessions", Some(("sessions", Kind::Session))),
            ("Set-Cookie", Some(("Set-Cookie", Kind::Cookie))),
            ("Proxy-Authorization", Some(("Proxy-Authorization", Kind::Authorization))),
            ("étoken", Some(("token", Kind::Secret))),
            ("trackid=1", None),
        ];
        let keys = Keys::new();
        for own in OF_LOG_LINES {
            assert!(is_of_log_lines(own), "{own}");
            let kind = keys.next(own, 0).map(|key| key.kind);
            assert_eq!(kind, keys.kind(own), "{own}");
            assert!(kind.is_none_or(|kind| kind == Kind::Session), "{own}");
        }
        for (text, expected) in cases {
            let key = keys.next(text, 0);
            assert_eq!(key.map(|key| (&text[key.start..key.end], key.kind)), expected, "{text}");
        }
    }
}
