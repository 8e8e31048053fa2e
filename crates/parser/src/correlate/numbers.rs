//! xenopsd's own task numbers: `Parallel:task=<n>…` stands in the lines of work that was split, and `Task <n>
//! reference <dbg>` says for which task (xen-api `ocaml/xenopsd/lib/xenops_server.ml`).
//!
//! Numbers count up from a process's start. They are taken in the order of the log, so a number means what was said
//! of it last. When the process starts anew, what was known of it is forgotten: on its start-up line, or on a number
//! that begins again.

use super::key::TaskKey;
use super::origin::{HostNo, ServiceNo};
use crate::evidence::LineContext;
use model::TraceId;
use std::collections::{HashMap, VecDeque};

/// As many numbers are remembered, ended ones going first; about 500 KiB in all.
const MAX_NUMBERS: usize = 4096;
/// Numbers are drawn in one thread and logged in another, so one may come a little late.
const LATE_BY: u64 = 64;
/// As many numbers may stand for one another in turn.
const MAX_DEPTH: usize = 64;

/// A process whose numbers these are.
pub(super) type Process = (HostNo, ServiceNo);

/// What a number was said to mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) task: Option<TaskKey>,
    pub(super) parent: Option<u64>,
    pub(super) context: Option<LineContext>,
}

/// What a number leads to: a task, a trace, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) task: Option<TaskKey>,
    pub(super) trace: Option<TraceId>,
}

