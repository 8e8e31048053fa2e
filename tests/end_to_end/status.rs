//! What the agent says of itself: `status`, its own metrics, its own log.

use crate::harness::{DEADLINE, Rig, append, count, line, stop, until, word};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use testkit::collector::{Mood, Signal};
use testkit::driver::Signal as Unix;

/// The journal's lines of this program get into daemon.log.
#[test]
fn its_own_lines_in_another_log_are_left_out() {
    let mut rig = Rig::new();
    let log = rig.sandbox.logs().join("daemon.log");
    rig.sandbox.set("logs", format!("[{{ path = {log:?}, format = \"syslog\" }}]"));
    let agent = rig.run();
    let head = "Nov 21 07:00:00 lab";
    append(&log, format!("{head} xapi-observer[42]: XO1202 the endpoint does not answer well\n"));
    append(&log, format!("{head} xapi-observer[42]: XO1201 the endpoint takes data\n"));
    append(&log, format!("{head} forkexecd: xapi-observer[42]: is somebody else's line\n"));
    rig.wait(|state| !state.logs().is_empty());
    let dropped = |status: &serde_json::Value| count(status, "/signals/logs/tally/dropped/own_log");
    let status = rig.wait_status(|status| dropped(status) == 2);
    assert_eq!(count(&status, "/files/0/lag_bytes"), 0);
    rig.stop(&agent);
    rig.collector.read(|state| {
        let bodies: Vec<&str> = state.logs().iter().map(|log| log.body.as_str()).collect();
        assert_eq!(bodies, ["xapi-observer[42]: is somebody else's line"]);
    });
}

#[test]
fn while_the_collector_is_down_it_says_since_when_and_what_waits() {
    let mut rig = Rig::new();
    rig.sandbox.set_text("export.endpoint", "http://127.0.0.1:1");
    let agent = rig.run();
    rig.write_lines(1..9);
    let status = rig.wait_status(|status| {
        word(status, "/signals/logs/state") == "retrying" && count(status, "/files/0/lag_bytes") > 0
    });
    assert!(word(&status, "/signals/logs/why").contains("no connection"), "{status:#}");
    assert!(status.pointer("/signals/logs/since_seconds").unwrap().is_u64(), "{status:#}");
    let queue =
        (count(&status, "/signals/logs/queue_bytes"), count(&status, "/signals/logs/queue_limit_bytes"));
    assert!(0 < queue.0 && queue.0 <= queue.1, "{queue:?}");
    assert_eq!((word(&status, "/files/0/state"), word(&status, "/files/0/signal")), ("reading", "logs"));
    assert!(status.pointer("/files/0/oldest_seconds").unwrap().is_u64(), "{status:#}");
    assert_eq!((word(&status, "/store/state"), word(&status, "/watching")), ("ok", "notify"));
    assert!(count(&status, "/process/rss_bytes") > 1 << 20 && count(&status, "/wakeups/events") > 0);
    let people = rig.command(&["status"]).stdout;
    for text in ["logs: retrying → http://127.0.0.1:1/v1/logs for ", "store: ok\n", " behind, oldest "] {
        assert!(people.contains(text), "no {text:?} in {people}");
    }
    stop(&agent);
}

#[test]
fn the_oldest_records_age_is_its_own_lines() {
    let mut rig = Rig::new();
    rig.sandbox.set("limits.max_age", "\"0s\"");
    rig.collector.set(Signal::Logs, Mood::status(503));
    // The line's own month, day and hour count, not when the file was written.
    let old = line(1).replacen(line(1).split(" lab").next().unwrap_or_default(), "Jan  2 03:04:05", 1);
    rig.write_log(&old);
    rig.write_log(line(2));
    let agent = rig.run();
    let status = rig.wait_status(|status| count(status, "/files/0/oldest_seconds") > 86_400);
    assert_eq!(count(&status, "/files/0/offset"), 0, "{status:#}");
    rig.collector.set_all(Mood::Accept);
    rig.wait_status(|status| {
        status.pointer("/files/0/oldest_seconds").is_some_and(serde_json::Value::is_null)
    });
    stop(&agent);
}

