//! The number by which a log line is known again.
//!
//! A body carries it as its last word, ` m=000123`. Some lines can't: a body that is empty, or whose end has a
//! meaning (`… created by task D:…`). These carry it as their thread number, above [`MARKER_THREAD_BASE`].

/// Thread numbers from here on are markers.
pub const MARKER_THREAD_BASE: u64 = 1_000_000_000;

/// The marker of a record with this body and thread number, if it has one.
///
/// The last ` m=<digits>` counts: a closing bracket or other text may follow it.
#[must_use]
pub fn find_marker(body: &str, thread: Option<i64>) -> Option<u64> {
    in_body(body).or_else(|| in_thread(thread?))
}

fn in_body(body: &str) -> Option<u64> {
    let (before, after) = body.rsplit_once("m=")?;
    let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let stands_alone = before.is_empty() || before.ends_with(' ');
    after.get(..digits).filter(|_| stands_alone)?.parse().ok()
}

fn in_thread(thread: i64) -> Option<u64> {
    u64::try_from(thread).ok()?.checked_sub(MARKER_THREAD_BASE)
}

#[cfg(test)]
mod tests {
    use super::find_marker;

    #[test]
    fn markers_are_found_where_they_stand() {
        for (body, thread, expected) in [
            ("VM.start vm=1 m=000123", Some(7), Some(123)),
            ("text m=7]", None, Some(7)),
            ("m=12", None, Some(12)),
            ("", Some(1_000_000_042), Some(42)),
            ("task x D:1e95315e2423 created", Some(1_000_000_000), Some(0)),
            ("no marker", Some(12), None),
            ("vm=12", Some(-1), None),
            ("m=", None, None),
        ] {
            assert_eq!(find_marker(body, thread), expected, "{body:?} {thread:?}");
        }
    }
}