impl Meaning {
    /// Whether both can be said of one number: a second mention may leave something out.
    fn agrees(&self, other: &Self) -> bool {
        fn fits<V: PartialEq>(a: Option<V>, b: Option<V>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        fits(self.task, other.task) && fits(self.parent, other.parent) && fits(self.context, other.context)
    }

    fn or(self, other: Self) -> Self {
        Self {
            task: self.task.or(other.task),
            parent: self.parent.or(other.parent),
            context: self.context.or(other.context),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    meaning: Meaning,
    ended: bool,
    /// Tells this mention from an earlier one of the same number in the queues.
    serial: u64,
}

type Name = (Process, u64);

/// The numbers of all processes.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    known: HashMap<Name, Known>,
    highest: HashMap<Process, u64>,
    running: VecDeque<(Name, u64)>,
    ended: VecDeque<(Name, u64)>,
    serial: u64,
    evicted: u64,
}

impl Numbers {
    pub(super) fn means(&mut self, process: Process, number: u64, meaning: Meaning) {
        let before = self.known.get(&(process, number)).copied();
        if let Some(known) = before.filter(|known| known.meaning.agrees(&meaning)) {
            self.known.insert((process, number), Known { meaning: known.meaning.or(meaning), ..known });
            return;
        }
        let highest = self.highest.get(&process).copied().unwrap_or(0);
        if before.is_some() {
            self.forget(process, number);
        } else if number.saturating_add(LATE_BY) < highest {
            self.forget(process, 0);
        }
        self.remember((process, number), meaning);
    }

    /// An ended number is still known, as its last lines may follow, but goes first when there is no room.
    pub(super) fn ends(&mut self, process: Process, number: u64) {
        let name = (process, number);
        if let Some(known) = self.known.get_mut(&name).filter(|known| !known.ended) {
            known.ended = true;
            self.ended.push_back((name, known.serial));
            self.make_room();
        }
    }

    pub(super) fn process_started(&mut self, process: Process) {
        self.forget(process, 0);
    }

    /// The nearest task or trace, through the numbers that this one works for.
    pub(super) fn resolve(&self, process: Process, number: u64) -> Option<Resolved> {
        let mut number = number;
        for _ in 0..MAX_DEPTH {
            let meaning = self.known.get(&(process, number))?.meaning;
            if meaning.task.is_some() || meaning.context.is_some() {
                let trace = meaning.context.map(|context| context.trace_id);
                return Some(Resolved { task: meaning.task, trace });
            }
            number = meaning.parent?;
        }
        None
    }

    /// Numbers that made room for others.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    fn remember(&mut self, name: Name, meaning: Meaning) {
        self.serial += 1;
        self.known.insert(name, Known { meaning, ended: false, serial: self.serial });
        self.running.push_back((name, self.serial));
        let highest = self.highest.entry(name.0).or_default();
        *highest = name.1.max(*highest);
        self.make_room();
    }

    /// Forgets the process's numbers from `first` on: they are of a process that is gone.
    fn forget(&mut self, process: Process, first: u64) {
        self.known.retain(|(of, number), _| *of != process || *number < first);
        self.highest.insert(process, first);
    }

    fn make_room(&mut self) {
        while self.known.len() > MAX_NUMBERS {
            let Some((name, serial)) = self.ended.pop_front().or_else(|| self.running.pop_front()) else {
                return;
            };
            if self.known.get(&name).is_some_and(|known| known.serial == serial) {
                self.known.remove(&name);
                self.evicted += 1;
            }
        }
        self.sweep();
    }

    /// Drops from the queues what is no longer known, once that is most of them.
    fn sweep(&mut self) {
        let known = &self.known;
        let holds = |(name, serial): &(Name, u64), ended| {
            known.get(name).is_some_and(|known| known.serial == *serial && known.ended == ended)
        };
        if self.running.len() > 2 * MAX_NUMBERS {
            self.running.retain(|entry| holds(entry, false));
        }
        if self.ended.len() > 2 * MAX_NUMBERS {
            self.ended.retain(|entry| holds(entry, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XENOPSD: Process = (HostNo(1), ServiceNo(2));
    const ELSEWHERE: Process = (HostNo(2), ServiceNo(2));

    fn task(number: u64) -> Meaning {
        Meaning { task: TaskKey::from_bits(number), ..Meaning::default() }
    }

    fn works_for(number: u64) -> Meaning {
        Meaning { parent: Some(number), ..Meaning::default() }
    }

    fn meaning_of(numbers: &Numbers, number: u64) -> Option<u64> {
        numbers.resolve(XENOPSD, number)?.task.map(TaskKey::bits)
    }

    #[test]
    fn numbers_lead_through_numbers_and_loops_end() {
        let mut numbers = Numbers::default();
        numbers.means(XENOPSD, 5, task(50));
        numbers.means(XENOPSD, 6, works_for(5));
        numbers.means(XENOPSD, 7, works_for(6));
        numbers.means(XENOPSD, 8, works_for(9));
        numbers.means(XENOPSD, 9, works_for(8));
        for (number, task) in [(5, Some(50)), (7, Some(50)), (8, None), (10, None)] {
            assert_eq!(meaning_of(&numbers, number), task, "{number}");
        }
    }

    #[test]
    fn a_restart_forgets() {
        let mut numbers = Numbers::default();
        (100..=300).for_each(|number| numbers.means(XENOPSD, number, task(number)));
        numbers.means(XENOPSD, 299, task(299));
        assert_eq!(meaning_of(&numbers, 300), Some(300), "the same again is no restart");
        numbers.means(XENOPSD, 80, task(7));
        assert_eq!((meaning_of(&numbers, 300), meaning_of(&numbers, 80)), (None, Some(7)), "far too low");
        numbers.means(XENOPSD, 82, task(82));
        numbers.means(XENOPSD, 81, task(81));
        assert_eq!(meaning_of(&numbers, 82), Some(82), "a little late is no restart");
        numbers.means(XENOPSD, 80, task(8));
        assert_eq!((meaning_of(&numbers, 82), meaning_of(&numbers, 80)), (None, Some(8)), "said anew");
        numbers.process_started(XENOPSD);
        assert_eq!(meaning_of(&numbers, 80), None);
    }

    #[test]
    fn processes_are_apart() {
        let mut numbers = Numbers::default();
        numbers.means(XENOPSD, 5, task(50));
        numbers.means(ELSEWHERE, 5, task(51));
        numbers.process_started(ELSEWHERE);
        assert_eq!(meaning_of(&numbers, 5), Some(50));
    }

    #[test]
    fn the_ended_go_first_and_memory_is_bounded() {
        let mut numbers = Numbers::default();
        numbers.means(XENOPSD, 1, task(1));
        for number in 2..=100_000 {
            numbers.means(XENOPSD, number, task(number));
            numbers.ends(XENOPSD, number);
        }
        assert_eq!((meaning_of(&numbers, 1), meaning_of(&numbers, 100_000)), (Some(1), Some(100_000)));
        assert_eq!((numbers.len(), numbers.evicted()), (MAX_NUMBERS, 100_000 - MAX_NUMBERS as u64));
        assert!(numbers.running.len() + numbers.ended.len() <= 5 * MAX_NUMBERS);
    }
}
