//! `status`: asks the running agent and shows its answer, for people or as JSON.
//!
//! For people, what is wrong comes first, and of many files those that are furthest behind. The fields of the JSON:
//! `docs/telemetry.md`.

use super::check::load;
use crate::cli::{Failure, Outcome, StatusOptions};
use crate::order;
use crate::shell::control;
use serde_json::Value;
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Files that are shown, of more only with `--all`.
const FILES: usize = 20;

/// Asks over the control socket of the configuration.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &StatusOptions) -> Outcome {
    let settings = load(options.config.config.as_deref())?;
    let socket = settings.telemetry.socket;
    let status = control::ask(&socket).map_err(|error| Failure::Running(silent(&socket, &error)))?;
    if options.json {
        println!("{status}");
    } else {
        print!("{}", show(&status, options.all));
    }
    Ok(())
}

/// Why there is no answer, and what to look at.
fn silent(socket: &Path, error: &io::Error) -> String {
    let look = match error.kind() {
        io::ErrorKind::PermissionDenied => "the socket is root's alone: sudo xapi-observer status",
        _ => "is it running? (systemctl status xapi-observer)",
    };
    format!("no agent answers on {}: {error}; {look}", socket.display())
}

/// The answer for people.
fn show(status: &Value, all: bool) -> String {
    let mut text = String::new();
    let (version, uptime) = (word(status, "/version"), seconds(number(status, "/uptime_seconds")));
    let _ = writeln!(text, "xapi-observer {version} up {uptime}, pid {}", number(status, "/process/pid"));
    let (name, uuid, pool) =
        (word(status, "/host/name"), word(status, "/host/uuid"), word(status, "/host/pool_uuid"));
    let _ = writeln!(text, "host {name} uuid {uuid} pool {pool}");
    for trouble in list(status, "/degraded") {
        let _ = writeln!(text, "degraded: {}", word(trouble, ""));
    }
    table(status, "/signals").for_each(|(name, signal)| show_signal(&mut text, name, signal));
    show_correlation(&mut text, status);
    show_own(&mut text, status);
    show_files(&mut text, status, all);
    text
}

fn show_signal(text: &mut String, name: &str, signal: &Value) {
    let _ = write!(text, "{name}: {} → {}", word(signal, "/state"), word(signal, "/endpoint"));
    if let Some(since) = signal.pointer("/since_seconds").and_then(Value::as_u64) {
        let _ = write!(text, " for {}: {}", seconds(since), word(signal, "/why"));
    }
    let (read, delivered) = (number(signal, "/tally/records"), number(signal, "/tally/delivered"));
    let (queue, limit) = (number(signal, "/queue_bytes"), number(signal, "/queue_limit_bytes"));
    let _ = writeln!(
        text,
        "\n  {read} read, {delivered} delivered, {} requests; {} of {} on their way",
        number(signal, "/tally/requests"),
        bytes(queue),
        bytes(limit)
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
    for (outcome, count) in table(status, "/correlation/outcomes").filter(|(_, count)| *count != 0) {
        let _ = writeln!(text, "  {outcome}: {count}");
    }
    let missed: Vec<_> = table(status, "/correlation/not_attached").collect();
    if !missed.is_empty() {
        let missed: Vec<_> = missed.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let attached = number(status, "/correlation/attached_lines");
        let _ = writeln!(text, "  events of spans: {attached} lines; not attached: {}", missed.join(", "));
    }
}

/// Store, memory, descriptors, Prometheus.
fn show_own(text: &mut String, status: &Value) {
    let (store, why) = (word(status, "/store/state"), word(status, "/store/why"));
    let _ = writeln!(text, "store: {store}{}{why}", if why.is_empty() { "" } else { ": " });
    let size = |path: &str| bytes(number(status, path));
    let _ = writeln!(
        text,
        "memory: {} resident; of {}: held lines {}, evidence {}, requests {}",
        size("/process/rss_bytes"),
        size("/memory/limit_bytes"),
        size("/memory/held_lines_bytes"),
        size("/memory/evidence_bytes"),
        size("/memory/requests_bytes")
    );
    let _ = writeln!(
        text,
        "descriptors: {}, of watched files {} of {}; they keep {} of deleted files",
        number(status, "/process/descriptors"),
        number(status, "/descriptors/open"),
        number(status, "/descriptors/limit"),
        size("/descriptors/deleted_bytes")
    );
    for name in ["prometheus", "zipkin"] {
        if status.pointer(&format!("/{name}/address")).is_some() {
            let [address, state] =
                ["address", "state"].map(|field| word(status, &format!("/{name}/{field}")));
            let _ = writeln!(text, "{name}: {address} {state}");
        }
    }
}

fn show_files(text: &mut String, status: &Value, all: bool) {
    let mut files: Vec<&Value> = list(status, "/files").collect();
    order::by_key(&mut files, |file| {
        let behind = number(file, "/lag_bytes");
        (Reverse(behind > 0), Reverse(number(file, "/oldest_seconds")), Reverse(behind), word(file, "/path"))
    });
    let behind: u64 = files.iter().map(|file| number(file, "/lag_bytes")).sum();
    let behind = behind + number(status, "/more_files/lag_bytes");
    let unlisted = number(status, "/more_files/count");
    let _ = writeln!(
        text,
        "files: {} with {} behind, and {} drained trace files; changes by {} ({} events, {} overflows)",
        files.len() as u64 + unlisted,
        bytes(behind),
        number(status, "/drained_files"),
        word(status, "/watching"),
        number(status, "/wakeups/events"),
        number(status, "/wakeups/overflows")
    );
    let shown = if all { files.len() } else { FILES };
    files.iter().take(shown).for_each(|file| show_file(text, file));
    if let Some(more) = files.len().checked_sub(shown).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more; --all shows them");
    }
    if unlisted > 0 {
        let _ = writeln!(text, "  and {unlisted} more trace files, which are not listed");
    }
}

