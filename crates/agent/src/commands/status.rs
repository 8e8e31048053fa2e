//! `status`: asks the running agent and shows its answer, for people or as JSON.

use super::check::load;
use crate::cli::{Failure, Outcome, StatusOptions};
use crate::shell::control;
use serde_json::Value;
use std::fmt::Write as _;

/// Asks over the control socket of the configuration.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &StatusOptions) -> Outcome {
    let settings = load(options.config.config.as_deref())?;
    let socket = settings.telemetry.socket;
    let status = control::ask(&socket).map_err(|error| {
        Failure::Running(format!(
            "no agent answers on {}: {error}; is it running? (systemctl status xapi-observer)",
            socket.display()
        ))
    })?;
    if options.json {
        println!("{status}");
    } else {
        print!("{}", show(&status));
    }
    Ok(())
}

/// The answer for people.
fn show(status: &Value) -> String {
    let mut text = String::new();
    let (version, uptime) = (word(status, "/version"), seconds(number(status, "/uptime_seconds")));
    let _ = writeln!(text, "xapi-observer {version} up {uptime}");
    let (name, uuid, pool) =
        (word(status, "/host/name"), word(status, "/host/uuid"), word(status, "/host/pool_uuid"));
    let _ = writeln!(text, "host {name} uuid {uuid} pool {pool}");
    for trouble in list(status, "/degraded") {
        let _ = writeln!(text, "degraded: {}", word(trouble, ""));
    }
    table(status, "/signals").for_each(|(name, signal)| show_signal(&mut text, name, signal));
    show_correlation(&mut text, status);
    show_files(&mut text, status);
    text
}

fn show_signal(text: &mut String, name: &str, signal: &Value) {
    let _ = write!(text, "{name}: {} → {}", word(signal, "/state"), word(signal, "/endpoint"));
    if let Some(since) = signal.pointer("/since_seconds").and_then(Value::as_u64) {
        let _ = write!(text, " for {}: {}", seconds(since), word(signal, "/why"));
    }
    let (read, delivered) = (number(signal, "/tally/records"), number(signal, "/tally/delivered"));
    let _ = writeln!(
        text,
        "\n  {read} read, {delivered} delivered, {} requests",
        number(signal, "/tally/requests")
    );
    for kind in ["dropped", "refused", "set_aside", "resent", "passed_over_bytes", "lost_bytes"] {
        for (reason, count) in table(signal, &format!("/tally/{kind}")) {
            let _ = writeln!(text, "  {}: {count} ({reason})", kind.replace('_', " "));
        }
    }
}

fn show_correlation(text: &mut String, status: &Value) {
    let share = status.pointer("/correlation/joined_share").and_then(Value::as_f64);
    let share = share.map_or_else(|| "none".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let held = number(status, "/correlation/held_lines");
    let _ = writeln!(text, "correlation: {share} of the lines with an id joined, {held} held");
    for (outcome, count) in table(status, "/correlation/outcomes") {
        let _ = writeln!(text, "  {outcome}: {count}");
    }
}

fn show_files(text: &mut String, status: &Value) {
    let drained = number(status, "/drained_files");
    let _ = writeln!(text, "files: {drained} drained trace files, watched by {}", word(status, "/watching"));
    for file in list(status, "/files") {
        let age = file.pointer("/oldest_seconds").and_then(Value::as_u64);
        let age = age.map_or_else(String::new, |age| format!(", oldest {}", seconds(age)));
        let (offset, size, lag) =
            (number(file, "/offset"), number(file, "/size"), number(file, "/lag_bytes"));
        let (path, state) = (word(file, "/path"), word(file, "/state"));
        let _ = writeln!(text, "  {path} {state}: {offset} of {size} bytes, {lag} behind{age}");
    }
}

fn word<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("unknown")
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_default()
}

fn list<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn table<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.pointer(path).and_then(Value::as_object).into_iter().flatten()
}

fn seconds(count: u64) -> String {
    match count {
        0..60 => format!("{count}s"),
        60..3600 => format!("{}m{}s", count / 60, count % 60),
        3600..86_400 => format!("{}h{}m", count / 3600, count / 60 % 60),
        _ => format!("{}d{}h", count / 86_400, count / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_told_first() {
        let status = json!({
            "version": "1", "uptime_seconds": 3725, "host": {"name": "h"}, "degraded": ["disk full"],
            "signals": {"logs": {"state": "blocked", "endpoint": "http://x/v1/logs", "why": "401", "since_seconds": 61,
                "tally": {"records": 5, "delivered": 3, "requests": 1, "dropped": {"min_severity": 2}}}},
            "correlation": {"joined_share": 0.5, "held_lines": 1, "outcomes": {"task": 1}},
            "drained_files": 2, "watching": "notify",
            "files": [{"path": "/l", "state": "reading", "offset": 1, "size": 3, "lag_bytes": 2, "oldest_seconds": 4}],
        });
        let expected = "xapi-observer 1 up 1h2m\nhost h uuid unknown pool unknown\ndegraded: disk full\n\
            logs: blocked → http://x/v1/logs for 1m1s: 401\n  5 read, 3 delivered, 1 requests\n  \
            dropped: 2 (min_severity)\ncorrelation: 50.0 % of the lines with an id joined, 1 held\n  task: 1\n\
            files: 2 drained trace files, watched by notify\n  /l reading: 1 of 3 bytes, 2 behind, oldest 4s\n";
        assert_eq!(show(&status), expected);
    }
}
