//! Which zone a host's log lines are in.

use super::votes::{Offsets, Vote};
use crate::order;
use chrono::FixedOffset;
use parser::log::{Iana, Zone};
use std::fmt;

/// An offset counts as found when so many parts of a hundred say so.
const SURE: u64 = 90;
/// One alone may be chance.
const ENOUGH: u64 = 3;

/// What a zone was found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ZoneFrom {
    /// `--timezone`.
    Given,
    /// `timezone` of all logs in the configuration.
    Configured,
    /// Lines lie within spans of their task.
    Spans {
        /// How many tasks say so.
        votes: u64,
        /// How many say anything.
        of: u64,
    },
    /// Files were changed last when their last line was written.
    Dates {
        /// How many files say so.
        files: u64,
    },
    /// Nothing says anything: this machine's.
    ThisMachine,
}

impl fmt::Display for ZoneFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("as given"),
            Self::Configured => f.write_str("as configured"),
            Self::Spans { votes, of } => write!(f, "{votes} of {of} tasks with spans fit it"),
            Self::Dates { files } => write!(f, "the last change of {files} log files fits it"),
            Self::ThisMachine => {
                f.write_str("this machine's, as nothing in the files tells; --timezone says better")
            }
        }
    }
}

/// The zone, by what spans say, else by what files say. `local`: this machine's, which is taken where it fits as well, as
/// it knows when summer time begins.
pub(crate) fn choose(spans: &Offsets, files: &Offsets) -> (Zone, ZoneFrom) {
    let by_spans = winner(spans).filter(|(_, votes, _)| *votes >= ENOUGH);
    if let Some((zone, votes, of)) = by_spans {
        return (zone, ZoneFrom::Spans { votes, of });
    }
    match winner(files) {
        Some((zone, votes, _)) => (zone, ZoneFrom::Dates { files: votes }),
        None => (Zone::Local, ZoneFrom::ThisMachine),
    }
}

/// The zone that fits nearly all votes, how many it fits, and how many there are.
fn winner(offsets: &Offsets) -> Option<(Zone, u64, u64)> {
    let of: u64 = offsets.values().map(|vote| vote.count).sum();
    let mut ranked: Vec<(&i64, &Vote)> = offsets.iter().collect();
    order::by_key(&mut ranked, |(_, vote)| std::cmp::Reverse(vote.count));
    let (&best, vote) = *ranked.first()?;
    if vote.count * 100 >= of * SURE {
        return Some((fixed(best)?, vote.count, of));
    }
    // Two offsets, one after the other: summer time began or ended in between.
    let (_, other) = *ranked.get(1)?;
    let both = vote.count + other.count;
    let ranges: Vec<(i64, &Vote)> = ranked.iter().take(2).map(|(offset, vote)| (**offset, *vote)).collect();
    let zone = with_summer_time(&ranges).filter(|_| both * 100 >= of * SURE);
    zone.map(|zone| (zone, both, of))
}

fn fixed(offset: i64) -> Option<Zone> {
    let offset = FixedOffset::east_opt(i32::try_from(offset).ok()?)?;
    // This machine's own zone knows the days that no vote speaks of, but only a vote says that the host is in it.
    Some(Zone::Fixed(offset))
}

/// A zone that has these offsets at these times: any does, as it is right for all that was seen.
fn with_summer_time(ranges: &[(i64, &Vote)]) -> Option<Zone> {
    let wanted: Vec<(i64, i64)> = ranges
        .iter()
        .flat_map(|(offset, vote)| [(vote.first_unix, *offset), (vote.last_unix, *offset)])
        .collect();
    let is_local = wanted.iter().all(|(unix, offset)| Zone::Local.offset_at(*unix) == *offset);
    if is_local { Some(Zone::Local) } else { Iana::with_offsets(&wanted).map(Zone::Named) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-28 and 2026-03-30 at noon: summer time begins in Europe on the 29th.
    const WINTER: i64 = 1_774_699_200;
    const SUMMER: i64 = 1_774_872_000;

    fn offsets(votes: &[(i64, u64, i64)]) -> Offsets {
        let vote = |&(offset, count, unix): &(i64, u64, i64)| {
            (offset, Vote { count, first_unix: unix, last_unix: unix + 60 })
        };
        votes.iter().map(vote).collect()
    }

    #[test]
    fn spans_go_before_files_and_both_before_nothing() {
        let one_hour = fixed(3600).unwrap();
        let none = Offsets::new();
        let (spans, files) = (offsets(&[(3600, 40, WINTER), (0, 1, WINTER)]), offsets(&[(7200, 2, WINTER)]));
        assert_eq!(choose(&spans, &files), (one_hour, ZoneFrom::Spans { votes: 40, of: 41 }));
        assert_eq!(choose(&none, &files), (fixed(7200).unwrap(), ZoneFrom::Dates { files: 2 }));
        let few = offsets(&[(3600, 2, WINTER)]);
        assert_eq!(choose(&few, &none), (Zone::Local, ZoneFrom::ThisMachine));
        let torn = offsets(&[(3600, 10, WINTER), (7200, 10, WINTER), (0, 10, WINTER)]);
        assert_eq!(choose(&torn, &none).1, ZoneFrom::ThisMachine);
    }

    #[test]
    fn two_offsets_are_summer_time() {
        let votes = offsets(&[(3600, 10, WINTER), (7200, 12, SUMMER)]);
        let (zone, from) = choose(&votes, &Offsets::new());
        assert_eq!(from, ZoneFrom::Spans { votes: 22, of: 22 });
        assert_eq!((zone.offset_at(WINTER), zone.offset_at(SUMMER)), (3600, 7200), "{zone:?}");
        assert_eq!(zone.first_second(SUMMER + 7200), SUMMER);
        let backwards = offsets(&[(7200, 10, WINTER), (3600, 12, SUMMER)]);
        // Some zone of the world has even that; Europe's has not.
        assert_ne!(choose(&backwards, &Offsets::new()).0, Zone::parse("Europe/Paris").unwrap());
    }
}
