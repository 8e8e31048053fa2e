//! The classes of faults, and how often each really happened: a run in which one never did proves nothing about it.

use std::fmt;

macro_rules! faults {
    ($($name:ident $text:literal)*) => {
        /// A class of faults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault {
            $(#[doc = $text] $name,)*
        }

        impl Fault {
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    Kill "killed"
    CleanStop "stopped and started"
    ClockJump "the wall clock jumped"
    Rotated "rotated under the reader"
    LateWriter "written to after the rotation"
    CopyTruncated "copied and truncated"
    Truncated "truncated"
    Gzipped "a rotated log compressed"
    Unlinked "unlinked before its .zst was whole"
    Trimmed "a trace file removed for good"
    InodeReused "an inode used again"
    TornLine "a line written in two pieces"
    DiskFull "a write cut by a full disk"
    ReadError "a read failed (EIO)"
    ShortRead "a read gave less than there was"
    CoarseTimes "times of whole seconds"
    EventMissed "no event for a change"
    EventsOverflowed "events overflowed"
    SaveLost "a save lost in a crash"
    StoreTorn "the store unreadable, its side-car older"
    StoreGone "the store and its side-car unreadable"
    StoreUnavailable "a save refused by the disk"
    StoreSlow "the store busy for long"
    Throttled "429"
    StreamThrottled "429 for one stream, the others stored"
    Unavailable "503"
    Gateway "502 or 504"
    Refused "connection refused"
    BlackHole "no answer in time"
    AnswerLost "stored, the answer lost"
    Unauthorized "401, 403 or 404"
    NotOtlp "200 with a page"
    TooLarge "413"
    BadRecord "400 for a bad record"
    PartialSuccess "partial success"
    LeftOut "400 that stored the others"
}

/// How often each happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; Fault::ALL.len()])
    }
}

impl Counts {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, count)| *sum += count);
    }

    pub(super) fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many classes occurred.
    pub(super) fn classes(&self) -> usize {
        self.0.iter().filter(|count| **count > 0).count()
    }

    /// The classes that never occurred.
    pub(super) fn missing(&self) -> Vec<Fault> {
        Fault::ALL.iter().copied().filter(|fault| self.of(*fault) == 0).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            writeln!(f, "{:>10}  {}", self.of(*fault), fault.as_str())?;
        }
        Ok(())
    }
}
