//! A mood and the records of a request → what is stored and what is answered. No I/O.

use super::rows::Row;
use super::script::{Code, Mood};
use std::time::Duration;

/// What is said, before a transport puts it into its own words.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    /// Full success.
    Success,
    /// Success without a body.
    NoContent,
    /// Success, with `partial_success`.
    Partial {
        /// How many records were refused.
        rejected: u64,
        /// For people.
        message: String,
    },
    /// Refused in the transport's own way.
    Refused {
        /// gRPC's code; HTTP's status follows from it, unless `status` is set.
        code: Code,
        /// An HTTP status that the code can't express (413).
        status: Option<u16>,
        /// For people.
        message: String,
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// Exactly this HTTP answer.
    Raw {
        /// HTTP status.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// As it is.
        body: Vec<u8>,
    },
}

/// When the answer goes out.
#[derive(Debug, PartialEq)]
pub(crate) enum When {
    /// At once.
    Now,
    /// So much later.
    After(Duration),
    /// Not at all; the connection stays.
    Never,
    /// Not at all; the connection is closed.
    Cut,
}

/// What is done with one request.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    /// The records to store.
    pub(crate) store: Vec<Row>,
    /// What is said.
    pub(crate) reply: Reply,
    /// When.
    pub(crate) when: When,
}

impl Verdict {
    fn stored(store: Vec<Row>, reply: Reply, when: When) -> Self {
        Self { store, reply, when }
    }

    fn refused(reply: Reply) -> Self {
        Self { store: Vec::new(), reply, when: When::Now }
    }
}

fn invalid(code: Code, status: Option<u16>, message: String) -> Reply {
    Reply::Refused { code, status, message, retry_after: None }
}

/// The answer to a request that can't be read.
pub(crate) fn malformed(message: String) -> Reply {
    invalid(Code::InvalidArgument, None, message)
}

fn raw(status: u16, header: (&str, &str), body: &str) -> Reply {
    let headers = vec![(header.0.to_owned(), header.1.to_owned())];
    Reply::Raw { status, headers, body: body.as_bytes().to_vec() }
}

/// Decides over a request of `bytes` uncompressed bytes.
pub(crate) fn verdict(mood: Mood, rows: Vec<Row>, bytes: usize) -> Verdict {
    match mood {
        Mood::Accept => Verdict::stored(rows, Reply::Success, When::Now),
        Mood::NoContent => Verdict::stored(rows, Reply::NoContent, When::Now),
        Mood::Slow(delay) => Verdict::stored(rows, Reply::Success, When::After(delay)),
        Mood::HangAfterStoring => Verdict::stored(rows, Reply::Success, When::Never),
        Mood::AnswerLost => Verdict::stored(rows, Reply::Success, When::Cut),
        Mood::Hang => Verdict::stored(Vec::new(), Reply::Success, When::Never),
        Mood::CloseBeforeReading => Verdict::stored(Vec::new(), Reply::Success, When::Cut),
        Mood::PartialSuccess { rejected, message } => partial(rows, rejected, message),
        Mood::Refuse { code, message, retry_after } => {
            Verdict::refused(Reply::Refused { code, status: None, message, retry_after })
        }
        Mood::Status { status, headers, body } => Verdict::refused(Reply::Raw { status, headers, body }),
        Mood::Html200 => Verdict::refused(raw(
            200,
            ("content-type", "text/html"),
            "<html><body>Please log in</body></html>",
        )),
        Mood::Redirect(to) => Verdict::refused(raw(307, ("location", &to), "")),
        Mood::TooLarge { limit } if bytes > limit => too_large(bytes, limit),
        Mood::TooLarge { .. } => Verdict::stored(rows, Reply::Success, When::Now),
        Mood::RejectIf { bad, store_others, message } => {
            let (bad, good): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| bad(row));
            if bad.is_empty() {
                return Verdict::stored(good, Reply::Success, When::Now);
            }
            let store = if store_others { good } else { Vec::new() };
            Verdict::stored(store, malformed(message), When::Now)
        }
    }
}

fn partial(mut rows: Vec<Row>, rejected: u64, message: String) -> Verdict {
    let kept = rows.len().saturating_sub(usize::try_from(rejected).unwrap_or(usize::MAX));
    let rejected = (rows.len() - kept) as u64;
    rows.truncate(kept);
    Verdict::stored(rows, Reply::Partial { rejected, message }, When::Now)
}

fn too_large(bytes: usize, limit: usize) -> Verdict {
    let message = format!("received message larger than max ({bytes} vs. {limit})");
    Verdict::refused(invalid(Code::ResourceExhausted, Some(413), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::rows::MetricRow;
    use std::sync::Arc;

    fn rows() -> Vec<Row> {
        let row = |name: &str| {
            Row::Metric(MetricRow {
                request: 0,
                name: name.into(),
                unit: String::new(),
                kind: "gauge",
                points: Vec::new(),
                resource: Arc::default(),
            })
        };
        vec![row("a"), row("b"), row("c")]
    }

    fn is_b(row: &Row) -> bool {
        matches!(row, Row::Metric(metric) if metric.name == "b")
    }

    #[test]
    fn each_mood_stores_and_answers_as_it_says() {
        let partial = |rejected| Mood::PartialSuccess { rejected, message: String::new() };
        let cases = [
            (Mood::Accept, 3, When::Now),
            (Mood::NoContent, 3, When::Now),
            (Mood::Slow(Duration::from_secs(1)), 3, When::After(Duration::from_secs(1))),
            (Mood::HangAfterStoring, 3, When::Never),
            (Mood::AnswerLost, 3, When::Cut),
            (Mood::Hang, 0, When::Never),
            (Mood::CloseBeforeReading, 0, When::Cut),
            (partial(1), 2, When::Now),
            (partial(9), 0, When::Now),
            (Mood::refuse(Code::Unavailable, ""), 0, When::Now),
            (Mood::status(502), 0, When::Now),
            (Mood::Html200, 0, When::Now),
            (Mood::Redirect("http://elsewhere/".into()), 0, When::Now),
            (Mood::TooLarge { limit: 100 }, 3, When::Now),
            (Mood::TooLarge { limit: 99 }, 0, When::Now),
            (Mood::reject_if(is_b), 0, When::Now),
            (Mood::store_others("too old", is_b), 2, When::Now),
            (Mood::reject_if(|_| false), 3, When::Now),
        ];
        for (mood, stored, when) in cases {
            let said = format!("{mood:?}");
            let verdict = verdict(mood, rows(), 100);
            assert_eq!((verdict.store.len(), verdict.when), (stored, when), "{said}");
        }
    }

    #[test]
    fn a_partial_success_never_refuses_more_than_came() {
        let verdict = verdict(Mood::PartialSuccess { rejected: 9, message: "m".into() }, rows(), 0);
        assert_eq!(verdict.reply, Reply::Partial { rejected: 3, message: "m".into() });
    }
}
