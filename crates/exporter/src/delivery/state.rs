//! What the outside is told: what became of records, and how the endpoint is.

use std::ops::Range;
use std::time::Duration;

use crate::classify::{Blocked, Refusal, Retry};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send these records of the load as one request, and bring its answer back under this number.
    Send {
        /// Names the request.
        attempt: Attempt,
        /// The records.
        range: Range<usize>,
        /// Set if the server may have them already: count it.
        resend: Option<Resend>,
    },
    /// Nothing before this monotonic time.
    WaitUntil(Duration),
    /// Nothing until something is offered or answered.
    Idle,
}

/// Names a request; an answer to another than the open one is of no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt(pub(super) u64);

/// Why records are sent again that the server may have stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resend {
    /// The answer was lost or late, or did not say.
    Unanswered(Retry),
    /// The request was refused, and its parts are sent again in search of the bad record.
    Refused,
}

impl Resend {
    /// The reason's short name, for counters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unanswered(why) => why.as_str(),
            Self::Refused => "refused",
        }
    }
}

/// What an answer brought about, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// These records of the load are done with; each record is settled once.
    Settled {
        /// The records.
        range: Range<usize>,
        /// What became of them.
        how: How,
    },
    /// The endpoint is in another state than before.
    StateChanged(State),
}

/// What became of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// With the server.
    Delivered {
        /// The server's warning; empty if it had none.
        warning: String,
    },
    /// With the server but for some, which it refused for good and does not name.
    PartlyRefused {
        /// Why.
        refusal: Refusal,
        /// At least how many; from 1 to the range's length.
        refused: u64,
        /// The server's words.
        message: String,
    },
    /// Refused for good: to be kept aside.
    SetAside {
        /// Whether they were refused for their size.
        too_large: bool,
        /// The server's words.
        message: String,
    },
}

/// How an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It takes what it gets, as far as is known.
    Ok,
    /// It does not take anything at the moment.
    Retrying {
        /// The monotonic time of the first failure.
        since: Duration,
        /// The last failure's kind.
        why: Retry,
        /// The last failure in words.
        message: String,
    },
    /// It won't take anything before somebody has repaired it, or our configuration.
    Blocked {
        /// The monotonic time of the first failure.
        since: Duration,
        /// What is wrong.
        why: Blocked,
        /// The same in words.
        message: String,
    },
    /// It answers, but has refused over half of the last 1,000 records.
    Refusing {
        /// Its words about the last of them.
        message: String,
    },
}

impl State {
    /// Whether `other` would be shown as the same: the words of a failure may differ from one try to the
    /// next.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ok, Self::Ok) | (Self::Refusing { .. }, Self::Refusing { .. }) => true,
            (Self::Retrying { why: one, .. }, Self::Retrying { why: other, .. }) => one == other,
            (Self::Blocked { why: one, .. }, Self::Blocked { why: other, .. }) => one == other,
            _ => false,
        }
    }

    /// Since when nothing arrives; `None` while something does.
    #[must_use]
    pub fn since(&self) -> Option<Duration> {
        match self {
            Self::Retrying { since, .. } | Self::Blocked { since, .. } => Some(*since),
            Self::Ok | Self::Refusing { .. } => None,
        }
    }
}
