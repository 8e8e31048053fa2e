//! When to look without being told.
//!
//! With events from the kernel: at what lately grew and at the directories once a second while something goes
//! on; else at the directories each 30 s, and at the files one after another, all within ten minutes. Without
//! events: each second, and all files within 30 s.

use std::time::Duration;

const BUSY: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(30);
const SWEEP_NOTIFIED: Duration = Duration::from_secs(600);
const SWEEP_POLLING: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Default)]
pub(super) struct Timing {
    notified: bool,
    /// Something goes on that may end without an event.
    pub(super) restless: bool,
    last: Option<Duration>,
}

/// What a scan is to do.
pub(super) struct Due {
    /// Look at the directories.
    pub(super) directories: bool,
    /// The part of all files to look at, in thousandths.
    pub(super) sweep: u64,
}

impl Timing {
    /// The next scan looks at all directories.
    pub(super) fn rescan(&mut self) {
        self.last = None;
    }

    /// Whether the kernel tells of changes.
    pub(super) fn notified(&mut self, notified: bool) {
        self.notified = notified;
    }

    fn interval(&self) -> Duration {
        if self.restless || !self.notified { BUSY } else { QUIET }
    }

    /// When the next look is due.
    pub(super) fn next(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |last| last + self.interval())
    }

    /// What is due now.
    pub(super) fn due(&mut self, now: Duration) -> Due {
        if now < self.next() {
            return Due { directories: false, sweep: 0 };
        }
        let circle = if self.notified { SWEEP_NOTIFIED } else { SWEEP_POLLING };
        let sweep = match self.last {
            None => 1000,
            Some(last) => (now.saturating_sub(last).as_millis() * 1000).div_ceil(circle.as_millis()),
        };
        self.last = Some(now);
        Due { directories: true, sweep: u64::try_from(sweep).unwrap_or(1000).min(1000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_when_nothing_goes_on() {
        for (notified, restless, seconds, part) in
            [(true, false, 30, 50), (true, true, 1, 2), (false, false, 1, 34), (false, true, 1, 34)]
        {
            let mut timing = Timing { notified, restless, last: None };
            assert_eq!(timing.next(), Duration::ZERO);
            assert_eq!(timing.due(Duration::from_secs(100)).sweep, 1000);
            assert_eq!(timing.next(), Duration::from_secs(100 + seconds));
            assert!(!timing.due(Duration::from_millis(100_900)).directories);
            let due = timing.due(timing.next());
            assert_eq!((due.directories, due.sweep), (true, part), "{notified} {restless}");
        }
    }
}
