//! The way to the endpoints: names, connections, TLS, one empty request for each signal, and the server's clock.

use super::answer;
use super::finding::Finding;
use crate::config::{Destination, Export};
use crate::order;
use crate::shell::clock::Clock;
use bytes::Bytes;
use exporter::classify::{Answer, Failure};
use exporter::transport::{Hop, Probed, Transport};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a name server and a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds that clocks may differ without a word; the header `Date` has whole seconds.
const CLOCK_OK: u64 = 5;
/// Loki takes nothing that is further in the future (`creation_grace_period`, 10 minutes).
const CLOCK_BAD: u64 = 600;

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Facts {
    hops: Vec<HopFacts>,
    ways: Vec<Way>,
}

/// A host that connections go to.
#[derive(Debug)]
struct HopFacts {
    hop: Hop,
    /// Its addresses.
    addresses: Result<Vec<SocketAddr>, String>,
    /// The address that took a connection, and how long that took; `None` without addresses.
    connected: Option<Result<(SocketAddr, Duration), String>>,
}

/// One signal's way.
#[derive(Debug)]
struct Way {
    signal: &'static str,
    /// `None`: the configuration leaves it out.
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    /// Without its query.
    url: String,
    hop: Hop,
    outcome: Result<Answer, String>,
    /// The server's clock less ours, in seconds.
    ahead: Option<i64>,
}

/// Asks all at the same time.
pub(super) async fn gather(export: &Export, clock: Clock) -> Facts {
    let signals = [("traces", &export.traces), ("logs", &export.logs), ("metrics", &export.metrics)];
    let asking = signals.map(|(signal, to)| (signal, to.clone().map(|to| tokio::spawn(ask(to, clock)))));
    let mut facts = Facts::default();
    for (signal, asked) in asking {
        let asked = match asked {
            Some(task) => task.await.ok(),
            None => None,
        };
        facts.ways.push(Way { signal, asked });
    }
    let mut hops: Vec<Hop> =
        facts.ways.iter().filter_map(|way| Some(way.asked.as_ref()?.hop.clone())).collect();
    order::by(&mut hops, Ord::cmp);
    hops.dedup();
    for hop in hops {
        facts.hops.push(look(hop, clock).await);
    }
    facts
}

async fn ask(to: Destination, clock: Clock) -> Asked {
    let url = to.transport.url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let transport = match Transport::new(&to.transport) {
        Ok(transport) => transport,
        Err(error) => {
            let hop = Hop { host: String::new(), port: 0, is_proxy: false };
            return Asked { url, hop, outcome: Err(error.to_string()), ahead: None };
        }
    };
    let hop = transport.first_hop();
    let Probed { answer, date } = transport.probe(Bytes::new()).await;
    let date = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let now = clock.now().unix_seconds().cast_signed();
    let ahead = date.map(|date| date.as_secs().cast_signed().saturating_sub(now));
    Asked { url, hop, outcome: Ok(answer), ahead }
}

async fn look(hop: Hop, clock: Clock) -> HopFacts {
    let addresses = resolve(&hop).await;
    let connected = match &addresses {
        Ok(addresses) => Some(connect(addresses, clock).await),
        Err(_) => None,
    };
    HopFacts { hop, addresses, connected }
}

async fn resolve(hop: &Hop) -> Result<Vec<SocketAddr>, String> {
    match timeout(PATIENCE, tokio::net::lookup_host((hop.host.as_str(), hop.port))).await {
        Err(_) => Err("the name server does not answer".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(found)) => Ok(found.collect()),
    }
}

/// The first that takes a connection, or why the last did not.
async fn connect(addresses: &[SocketAddr], clock: Clock) -> Result<(SocketAddr, Duration), String> {
    let mut why = "it has no address".to_owned();
    for address in addresses {
        let begun = clock.now().mono;
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok((*address, clock.now().mono.saturating_sub(begun))),
            Ok(Err(error)) => why = format!("{error}, at {}", address.ip()),
            Err(_) => why = format!("no answer within {} s, at {}", PATIENCE.as_secs(), address.ip()),
        }
    }
    Err(why)
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut all: Vec<Finding> =
        facts.hops.iter().filter(|hop| !hop.hop.host.is_empty()).flat_map(hop).collect();
    all.extend(once(facts.ways.iter().filter_map(|way| tls(way.asked.as_ref()?))));
    all.extend(facts.ways.iter().map(request));
    all.extend(once(facts.ways.iter().filter_map(|way| clock(way.asked.as_ref()?))));
    all
}