#[test]
fn an_endpoint_that_is_blocked_or_refuses_is_told_apart() {
    let rig = Rig::new();
    let agent = rig.run();
    rig.collector.set(Signal::Logs, Mood::status(401));
    rig.write_lines(1..5);
    let status = rig.wait_status(|status| word(status, "/signals/logs/state") == "blocked");
    assert!(word(&status, "/signals/logs/why").contains("401"), "{status:#}");
    assert_eq!(word(&status, "/signals/traces/state"), "ok");
    rig.collector.set(Signal::Traces, Mood::reject_if(|_| true));
    rig.write_spans(1..5);
    let status = rig.wait_status(|status| word(status, "/signals/traces/state") == "refusing");
    assert!(count(&status, "/signals/traces/tally/set_aside/refused") > 0, "{status:#}");
    stop(&agent);
}

#[test]
fn a_store_that_was_damaged_is_told_after_the_start() {
    let rig = Rig::new();
    let agent = rig.run();
    rig.write_lines(1..5);
    rig.wait_lines(1..5);
    stop(&agent);
    damage(&rig.sandbox.state());
    let agent = rig.run();
    let status = rig.wait_status(|status| word(status, "/store/state") == "degraded");
    assert!(!word(&status, "/store/why").is_empty(), "{status:#}");
    stop(&agent);
}

/// Overwrites every file below it.
fn damage(directory: &std::path::Path) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => damage(&entry.path()),
            false => std::fs::write(entry.path(), b"not a store").unwrap(),
        }
    }
}

/// The answer to a request on a connection of its own, head and body.
fn ask(address: &str, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A port that nobody has now, and who keeps it from others.
fn port() -> (String, TcpListener) {
    let keeper = TcpListener::bind("127.0.0.1:0").unwrap();
    (keeper.local_addr().unwrap().to_string(), keeper)
}

#[test]
fn prometheus_may_ask_and_an_address_that_is_taken_is_tried_again() {
    let mut rig = Rig::new();
    let (address, keeper) = port();
    rig.sandbox.set_text("telemetry.prometheus", &address);
    let agent = rig.run();
    agent.wait_for_line("XO1021", DEADLINE).unwrap();
    let status = rig.wait_status(|status| word(status, "/prometheus/state") == "degraded");
    assert!(word(&status, "/degraded/0").contains(&address), "{status:#}");
    rig.write_lines(1..5);
    rig.wait_lines(1..5);
    drop(keeper);
    rig.wait_status(|status| word(status, "/prometheus/state") == "ok");
    let delivered = "xapi_observer_records_delivered_total{signal=\"logs\"} 4\n";
    assert!(until(|| ask(&address, "GET /metrics").is_some_and(|answer| answer.contains(delivered))));
    let answer = ask(&address, "GET /metrics").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4\r\n"), "{answer}");
    assert!(answer.contains("target_info{service_name=\"xapi-observer\""), "{answer}");
    for (request, status) in [("POST /metrics", " 405 "), ("GET /", " 404 "), ("GET /metrics?x=1", " 200 ")] {
        let answer = ask(&address, request).unwrap();
        assert!(answer.lines().next().unwrap().contains(status), "{request}: {answer}");
    }
    stop(&agent);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn prometheus_log_level_and_socket_follow_a_reload() {
    let mut rig = Rig::new();
    let ((first, one), (second, two)) = (port(), port());
    drop((one, two));
    rig.sandbox.set_text("telemetry.prometheus", &first);
    let agent = rig.run();
    assert!(until(|| ask(&first, "GET /metrics").is_some()));
    let socket = rig.sandbox.root().join("other.sock");
    rig.sandbox.set_text("telemetry.prometheus", &second);
    rig.sandbox.set_text("telemetry.socket", socket.to_str().unwrap());
    rig.sandbox.set_text("telemetry.log", "error");
    rig.sandbox.write_config().unwrap();
    agent.signal(Unix::HUP);
    assert!(until(|| socket.exists() && ask(&second, "GET /metrics").is_some()));
    assert!(TcpStream::connect(&first).is_err());
    assert!(!rig.sandbox.socket().exists());
    assert_eq!(word(&rig.status(), "/prometheus/address"), second);
    stop(&agent);
    let said = agent.read(|said| said.stderr.iter().any(|line| line.contains("XO1003")));
    assert!(!said, "what is below the level is not said any more");
}
