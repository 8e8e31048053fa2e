//! What backends say with a 400 that the OTLP specification has another answer for.
//!
//! Loki stores the good lines of a request and answers 400 for the others, so its message decides: it is a
//! partial success (grafana/loki, `pkg/validation/validate.go` and the end of `Push` in
//! `pkg/ingester/stream.go`). Receivers written in Go answer 400 to a body beyond their limit
//! (`http.MaxBytesReader`), where the specification says 413.

/// Why a backend refused records of a request whose others it has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// By OTLP's `partial_success`; its message says why.
    PartialSuccess,
    /// Older than the backend takes at all.
    TooOld,
    /// Too far in the future.
    TooNew,
    /// Too far behind the newest record of its stream.
    TooFarBehind,
    /// The line is too long.
    LineTooLong,
    /// Too many attributes, or too large ones.
    Attributes,
    /// An index label the backend does not take.
    Label,
}

impl Refusal {
    /// The reason's short name, for counters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PartialSuccess => "partial_success",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::TooFarBehind => "too_far_behind",
            Self::LineTooLong => "line_too_long",
            Self::Attributes => "attributes",
            Self::Label => "label",
        }
    }
}

/// Loki's words for lines it leaves out of a request that it otherwise stores.
const LEFT_OUT: [(&str, Refusal); 12] = [
    ("entry too far behind", Refusal::TooFarBehind),
    ("entry out of order", Refusal::TooFarBehind),
    ("has timestamp too old", Refusal::TooOld),
    ("has timestamp too new", Refusal::TooNew),
    ("ax entry size", Refusal::LineTooLong),
    ("has structured metadata too large", Refusal::Attributes),
    ("has too many structured metadata labels", Refusal::Attributes),
    ("includes structured metadata, but this feature is disallowed", Refusal::Attributes),
    ("has label name too long", Refusal::Label),
    ("has label value too long", Refusal::Label),
    ("has duplicate label name", Refusal::Label),
    (" label names; limit ", Refusal::Label),
];

const TOO_LARGE: [&str; 4] =
    ["request body too large", "larger than max", "entity too large", "content too large"];

/// The reason, and at least how many records it hit, if the message of a 400 says that the others were
/// stored.
pub(super) fn left_out(message: &str) -> Option<(Refusal, u64)> {
    let (_, refusal) = LEFT_OUT.iter().find(|(words, _)| message.contains(words))?;
    let ignored = counts(message, "total ignored: ", Side::After);
    let alike = counts(message, " errors like: ", Side::Before);
    Some((*refusal, ignored.saturating_add(alike).max(1)))
}

/// Whether the message of a 400 means that the request was too large.
pub(super) fn is_too_large(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    TOO_LARGE.iter().any(|words| message.contains(words))
}

/// Whether the message of a 429 is about one stream: the request's other streams were stored.
pub(super) fn is_one_stream_throttled(message: &str) -> bool {
    message.contains("Per stream rate limit exceeded")
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// The sum of the numbers on one side of each place where `words` stands.
fn counts(message: &str, words: &str, side: Side) -> u64 {
    let numbers = message.match_indices(words).map(|(at, _)| match side {
        Side::Before => trailing_number(message.get(..at).unwrap_or_default()),
        Side::After => leading_number(message.get(at + words.len()..).unwrap_or_default()),
    });
    numbers.fold(0, u64::saturating_add)
}

fn leading_number(text: &str) -> u64 {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().parse().unwrap_or(0)
}

fn trailing_number(text: &str) -> u64 {
    let start = text.len() - text.bytes().rev().take_while(u8::is_ascii_digit).count();
    text.get(start..).unwrap_or_default().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lokis_words_name_reason_and_count() {
        let cases = [
            (
                "entry with timestamp 2026-01-02 03:04:05 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: \
                 2026-01-02T03:04:05Z, oldest acceptable timestamp is: 2026-01-02T04:04:05Z',\nuser 'fake', total ignored: 3 out of 10 for stream: {}",
                Some((Refusal::TooFarBehind, 3)),
            ),
            (
                "user 'a', total ignored: 3 out of 10 for stream: {a=\"1\"}\nentry too far behind\nuser 'a', total ignored: 4 out of 4",
                Some((Refusal::TooFarBehind, 7)),
            ),
            (
                "entry for stream '{service_name=\"xapi\"}' has timestamp too old: 2026-01-02T03:04:05Z, oldest acceptable timestamp is: x",
                Some((Refusal::TooOld, 1)),
            ),
            (
                "12 errors like: entry for stream '{}' has timestamp too new: 2030-01-01T00:00:00Z",
                Some((Refusal::TooNew, 12)),
            ),
            (
                "Max entry size '262144' bytes exceeded for stream '{}' while adding an entry",
                Some((Refusal::LineTooLong, 1)),
            ),
            (
                "stream '{}' has too many structured metadata labels: '200', limit: '128'.",
                Some((Refusal::Attributes, 1)),
            ),
            ("error parsing: unexpected EOF", None),
            ("", None),
        ];
        for (message, expected) in cases {
            assert_eq!(left_out(message), expected, "{message}");
        }
    }

    #[test]
    fn a_size_beyond_the_limit_is_known_by_its_words() {
        let cases = [
            ("http: request body too large", true),
            ("received message larger than max (6291456 vs 4194304)", true),
            ("413 Request Entity Too Large", true),
            ("trace ids must be 128 bit", false),
        ];
        for (message, expected) in cases {
            assert_eq!(is_too_large(message), expected, "{message}");
        }
    }
}
