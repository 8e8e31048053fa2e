//! How far the trace files have been read, and what that means for a line that waits.

use model::Now;
use std::time::Duration;

/// While no trace file changes for so long, nothing is traced and no line can gain by waiting.
const QUIET: i64 = 600 * 1_000_000_000;

/// How far the files have been read, as the caller sees it at one moment.
///
/// Where there are no trace files to read, they are at their end and never changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilesRead {
    /// Everything that the trace files held when the data's own clock stood here was read (nanoseconds since the
    /// epoch): in catch-up, each file that was last written before this was read whole.
    pub traces_up_to_unix_nano: Option<u64>,
    /// The trace files were read to their present end: no byte of theirs is known to be unread.
    pub traces_at_end: bool,
    /// The newest change of any trace file (nanoseconds since the epoch), read or not; `None` if there is no file.
    pub last_change_unix_nano: Option<u64>,
    /// So were the logs, and what was read of them was handed in.
    pub logs_at_end: bool,
}

/// What was said of the trace files so far. Times on the monotonic clock are signed: a line older than the program
/// was born before its start.
#[derive(Debug, Default)]
pub(super) struct Reading {
    up_to: Option<i64>,
    at_end: bool,
    /// The last moment at which they were at their end.
    at_end_mono: Option<i64>,
    /// When the newest change is taken to have happened.
    changed_mono: Option<i64>,
    last_change: Option<u64>,
    looked_mono: Option<i64>,
}

impl Reading {
    pub(super) fn note(&mut self, files: FilesRead, now: Now) {
        let mono = nanos(now.mono);
        if files.last_change_unix_nano != self.last_change || self.looked_mono.is_none() {
            self.last_change = files.last_change_unix_nano;
            self.changed_mono = self.last_change.map(|change| mono.saturating_sub(self.age(change, now)));
        }
        self.up_to = files.traces_up_to_unix_nano.map(signed);
        self.at_end = files.traces_at_end;
        self.at_end_mono = if files.traces_at_end { Some(mono) } else { self.at_end_mono };
        self.looked_mono = Some(mono);
    }

    /// How long ago a change happened: what the wall clock says, but not before the last look, which did not see it.
    /// So a wall clock that jumps makes no trace file look old.
    fn age(&self, change: u64, now: Now) -> i64 {
        let age = signed(now.wall_unix_nano.saturating_sub(change));
        let since_look = self.looked_mono.map(|looked| nanos(now.mono).saturating_sub(looked));
        since_look.map_or(age, |most| age.min(most))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// When tracing counts as off, if nothing changes until then; `None` if it counts as off already.
    pub(super) fn quiet_from(&self) -> Option<i64> {
        self.changed_mono.map(|changed| changed.saturating_add(QUIET))
    }

    /// Whether nothing is traced at present.
    pub(super) fn is_quiet(&self, mono: i64) -> bool {
        self.at_end && self.quiet_from().is_none_or(|from| mono >= from)
    }

    /// Whether the trace files were at their end at this moment or later.
    pub(super) fn was_at_end(&self, mono: i64) -> bool {
        self.at_end_mono.is_some_and(|at_end| at_end >= mono)
    }

    /// Whether everything was read that was written before this time of the data.
    pub(super) fn covers(&self, unix_nano: i64) -> bool {
        self.up_to.is_some_and(|up_to| up_to >= unix_nano)
    }

    /// The latest time of the data for which that is so.
    pub(super) fn up_to(&self) -> Option<i64> {
        self.up_to
    }
}

/// Nanoseconds of a duration; a program doesn't run for the 292 years that this is good for.
pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Looks at `(mono, wall, last change)`, all in seconds; then, is it quiet?
    fn check(looks: &[(u64, u64, Option<u64>)], expected: bool) {
        let mut reading = Reading::default();
        for (mono, wall, change) in looks {
            let now = Now { mono: Duration::from_secs(*mono), wall_unix_nano: wall * SECOND };
            let last_change_unix_nano = change.map(|change| change * SECOND);
            reading
                .note(FilesRead { traces_at_end: true, last_change_unix_nano, ..FilesRead::default() }, now);
        }
        let mono = looks.last().map_or(0, |look| look.0);
        assert_eq!(reading.is_quiet((mono * SECOND) as i64), expected, "{looks:?}");
    }

    #[test]
    fn ten_minutes_without_a_change_are_quiet() {
        check(&[(0, 10_000, None)], true);
        check(&[(0, 10_000, Some(9_401))], false);
        check(&[(0, 10_000, Some(9_400))], true);
        check(&[(0, 10_000, Some(9_990)), (590, 10_590, Some(9_990))], true);
        check(&[(0, 10_000, Some(9_000)), (10, 10_010, Some(10_009))], false);
    }

    #[test]
    fn a_clock_that_jumps_makes_no_quiet() {
        check(&[(0, 10_000, Some(9_990)), (1, 13_601, Some(9_990))], false);
        check(&[(0, 10_000, Some(9_990)), (1, 13_601, Some(10_001))], false);
        check(&[(0, 10_000, Some(20_000))], false);
        check(&[(0, 10_000, Some(20_000)), (600, 10_600, Some(20_000))], true);
    }

    #[test]
    fn nothing_is_quiet_before_the_end() {
        assert!(!Reading::default().is_quiet(i64::MAX));
    }
}
