//! The checkpoint store as it can be at its worst: it answers late, refuses for a time, and a crash takes back what was
//! not synced; then the store itself may be unreadable and give the side-car's older positions, or nothing.
//!
//! It promises what the real one does (`watcher::store`): a save is whole or not at all, what was refused is kept in
//! memory and comes with the next one, the side-car is written every ten seconds and at a clean end.

use super::faults::{Counts, Fault};
use super::script::SECOND;
use crate::engine::Changes;
use std::collections::VecDeque;
use testkit::standin::Rng;
use watcher::store::{Entries, Trouble};

const SIDECAR_EVERY: u64 = 10 * SECOND;

/// Entries, and the number of the last save in them.
#[derive(Clone, Default)]
struct Image {
    entries: Entries,
    number: u64,
}

/// An order on its way: what changes, and its number.
struct Order {
    changes: Changes,
    number: u64,
}

pub(super) struct Store {
    rng: Rng,
    memory: Image,
    disk: Image,
    sidecar: Option<Image>,
    next_sidecar: u64,
    /// One is worked on, one may wait: as the channel to the store's thread.
    orders: VecDeque<Order>,
    /// When the first of them is done.
    due: u64,
    pub(super) unavailable: bool,
    pub(super) slow: bool,
    pub(super) counts: Counts,
}

/// What a start finds.
pub(super) struct Restored {
    pub(super) entries: Entries,
    /// There were others, and they are lost.
    pub(super) lost: bool,
    /// Saves up to this one are in it.
    pub(super) number: u64,
}

/// What a crash does to the files of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    None,
    /// The store can't be read; the side-car can, if there is one.
    Torn,
    /// Neither can.
    Gone,
}

impl Store {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            memory: Image::default(),
            disk: Image::default(),
            sidecar: None,
            next_sidecar: 0,
            orders: VecDeque::new(),
            due: 0,
            unavailable: false,
            slow: false,
            counts: Counts::default(),
        }
    }

    /// Takes changes, or gives them back while it is busy.
    pub(super) fn save(&mut self, changes: Changes, number: u64, now: u64) -> Result<(), Changes> {
        if self.orders.len() >= 2 {
            self.counts.add(Fault::StoreSlow);
            return Err(changes);
        }
        if self.orders.is_empty() {
            self.due = now + self.takes();
        }
        self.orders.push_back(Order { changes, number });
        Ok(())
    }

    fn takes(&mut self) -> u64 {
        let longest = if self.slow { 6 * SECOND } else { SECOND / 20 };
        self.rng.range(SECOND / 1000, longest)
    }

    /// When the save that is worked on is done.
    pub(super) fn due(&self) -> Option<u64> {
        (!self.orders.is_empty()).then_some(self.due)
    }

    /// Ends the save that is due; how it ended.
    pub(super) fn step(&mut self, now: u64) -> Option<Result<(), Trouble>> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        let order = self.orders.pop_front()?;
        self.due = now + self.takes();
        Some(self.carry_out(order, now))
    }

    fn carry_out(&mut self, order: Order, now: u64) -> Result<(), Trouble> {
        self.memory.number = order.number;
        for (key, value) in order.changes {
            match value {
                Some(value) => self.memory.entries.insert(key, value),
                None => self.memory.entries.remove(&key),
            };
        }
        if self.unavailable {
            self.counts.add(Fault::StoreUnavailable);
            return Err(Trouble::Unavailable { why: "no space left on device".to_owned() });
        }
        self.disk = self.memory.clone();
        if now >= self.next_sidecar {
            self.next_sidecar = now + SIDECAR_EVERY;
            self.sidecar = Some(self.disk.clone());
        }
        Ok(())
    }

    /// The last save of a clean end.
    pub(super) fn close(&mut self, changes: Changes, number: u64, now: u64) {
        self.orders.push_back(Order { changes, number });
        while let Some(order) = self.orders.pop_front() {
            let _ = self.carry_out(order, now);
        }
        if self.disk.number == self.memory.number {
            self.sidecar = Some(self.disk.clone());
        }
    }

    /// The process ends; what was not synced is gone.
    pub(super) fn crash(&mut self, damage: Damage, now: u64) {
        if let Some(order) = self.orders.pop_front().filter(|_| self.rng.chance(0.5)) {
            let _ = self.carry_out(order, now);
        }
        if !self.orders.is_empty() || self.disk.number < self.memory.number {
            self.counts.add(Fault::SaveLost);
        }
        self.orders.clear();
        match damage {
            Damage::None => {}
            Damage::Torn => self.disk = self.sidecar.clone().unwrap_or_default(),
            Damage::Gone => (self.disk, self.sidecar) = (Image::default(), None),
        }
        if damage != Damage::None {
            self.counts.add(if self.sidecar.is_some() { Fault::StoreTorn } else { Fault::StoreGone });
        }
    }

    /// What the next start finds.
    pub(super) fn open(&mut self) -> Restored {
        self.memory = self.disk.clone();
        self.next_sidecar = 0;
        let Image { entries, number } = self.disk.clone();
        Restored { lost: entries.is_empty(), entries, number }
    }

    /// How many saves are on disk, and how many entries.
    pub(super) fn is_begun(&self) -> bool {
        self.disk.entries.len() >= 2
    }
}
