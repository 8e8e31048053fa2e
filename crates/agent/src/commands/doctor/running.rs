//! The running agent, by what its `status` says.

use super::finding::Finding;
use crate::commands::status::seconds;
use crate::shell::control;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// What the socket says.
#[derive(Debug)]
pub(super) struct Facts {
    socket: PathBuf,
    status: Result<Value, io::ErrorKind>,
}

impl Facts {
    pub(super) fn gather(socket: &Path) -> Self {
        Self { socket: socket.to_path_buf(), status: control::ask(socket).map_err(|error| error.kind()) }
    }
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let status = match &facts.status {
        Ok(status) => status,
        Err(kind) => return vec![silent(*kind).of(facts.socket.display())],
    };
    let uptime = status.pointer("/uptime_seconds").and_then(Value::as_u64).unwrap_or_default();
    let mut all = vec![Finding::ok("agent.running", format!("an agent runs for {}", seconds(uptime)))];
    all.push(version(status));
    all.push(losses(status));
    let degraded = status.pointer("/degraded").and_then(Value::as_array).into_iter().flatten();
    let degraded = degraded.filter_map(Value::as_str);
    all.extend(degraded.map(|why| Finding::warn("agent.degraded", why).mend("xapi-observer status")));
    if all.iter().all(|finding| finding.id != "agent.degraded") {
        all.push(Finding::ok("agent.degraded", "nothing is degraded"));
    }
    let signals = status.pointer("/signals").and_then(Value::as_object).into_iter().flatten();
    all.extend(signals.map(|(signal, status)| endpoint(status).of(signal)));
    all
}

fn silent(kind: io::ErrorKind) -> Finding {
    match kind {
        io::ErrorKind::PermissionDenied => {
            Finding::warn("agent.running", "the socket is root's alone: whether an agent runs can't be told")
                .mend("sudo xapi-observer doctor")
        }
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            Finding::warn("agent.running", "no agent runs").mend("systemctl enable --now xapi-observer")
        }
        kind => Finding::fail("agent.running", format!("the agent does not answer: {kind}"))
            .mend("systemctl restart xapi-observer"),
    }
}

fn version(status: &Value) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    match status.pointer("/version").and_then(Value::as_str) {
        Some(running) if running == own => {
            Finding::ok("agent.version", format!("{own}, the same as this program"))
        }
        running => Finding::warn(
            "agent.version",
            format!(
                "the agent that runs is {}, this program is {own}",
                running.unwrap_or("of an unknown version")
            ),
        )
        .mend("systemctl restart xapi-observer"),
    }
}

/// Bytes and records that are gone, by reason.
fn losses(status: &Value) -> Finding {
    let signals = status.pointer("/signals").and_then(Value::as_object).into_iter().flatten();
    let mut told = Vec::new();
    for (signal, status) in signals {
        for (kind, unit) in [("lost_bytes", "bytes"), ("refused", "records"), ("set_aside", "records")] {
            let reasons = status.pointer(&format!("/tally/{kind}")).and_then(Value::as_object);
            for (reason, count) in reasons.into_iter().flatten() {
                told.push(format!("{signal}: {count} {unit} {} ({reason})", kind.trim_end_matches("_bytes")));
            }
        }
    }
    match told.is_empty() {
        true => Finding::ok("agent.losses", "nothing lost, refused or set aside since its start"),
        false => Finding::warn("agent.losses", told.join("; ")).mend("xapi-observer status"),
    }
}

fn endpoint(status: &Value) -> Finding {
    let word = |path: &str| status.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let since = status.pointer("/since_seconds").and_then(Value::as_u64).map(seconds).unwrap_or_default();
    let text = format!("{} for {since}: {}", word("/state"), word("/why"));
    match word("/state") {
        "ok" => Finding::ok("agent.endpoint", "delivers"),
        "retrying" => Finding::warn("agent.endpoint", text).mend("xapi-observer status"),
        _ => Finding::fail("agent.endpoint", text).mend("xapi-observer status"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;
    use serde_json::json;

    fn levels(status: Result<Value, io::ErrorKind>) -> Vec<(&'static str, Level)> {
        let found = judge(&Facts { socket: "/s".into(), status });
        found.into_iter().map(|finding| (finding.id, finding.level)).collect()
    }

    #[test]
    fn a_silent_agent() {
        for (kind, level) in [
            (io::ErrorKind::NotFound, Level::Warn),
            (io::ErrorKind::ConnectionRefused, Level::Warn),
            (io::ErrorKind::PermissionDenied, Level::Warn),
            (io::ErrorKind::TimedOut, Level::Fail),
        ] {
            assert_eq!(levels(Err(kind)), [("agent.running", level)], "{kind:?}");
        }
    }

    #[test]
    fn what_a_running_agent_says_of_itself() {
        let version = env!("CARGO_PKG_VERSION");
        let good =
            json!({"version": version, "degraded": [], "signals": {"logs": {"state": "ok", "tally": {}}}});
        let all = ["agent.running", "agent.version", "agent.losses", "agent.degraded", "agent.endpoint"];
        assert_eq!(levels(Ok(good)), all.map(|id| (id, Level::Ok)));
        let bad = json!({"version": "0.0.1", "degraded": ["disk full"], "signals": {
            "logs": {"state": "blocked", "why": "401", "since_seconds": 5, "tally": {"lost_bytes": {"deleted": 7}}},
            "traces": {"state": "retrying", "why": "x", "tally": {"set_aside": {"refused": 1}}}}});
        let expected = [
            ("agent.running", Level::Ok),
            ("agent.version", Level::Warn),
            ("agent.losses", Level::Warn),
            ("agent.degraded", Level::Warn),
            ("agent.endpoint", Level::Fail),
            ("agent.endpoint", Level::Warn),
        ];
        assert_eq!(levels(Ok(bad)), expected);
    }
}
