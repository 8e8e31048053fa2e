//! Lines of the own log about what may happen with every request or every file: the first of a kind are told one by
//! one, the others are counted, and told as one line a minute.
//!
//! Pure: what happened and the time go in, what is to be told comes out. Counters are kept elsewhere and are exact.

use super::Signal;
use model::Now;
use std::collections::BTreeMap;
use std::time::Duration;
use watcher::Reason;

/// From one line about what was not told one by one to the next.
const EVERY: Duration = Duration::from_secs(60);

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Notice {
    /// Records were refused for good.
    SetAside(Signal),
    /// The server took a request, and had words about it.
    Said(Signal),
    /// Bytes that are not wanted.
    PassedOver(Reason),
    /// Bytes that were wanted.
    Lost(Reason),
}

impl Notice {
    /// How many are told one by one before they are only counted: a server's words are always the same; of files, some
    /// names are of use.
    fn told_at_once(self) -> u64 {
        match self {
            Self::SetAside(_) | Self::Said(_) => 1,
            Self::PassedOver(_) | Self::Lost(_) => 10,
        }
    }

    /// Writes the line about those that were only counted.
    pub(super) fn tell(self, rest: &Rest) {
        let Rest { events, amount, last } = rest;
        match self {
            Self::SetAside(signal) => {
                tracing::warn!(id = "XO1207", signal = signal.as_str(), more = events, records = amount, why = %last, "more was refused for good; set aside");
            }
            Self::Said(signal) => {
                tracing::warn!(id = "XO1208", signal = signal.as_str(), more = events, refused = amount, said = %last, "the collector took more requests and said");
            }
            Self::PassedOver(reason) => {
                tracing::info!(id = "XO1106", more = events, path = %last, bytes = amount, reason = reason.as_str(), "more was passed over");
            }
            Self::Lost(reason) => {
                tracing::error!(id = "XO1107", more = events, path = %last, bytes = amount, reason = reason.as_str(), "more was lost before it was delivered");
            }
        }
    }
}

/// What was counted since the last line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) events: u64,
    /// Records or bytes.
    pub(super) amount: u64,
    /// The last one's words.
    pub(super) last: String,
}

/// One kind, since it began.
#[derive(Debug)]
struct Recent {
    /// When the next line is due, or the kind is forgotten if there is nothing to tell.
    until: Duration,
    told: u64,
    rest: Rest,
}

/// What happened lately.
#[derive(Debug, Default)]
pub(super) struct Notices {
    recent: BTreeMap<Notice, Recent>,
}

impl Notices {
    /// Something happened; whether it is to be told at once.
    pub(super) fn note(&mut self, notice: Notice, amount: u64, words: &str, now: Now) -> bool {
        let recent = self.recent.entry(notice).or_insert_with(|| Recent {
            until: now.mono + EVERY,
            told: 0,
            rest: Rest::default(),
        });
        if recent.told < notice.told_at_once() {
            recent.told += 1;
            return true;
        }
        recent.rest.events += 1;
        recent.rest.amount += amount;
        words.clone_into(&mut recent.rest.last);
        false
    }

    /// What is to be told now. A kind of which nothing was heard for a minute begins anew.
    pub(super) fn due(&mut self, now: Now) -> impl Iterator<Item = (Notice, Rest)> + use<> {
        let mut due = Vec::new();
        self.recent.retain(|notice, recent| {
            if now.mono < recent.until {
                return true;
            }
            recent.until = now.mono + EVERY;
            let goes_on = recent.rest.events > 0;
            due.extend(goes_on.then(|| (*notice, std::mem::take(&mut recent.rest))));
            goes_on
        });
        due.into_iter()
    }

    /// All that was not told, at the end.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (Notice, Rest)> + use<> {
        let recent = std::mem::take(&mut self.recent).into_iter();
        recent.map(|(notice, recent)| (notice, recent.rest)).filter(|(_, rest)| rest.events > 0)
    }

    /// When there is something to be told.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.recent.values().filter(|recent| recent.rest.events > 0).map(|recent| recent.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Notice = Notice::SetAside(Signal::Logs);

    fn at(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall_unix_nano: 0 }
    }

    #[test]
    fn the_first_is_told_and_then_one_line_a_minute() {
        let mut notices = Notices::default();
        assert!(notices.note(KIND, 5, "no", at(10)));
        assert_eq!(notices.next_deadline(), None);
        let mut lines = 0;
        for second in 11..=310 {
            assert!(!notices.note(KIND, 2, &format!("no {second}"), at(second)));
            for (kind, rest) in notices.due(at(second)) {
                assert_eq!((kind, rest.amount, &rest.last), (KIND, 2 * rest.events, &format!("no {second}")));
                lines += 1;
            }
        }
        assert_eq!(lines, 5);
        assert!(notices.note(Notice::SetAside(Signal::Traces), 1, "", at(310)), "another kind");
    }

    #[test]
    fn after_a_quiet_minute_it_is_news_again() {
        let mut notices = Notices::default();
        assert!(notices.note(KIND, 1, "", at(0)));
        assert!(!notices.note(KIND, 1, "", at(1)));
        assert_eq!(notices.next_deadline(), Some(Duration::from_secs(60)));
        assert_eq!(notices.due(at(60)).count(), 1);
        assert_eq!(notices.due(at(120)).count(), 0);
        assert!(notices.note(KIND, 1, "", at(121)));
    }

    #[test]
    fn of_ten_thousand_files_ten_are_named() {
        let mut notices = Notices::default();
        let kind = Notice::PassedOver(Reason::TooOld);
        let told = (0..10_000).filter(|file| notices.note(kind, 7, &format!("/f{file}"), at(1))).count();
        assert_eq!(told, 10);
        let rest = Rest { events: 9_990, amount: 7 * 9_990, last: "/f9999".to_owned() };
        assert_eq!(notices.rest().collect::<Vec<_>>(), [(kind, rest)]);
        assert_eq!(notices.rest().count(), 0);
    }
}
