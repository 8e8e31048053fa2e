//! How the collector answers: a mood for each signal, or a row of them.

use super::rows::Row;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
pub use tonic::Code;

/// What a predicate on records says: `true` for a record that is refused.
pub type Bad = Arc<dyn Fn(&Row) -> bool + Send + Sync>;

/// How one request is answered.
#[derive(Clone, Default)]
pub enum Mood {
    /// Stored, full success.
    #[default]
    Accept,
    /// Stored; HTTP 204 without a body, as Loki says it (on gRPC as [`Mood::Accept`]).
    NoContent,
    /// Not stored; refused in the transport's own way: a gRPC status with `RetryInfo`, or the HTTP status that
    /// fits the code with a `google.rpc.Status` body and `Retry-After` (whole seconds, rounded up).
    Refuse {
        /// Why.
        code: Code,
        /// For people.
        message: String,
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// Not stored; exactly this HTTP answer, on gRPC too (as a proxy in between would give it).
    Status {
        /// HTTP status.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// As it is.
        body: Vec<u8>,
    },
    /// All but the last `rejected` records stored; success with `partial_success`. 0 with a message is a warning.
    PartialSuccess {
        /// How many are refused.
        rejected: u64,
        /// For people.
        message: String,
    },
    /// Read, not stored, never answered.
    Hang,
    /// Read and stored, never answered.
    HangAfterStoring,
    /// Read and stored, then the connection is closed without an answer.
    AnswerLost,
    /// The connection is closed when the request's head has come.
    CloseBeforeReading,
    /// Not stored; 200 with an HTML page, as a captive portal gives it.
    Html200,
    /// Not stored; 307 to this location.
    Redirect(String),
    /// Stored when it comes, answered this much later.
    Slow(Duration),
    /// Not stored if its uncompressed bytes are more than `limit`: HTTP 413, gRPC RESOURCE_EXHAUSTED.
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// Refused with HTTP 400 or INVALID_ARGUMENT if any record is bad.
    RejectIf {
        /// Which records are bad.
        bad: Bad,
        /// Whether the good records are stored all the same, as Loki does.
        store_others: bool,
        /// For people.
        message: String,
    },
}

impl Mood {
    /// A refusal with this code.
    pub fn refuse(code: Code, message: impl Into<String>) -> Self {
        Self::Refuse { code, message: message.into(), retry_after: None }
    }

    /// A refusal that says when to come back.
    pub fn retry_after(code: Code, delay: Duration) -> Self {
        Self::Refuse { code, message: "come back later".into(), retry_after: Some(delay) }
    }

    /// An HTTP status alone.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Refuses the whole request if one record is bad.
    pub fn reject_if(bad: impl Fn(&Row) -> bool + Send + Sync + 'static) -> Self {
        Self::RejectIf { bad: Arc::new(bad), store_others: false, message: "a record is bad".into() }
    }

    /// Refuses with `message`, but stores the records that are not bad: Loki's way with lines that are too old.
    pub fn store_others(message: &str, bad: impl Fn(&Row) -> bool + Send + Sync + 'static) -> Self {
        Self::RejectIf { bad: Arc::new(bad), store_others: true, message: message.into() }
    }
}

impl fmt::Debug for Mood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("Accept"),
            Self::NoContent => f.write_str("NoContent"),
            Self::Refuse { code, retry_after, .. } => write!(f, "Refuse({code:?}, {retry_after:?})"),
            Self::Status { status, .. } => write!(f, "Status({status})"),
            Self::PartialSuccess { rejected, .. } => write!(f, "PartialSuccess({rejected})"),
            Self::Hang => f.write_str("Hang"),
            Self::HangAfterStoring => f.write_str("HangAfterStoring"),
            Self::AnswerLost => f.write_str("AnswerLost"),
            Self::CloseBeforeReading => f.write_str("CloseBeforeReading"),
            Self::Html200 => f.write_str("Html200"),
            Self::Redirect(to) => write!(f, "Redirect({to})"),
            Self::Slow(delay) => write!(f, "Slow({delay:?})"),
            Self::TooLarge { limit } => write!(f, "TooLarge({limit})"),
            Self::RejectIf { store_others, .. } => write!(f, "RejectIf(store_others: {store_others})"),
        }
    }
}

/// The moods of a signal, in order. When all are used up, the collector accepts.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<(Option<u64>, Mood)>,
}

impl Script {
    /// This mood for every request to come.
    #[must_use]
    pub fn always(mood: Mood) -> Self {
        Self { steps: VecDeque::from([(None, mood)]) }
    }

    /// This mood for the next `times` requests.
    #[must_use]
    pub fn times(times: u64, mood: Mood) -> Self {
        Self::default().then(times, mood)
    }

    /// After what was said before, this mood for `times` requests.
    #[must_use]
    pub fn then(mut self, times: u64, mood: Mood) -> Self {
        self.steps.push_back((Some(times), mood));
        self
    }

    /// After what was said before, this mood for ever.
    #[must_use]
    pub fn finally(mut self, mood: Mood) -> Self {
        self.steps.push_back((None, mood));
        self
    }

    /// The mood for a request that comes now.
    pub(crate) fn next(&mut self) -> Mood {
        loop {
            match self.steps.front_mut() {
                None => return Mood::Accept,
                Some((None, mood)) => return mood.clone(),
                Some((Some(0), _)) => drop(self.steps.pop_front()),
                Some((Some(left), mood)) => {
                    *left -= 1;
                    return mood.clone();
                }
            }
        }
    }
}

impl From<Mood> for Script {
    fn from(mood: Mood) -> Self {
        Self::always(mood)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moods_follow_each_other() {
        let mut script = Script::times(2, Mood::Hang).then(0, Mood::Html200).then(1, Mood::AnswerLost);
        let seen: Vec<String> = (0..4).map(|_| format!("{:?}", script.next())).collect();
        assert_eq!(seen, ["Hang", "Hang", "AnswerLost", "Accept"]);
        let mut script = Script::times(1, Mood::Hang).finally(Mood::NoContent);
        let seen: Vec<String> = (0..3).map(|_| format!("{:?}", script.next())).collect();
        assert_eq!(seen, ["Hang", "NoContent", "NoContent"]);
    }
}
