//! Lines that become events of their spans (`attach`): what the engine's loop does for them.

use super::Engine;
use super::attach::Attacher;
use super::tally::add;
use model::Now;

impl Engine {
    /// Up to which time lines have been read, so that spans may be sent with them; `None`: to the end, or they don't get
    /// on. Spans wait for no line: only in a backlog do they go behind those that are being read.
    pub(super) fn lines_up_to(&self, now: Now) -> Option<u64> {
        if self.looking {
            return Some(0);
        }
        let room = self.outlets.logs.as_ref().is_none_or(|outlet| outlet.has_room());
        let move_on = self.lines_move(now) && room && !self.correlator.is_full();
        self.logs.front_unix_nano(&self.watcher).filter(|_| move_on && !self.lines_wait_for_room())
    }

    /// Lines that are read for events alone wait in their files while there is no room for events.
    pub(super) fn lines_wait_for_room(&self) -> bool {
        self.outlets.logs.is_none() && self.attacher.as_ref().is_some_and(Attacher::is_half_full)
    }

    /// Settles the lines that are read for events alone, and ends the wait of those whose span has been sent.
    pub(super) fn settle_attached(&mut self, now: Now) {
        self.release_attached(now);
        for receipt in self.outlets.take_discarded() {
            add(&mut self.tallies.logs.dropped, "not_exported", 1);
            self.settle(receipt, 1);
        }
        if let Some(attacher) = self.attacher.as_mut().filter(|_| !self.traces.has_work()) {
            attacher.all_sent();
        }
    }

    /// Held lines that are events by now are done with, unless they are to leave as records as well: after a restart they
    /// would become events of another span.
    fn release_attached(&mut self, now: Now) {
        let done = self.attacher.as_mut().map(Attacher::take_done).unwrap_or_default();
        let (Some(mut exit), attacher) = (self.outlets.log_exit(), &mut self.attacher) else { return };
        let sends = exit.sends();
        for no in done.into_iter().filter(|_| !sends) {
            self.correlator.release(no, now, &mut |joined| exit.ship(&joined, attacher.as_mut(), now));
        }
    }
}
