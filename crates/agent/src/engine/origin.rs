//! Where files come from: this machine, or an archive of another one.

use crate::config::Settings;
use crate::host;
use model::{NANOS_PER_SECOND, Span, Uuid};

/// What an engine has to know of the host whose files it reads, and what is to be done to their times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// What its lines would call it.
    pub(crate) host_name: String,
    pub(crate) uuid: Option<Uuid>,
    /// Nothing that is read will grow any more, and all of it is wanted: rotated siblings, last lines without a newline.
    pub(crate) finished: bool,
    pub(crate) shift: Shift,
}

impl Origin {
    pub(crate) fn this_machine(settings: &Settings) -> Self {
        let uuid = host::installation_uuid(&settings.inventory);
        Self { host_name: host::host_name(), uuid, finished: false, shift: Shift::default() }
    }
}

/// By how many seconds everything is moved in time on its way out. What is joined is joined before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift(pub(crate) i64);

impl Shift {
    pub(super) fn time(self, unix_nano: u64) -> u64 {
        let by = self.0.saturating_mul(NANOS_PER_SECOND.cast_signed());
        unix_nano.saturating_add_signed(by)
    }

    pub(super) fn span(self, span: &mut Span<'_>) {
        if self == Self::default() {
            return;
        }
        span.start_unix_nano = self.time(span.start_unix_nano);
        span.end_unix_nano = self.time(span.end_unix_nano);
        span.events.iter_mut().for_each(|event| event.time_unix_nano = self.time(event.time_unix_nano));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_by_whole_seconds_and_never_below_zero() {
        assert_eq!(Shift(2).time(1_000_000_007), 3_000_000_007);
        assert_eq!(Shift(-1).time(1_000_000_007), 7);
        assert_eq!(Shift(-9).time(1_000_000_007), 0);
        assert_eq!(Shift(i64::MAX).time(u64::MAX), u64::MAX);
    }
}
