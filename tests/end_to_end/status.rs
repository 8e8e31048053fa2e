//! What the agent says of itself: `status`, its own metrics, its own log.

use crate::harness::{Rig, append, count, stop};

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
    stop(&agent);
    rig.collector.read(|state| {
        let bodies: Vec<&str> = state.logs().iter().map(|log| log.body.as_str()).collect();
        assert_eq!(bodies, ["xapi-observer[42]: is somebody else's line"]);
    });
}
