//! How far local time is from UTC, by those who can know.
//!
//! A span has UTC, and the lines of its task have local time and lie within it: for a task that is short against a quarter
//! of an hour, one offset alone fits. A file that was changed last when its last line was written says the same.

use model::TaskId;
use parser::evidence::SpanFacts;
use std::collections::{BTreeMap, HashMap};

/// Every zone's offset is a multiple of this, in seconds.
pub(super) const QUARTER: i64 = 900;
/// The farthest offsets in use are 14 hours.
const FARTHEST: i64 = 14 * 3600;
/// Longer tasks fit several offsets.
const LONGEST_TASK: u64 = 600_000_000;
/// Tasks that are remembered until a line names them.
const TASKS: usize = 200_000;
/// How long before a file's last change its last line may have been written, and the second it is rounded to.
const LINGER: i64 = 60;

/// How many said so, and the seconds (UTC) of the first and last of what they speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) count: u64,
    pub(crate) first_unix: i64,
    pub(crate) last_unix: i64,
}

/// The votes for each offset east of UTC, in seconds.
pub(crate) type Offsets = BTreeMap<i64, Vote>;

/// Spans that lines are waited for, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    tasks: HashMap<TaskId, (i64, i64)>,
    pub(crate) offsets: Offsets,
}

impl Votes {
    /// A span that may be a task's own.
    pub(super) fn span(&mut self, facts: &SpanFacts<'_>) {
        let length = facts.end_unix_micros.saturating_sub(facts.start_unix_micros);
        if let Some(task) = facts.task.filter(|_| facts.names_task && length <= LONGEST_TASK)
            && self.tasks.len() < TASKS
        {
            let seconds = |micros: u64| i64::try_from(micros / 1_000_000).unwrap_or(0);
            self.tasks.insert(task, (seconds(facts.start_unix_micros), seconds(facts.end_unix_micros)));
        }
    }

    /// A line of this task, at a local second. Each task has one vote.
    pub(super) fn line(&mut self, task: TaskId, local: i64) {
        let Some((start, end)) = self.tasks.get(&task) else { return };
        let (low, high) = (local - end - 1, local - start + 1);
        let offset = high.div_euclid(QUARTER) * QUARTER;
        if offset >= low && offset.abs() <= FARTHEST {
            self.tasks.remove(&task);
            add(&mut self.offsets, offset, local - offset);
        }
    }
}

/// What a file says whose last line has this local second.
pub(crate) fn of_file(local: i64, modified_unix: i64) -> Option<i64> {
    let distance = local - modified_unix;
    let offset = (distance + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
    (offset.abs() <= FARTHEST && (distance - offset).abs() <= LINGER).then_some(offset)
}

/// Adds a vote that speaks of this second.
pub(crate) fn add(offsets: &mut Offsets, offset: i64, unix: i64) {
    let vote = offsets.entry(offset).or_insert(Vote { count: 0, first_unix: unix, last_unix: unix });
    vote.count += 1;
    vote.first_unix = vote.first_unix.min(unix);
    vote.last_unix = vote.last_unix.max(unix);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(n: u8) -> TaskId {
        TaskId::parse(format!("R:{n:012x}").as_bytes()).unwrap()
    }

    #[test]
    fn a_short_task_tells_the_offset_once() {
        let mut votes = Votes::default();
        for n in 0..3 {
            votes.tasks.insert(task(n), (10_000, 10_020));
        }
        for (line, local) in
            [(0, 10_010 + 7200), (0, 10_011 + 7200), (1, 10_021 - 12_600), (2, 10_500), (9, 0)]
        {
            votes.line(task(line), local);
        }
        let found: Vec<_> = votes.offsets.iter().map(|(offset, vote)| (*offset, vote.count)).collect();
        assert_eq!(found, [(-12_600, 1), (7200, 1)]);
    }

    #[test]
    fn a_file_tells_the_offset_if_it_was_left_with_its_last_line() {
        for (local, modified, expected) in [
            (1_000_000, 1_000_002, Some(0)),
            (1_003_600, 1_000_000, Some(3600)),
            (1_000_000 - 9000, 1_000_030, Some(-9000)),
            (1_000_000, 1_000_300, None),
            (1_000_000, 2_000_000, None),
        ] {
            assert_eq!(of_file(local, modified), expected, "{local} {modified}");
        }
    }
}