/// Signals that share an endpoint share what is found of it.
fn once(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for finding in findings {
        if !all.iter().any(|other| other.subject == finding.subject) {
            all.push(finding);
        }
    }
    all
}

fn hop(facts: &HopFacts) -> Vec<Finding> {
    let Hop { host, port, is_proxy } = &facts.hop;
    let key = if *is_proxy { "export.proxy (or HTTPS_PROXY, HTTP_PROXY)" } else { "export.endpoint" };
    let name = match &facts.addresses {
        Ok(_) if host.parse::<IpAddr>().is_ok() => Finding::ok("net.dns", "is an address"),
        Ok(found) if !found.is_empty() => {
            let all: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
            Finding::ok("net.dns", format!("is {}", all.join(", ")))
        }
        Ok(_) => Finding::fail("net.dns", "has no address").mend(format!("getent hosts {host}")).mend(key),
        Err(why) => Finding::fail("net.dns", format!("has no address: {why}"))
            .mend(format!("getent hosts {host}; cat /etc/resolv.conf"))
            .mend(key),
    };
    let subject = if *is_proxy { format!("proxy {host}:{port}") } else { format!("{host}:{port}") };
    let connection = facts.connected.as_ref().map(|connected| match connected {
        Ok((address, took)) => {
            Finding::ok("net.tcp", format!("{address} took a connection in {} ms", took.as_millis()))
        }
        Err(why) => Finding::fail("net.tcp", format!("no connection: {why}"))
            .mend(format!("curl -v telnet://{host}:{port}   # a firewall between, or nothing listens there"))
            .mend(key),
    });
    let connection = connection.map(|finding| finding.of(&subject));
    std::iter::once(name.of(host)).chain(connection).collect()
}

/// Of https endpoints: whether TLS came about, where it was tried.
fn tls(asked: &Asked) -> Option<Finding> {
    let rest = asked.url.strip_prefix("https://")?;
    let subject = rest.split('/').next().unwrap_or_default();
    let finding = match asked.outcome.as_ref().ok()? {
        Answer::Failed(failed) => match failed.failure {
            Failure::Tls(why) => Finding::fail("net.tls", format!("{}: {}", failed.failure, failed.message))
                .mend(answer::tls_key(why)),
            _ => return None,
        },
        _ => Finding::ok("net.tls", "the certificate is good for this host"),
    };
    Some(finding.of(subject))
}

fn request(way: &Way) -> Finding {
    let id = match way.signal {
        "traces" => "otlp.traces",
        "logs" => "otlp.logs",
        _ => "otlp.metrics",
    };
    match &way.asked {
        None => Finding::ok(id, format!("{} are not sent, as the configuration says", way.signal)),
        Some(asked) => match &asked.outcome {
            Ok(said) => answer::judge(id, way.signal, &asked.url, said),
            Err(why) => Finding::fail(id, why.clone()).of(&asked.url).mend("xapi-observer check"),
        },
    }
}

fn clock(asked: &Asked) -> Option<Finding> {
    let ahead = asked.ahead?;
    let (off, side) = (ahead.unsigned_abs(), if ahead < 0 { "ahead of" } else { "behind" });
    let text = format!("this host's clock is {off} s {side} the server's");
    let finding = match off {
        off if off <= CLOCK_OK => Finding::ok("net.clock", "this host's clock and the server's agree"),
        off if off <= CLOCK_BAD => Finding::warn("net.clock", text).mend("chronyc tracking"),
        _ => Finding::fail("net.clock", format!("{text}: Loki refuses what is too new or too old"))
            .mend("chronyc tracking; systemctl restart chronyd"),
    };
    Some(finding.of(format!("{}:{}", asked.hop.host, asked.hop.port)))
}

#[cfg(test)]
mod tests;
