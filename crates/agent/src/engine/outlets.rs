//! The signals' ways out, and the endpoints that they lead to.
//!
//! An endpoint is a scheme, a host and a port: what is sent there waits together and looks for a sign of life together
//! (`exporter::delivery::Endpoint`), whatever the paths are.

use super::exit::{Discard, Exit};
use super::outlet::{Outcome, Outlet, Request, Signal};
use super::shares::Shares;
use super::tally::Tallies;
use crate::config::{Destination, Settings};
use exporter::classify::{Answer, Class, classify};
use exporter::delivery::{Attempt, Endpoint};
use model::{Now, Receipt};

/// The ways out; `None`: the signal is left out of the configuration.
#[derive(Debug)]
pub(super) struct Outlets {
    pub(super) traces: Option<Outlet>,
    pub(super) logs: Option<Outlet>,
    /// Logs are read, and not sent.
    discard: Option<Discard>,
    endpoints: Endpoints,
    /// Where the agent's own metrics go, if others go there, too.
    metrics: Option<usize>,
}

impl Outlets {
    pub(super) fn new(settings: &Settings, shares: &Shares, now: Now) -> Self {
        let seed = now.wall_unix_nano;
        let mut endpoints = Endpoints { seed, list: Vec::new() };
        let mut outlet = |signal, destination: Option<&Destination>| {
            let to = destination?;
            let endpoint = endpoints.number(&origin(&to.transport.url));
            let seat = endpoints.list.get_mut(endpoint)?.1.join();
            Some(Outlet::new(signal, to, shares.requests, seed, (endpoint, seat)))
        };
        let export = &settings.export;
        let traces = outlet(Signal::Traces, export.traces.as_ref().filter(|_| settings.reads_spans()));
        let logs = outlet(Signal::Logs, export.logs.as_ref());
        let metrics = export.metrics.as_ref().and_then(|to| endpoints.find(&origin(&to.transport.url)));
        let discard = (logs.is_none() && settings.reads_logs()).then(Discard::default);
        Self { traces, logs, discard, endpoints, metrics }
    }

    /// The way of log records; `None`: logs are not read.
    pub(super) fn log_exit(&mut self) -> Option<Exit<'_>> {
        let send = self.logs.as_mut().map(Exit::Send);
        send.or_else(|| self.discard.as_mut().map(Exit::Discard))
    }

    /// The lines that went nowhere since it was asked last.
    pub(super) fn take_discarded(&mut self) -> Vec<Receipt> {
        self.discard.as_mut().map(Discard::take).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Outlet> {
        [&self.traces, &self.logs].into_iter().flatten()
    }

    /// The requests that may leave now.
    pub(super) fn poll(&mut self, now: Now, tallies: &mut Tallies) -> Vec<Request> {
        let ways = [(&mut self.traces, &mut tallies.traces), (&mut self.logs, &mut tallies.logs)];
        let requests = ways.into_iter().filter_map(|(outlet, tally)| {
            let outlet = outlet.as_mut()?;
            outlet.poll(now, self.endpoints.get(outlet.endpoint())?, tally)
        });
        requests.collect()
    }

    /// Takes the answer to a request.
    pub(super) fn answered(
        &mut self,
        signal: Signal,
        attempt: Attempt,
        answer: &Answer,
        now: Now,
        tallies: &mut Tallies,
    ) -> Vec<Outcome> {
        let outlet = match signal {
            Signal::Traces => self.traces.as_mut(),
            Signal::Logs => self.logs.as_mut(),
        };
        let Some(outlet) = outlet else { return Vec::new() };
        let Some(endpoint) = self.endpoints.get(outlet.endpoint()) else { return Vec::new() };
        outlet.answered(attempt, answer, now, endpoint, tallies.get(signal))
    }

    /// Takes the answer to the agent's own metrics: a wait that is named there holds for all.
    pub(super) fn metrics_answered(&mut self, answer: &Answer, now: Now) {
        if let (Class::Retry { not_before: Some(wait), .. }, Some(endpoint)) =
            (classify(answer, now), self.metrics.and_then(|number| self.endpoints.get(number)))
        {
            endpoint.asked_to_wait(wait, now);
        }
    }

    /// Whether the agent's own metrics are not to be sent now.
    pub(super) fn metrics_are_to_wait(&self, now: Now) -> bool {
        let endpoint = self.metrics.and_then(|number| self.endpoints.list.get(number));
        endpoint.is_some_and(|(_, endpoint)| endpoint.is_quiet(now))
    }
}

/// Each endpoint once, with its scheme, host and port.
#[derive(Debug)]
struct Endpoints {
    seed: u64,
    list: Vec<(String, Endpoint)>,
}

impl Endpoints {
    fn get(&mut self, number: usize) -> Option<&mut Endpoint> {
        self.list.get_mut(number).map(|(_, endpoint)| endpoint)
    }

    fn find(&self, origin: &str) -> Option<usize> {
        self.list.iter().position(|(known, _)| known == origin)
    }

    fn number(&mut self, origin: &str) -> usize {
        self.find(origin).unwrap_or_else(|| {
            self.list.push((origin.to_owned(), Endpoint::new(self.seed)));
            self.list.len() - 1
        })
    }
}

/// Scheme, host and port of a URL that was checked.
fn origin(url: &str) -> String {
    let Ok(uri) = url.parse::<http::Uri>() else { return url.to_owned() };
    let scheme = uri.scheme_str().unwrap_or("http");
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    format!("{scheme}://{}:{port}", uri.host().unwrap_or_default().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn paths_and_default_ports_make_no_other_endpoint() {
        let same = [
            ("http://h:4318/v1/traces", "http://H:4318/otlp/v1/logs?x=y"),
            ("http://h/v1/traces", "http://h:80/v1/logs"),
            ("https://h/v1/traces", "https://h:443/"),
        ];
        for (one, other) in same {
            assert_eq!(origin(one), origin(other));
        }
        let different =
            [("http://h:1", "https://h:1"), ("http://h:1", "http://h:2"), ("http://a", "http://b")];
        for (one, other) in different {
            assert_ne!(origin(one), origin(other));
        }
    }
}
