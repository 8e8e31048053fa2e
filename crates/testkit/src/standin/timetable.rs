//! When each service flushes its spans and when it is restarted: known in advance, from the seed alone.
//!
//! XAPI's tracer writes finished spans every `export_interval`, and at a clean end of the service
//! (xen-api `ocaml/libs/tracing/tracing_export.ml`). A service that is killed takes its finished spans with it; spans
//! that are open at any restart are lost.

use super::options::Options;
use super::rng::{hash, unit};
use super::span::Service;
use super::time::SimTime;

/// The end of one life of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// When.
    pub at: SimTime,
    /// Whether finished spans are still written.
    pub clean: bool,
}

/// The timetable of all services of all hosts.
#[derive(Clone, Debug)]
pub struct Timetable {
    seed: u64,
    start: SimTime,
    end: SimTime,
    interval: u64,
    late_share: f64,
    restarts: Option<u64>,
}

const PHASE: u64 = 1;
const SKIP: u64 = 2;
const RESTART: u64 = 3;
/// No run of missed flushes is longer.
const MAX_SKIPS: u64 = 6;

impl Timetable {
    /// The timetable of these options.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            start: options.start,
            end: options.end,
            interval: options.flush_interval.max(1),
            late_share: options.late_share,
            restarts: options.restarts,
        }
    }

    /// The first flush of a service at or after a moment.
    #[must_use]
    pub fn flush_after(&self, host: u16, service: Service, at: SimTime) -> SimTime {
        let first = self.start.plus(self.hash(PHASE, host, service, 0) % self.interval);
        let mut tick = at.since(first).div_ceil(self.interval);
        let mut skipped = 0;
        while skipped < MAX_SKIPS && self.skips(host, service, tick) {
            tick += 1;
            skipped += 1;
        }
        first.plus(tick * self.interval)
    }

    /// The first restart of a service at or after a moment.
    #[must_use]
    pub fn restart_after(&self, host: u16, service: Service, at: SimTime) -> Option<Restart> {
        let interval = self.restarts.filter(|_| service != Service::Smapi)?;
        let window = at.since(self.start) / interval;
        (window..=window + 1)
            .map(|window| self.restart(host, service, window, interval))
            .find(|restart| restart.at >= at)
            .filter(|restart| restart.at < self.end)
    }

    /// When the life of a service began in which this moment falls.
    #[must_use]
    pub fn life_begin(&self, host: u16, service: Service, at: SimTime) -> SimTime {
        let Some(interval) = self.restarts else { return self.start };
        let window = at.since(self.start) / interval;
        (window.saturating_sub(1)..=window)
            .rev()
            .map(|window| self.restart(host, service, window, interval).at)
            .find(|begin| *begin <= at)
            .unwrap_or(self.start)
    }

    /// When a span is written; `None` if a restart takes it.
    #[must_use]
    pub fn export(&self, host: u16, service: Service, start: SimTime, end: SimTime) -> Option<SimTime> {
        let flush = self.flush_after(host, service, end);
        let Some(restart) = self.restart_after(host, service, start) else { return Some(flush) };
        if restart.at <= end {
            return None;
        }
        match restart {
            Restart { at, .. } if flush < at => Some(flush),
            Restart { at, clean } => clean.then_some(at),
        }
    }

    fn restart(&self, host: u16, service: Service, window: u64, interval: u64) -> Restart {
        let chance = self.hash(RESTART, host, service, window);
        let at = self.start.plus(window * interval + interval / 8 + chance % (interval / 4 * 3).max(1));
        Restart { at, clean: chance >> 63 == 0 }
    }

    fn skips(&self, host: u16, service: Service, tick: u64) -> bool {
        unit(self.hash(SKIP, host, service, tick)) < self.late_share
    }

    fn hash(&self, what: u64, host: u16, service: Service, index: u64) -> u64 {
        hash(&[self.seed, what, u64::from(host), service as u64, index])
    }
}

#[cfg(test)]
mod tests {
    use super::Timetable;
    use crate::standin::{Options, SECOND, Service};

    fn table(late_share: f64, restarts: Option<u64>) -> (Options, Timetable) {
        let options = Options { late_share, restarts, ..Options::default() };
        let table = Timetable::new(&options);
        (options, table)
    }

    #[test]
    fn flushes_are_an_interval_apart() {
        let (options, table) = table(0.0, None);
        let first = table.flush_after(0, Service::Xapi, options.start);
        let second = table.flush_after(0, Service::Xapi, first.plus(1));
        assert_eq!(second.since(first), 30 * SECOND);
        assert_eq!(table.flush_after(0, Service::Xapi, second), second);
    }

    #[test]
    fn missed_flushes_make_spans_late() {
        let (options, table) = table(0.5, None);
        let late = (0..1_000)
            .map(|i| options.start.plus(i * 30 * SECOND))
            .filter(|at| table.flush_after(0, Service::Xapi, *at).since(*at) > 31 * SECOND);
        assert!((400..600).contains(&late.count()));
    }

    #[test]
    fn a_restart_takes_what_is_open() {
        let (options, table) = table(0.0, Some(3600 * SECOND));
        let restart = table.restart_after(0, Service::Xapi, options.start).unwrap();
        let (before, after) = (restart.at.minus(SECOND), restart.at.plus(SECOND));
        assert_eq!(table.export(0, Service::Xapi, before, after), None);
        assert!(table.export(0, Service::Xapi, after, after).is_some());
        assert_eq!(table.life_begin(0, Service::Xapi, before), options.start);
        assert_eq!(table.life_begin(0, Service::Xapi, after), restart.at);
    }
}