fn show_file(text: &mut String, file: &Value) {
    let age = file.pointer("/oldest_seconds").and_then(Value::as_u64);
    let age = age.map_or_else(String::new, |age| format!(", oldest {}", seconds(age)));
    let (offset, size, lag) = (number(file, "/offset"), number(file, "/size"), number(file, "/lag_bytes"));
    let (path, state) = (word(file, "/path"), word(file, "/state"));
    let _ = writeln!(text, "  {path} {state}: {offset} of {size} bytes, {lag} behind{age}");
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

/// A size for people, in the largest unit in which it is at least one.
fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| count >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", count as f64 / *unit as f64),
        None => format!("{count} B"),
    }
}

/// A span of time for people.
pub(super) fn seconds(count: u64) -> String {
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
                "queue_bytes": 1536, "queue_limit_bytes": 4 << 20,
                "tally": {"records": 5, "delivered": 3, "requests": 1, "dropped": {"min_severity": 2}}}},
            "correlation": {"joined_share": 0.5, "held_lines": 1, "outcomes": {"task": 1, "link": 0},
                "attached_lines": 4, "not_attached": {"cut": 0, "late": 3}},
            "store": {"state": "unavailable", "why": "disk full"},
            "memory": {"limit_bytes": 32 << 20, "held_lines_bytes": 0, "evidence_bytes": 1, "requests_bytes": 2},
            "process": {"pid": 42, "rss_bytes": 20 << 20, "descriptors": 12},
            "descriptors": {"open": 3, "limit": 256, "deleted_bytes": 0},
            "prometheus": {"address": "127.0.0.1:9464", "state": "ok", "why": ""},
            "drained_files": 2, "watching": "notify", "wakeups": {"events": 7, "overflows": 0},
            "files": [{"path": "/l", "state": "reading", "offset": 1, "size": 3, "lag_bytes": 2, "oldest_seconds": 4}],
        });
        let expected = "xapi-observer 1 up 1h2m, pid 42\nhost h uuid unknown pool unknown\ndegraded: disk full\n\
            logs: blocked → http://x/v1/logs for 1m1s: 401\n  \
            5 read, 3 delivered, 1 requests; 1.5 KiB of 4.0 MiB on their way\n  dropped: 2 (min_severity)\n\
            correlation: 50.0 % of the lines with an id joined, 1 held\n  task: 1\n  \
            events of spans: 4 lines; not attached: 0 cut, 3 late\n\
            store: unavailable: disk full\n\
            memory: 20.0 MiB resident; of 32.0 MiB: held lines 0 B, evidence 1 B, requests 2 B\n\
            descriptors: 12, of watched files 3 of 256; they keep 0 B of deleted files\n\
            prometheus: 127.0.0.1:9464 ok\n\
            files: 1 with 2 B behind, and 2 drained trace files; changes by notify (7 events, 0 overflows)\n  \
            /l reading: 1 of 3 bytes, 2 behind, oldest 4s\n";
        assert_eq!(show(&status, false), expected);
    }

    #[test]
    fn who_may_not_ask_is_told_so() {
        for (kind, said) in [
            (io::ErrorKind::PermissionDenied, "sudo xapi-observer status"),
            (io::ErrorKind::NotFound, "systemctl status xapi-observer"),
        ] {
            let text = silent(Path::new("/s"), &io::Error::from(kind));
            assert!(text.contains("on /s: ") && text.contains(said), "{text}");
        }
    }

    #[test]
    fn of_many_files_those_furthest_behind_are_shown() {
        let file = |n: u64| json!({"path": format!("/f{n}"), "state": "reading", "lag_bytes": n % 7, "oldest_seconds": n});
        let files: Vec<Value> = (0..5_000).map(file).collect();
        let status = json!({ "files": files });
        let short = show(&status, false);
        assert!(short.contains("\n  /f4999 reading"), "{short}");
        assert!(short.ends_with("  and 4980 more; --all shows them\n"), "{short}");
        assert_eq!(short.lines().filter(|line| line.starts_with("  /f")).count(), FILES);
        assert_eq!(show(&status, true).lines().filter(|line| line.starts_with("  /f")).count(), 5_000);
        let status = json!({ "files": [file(2)], "more_files": { "count": 3, "lag_bytes": 8 } });
        let text = show(&status, true);
        assert!(
            text.contains("files: 4 with 10 B behind") && text.contains("and 3 more trace files"),
            "{text}"
        );
    }
}
