//! The agent between the real programs of dom0: rsyslogd writes the logs, logrotate rotates them by XAPI's rules, and
//! `zstd` takes over full trace files.
//!
//! The stand-in speaks for XAPI, in real time; the collector takes what the agent sends; Python's protobuf decodes it
//! once more; the ledger says whether it is complete, came once, and is joined right. Each test also checks that what
//! it is about really happened. Programs that are missing fail the test: `tests/setup.sh` installs them.

mod arrivals;
mod flow;
mod hand_over;
mod host;
mod logrotate;
mod program;
mod repeats;
mod rsyslogd;

use host::Dom0;

#[test]
fn row_02_logs_are_rotated_while_lines_flow() {
    let mut dom0 = Dom0::start(1);
    dom0.start_agent();
    dom0.flow.more_lines(500);
    dom0.rotate_daily();
    for _ in 0..2 {
        dom0.flow.more_lines(500);
        dom0.rotate();
    }
    dom0.flow.more_lines(500);
    dom0.rotate_without_hup();
    // Twice at once: what was live a moment ago is compressed.
    dom0.flow.more_lines(500);
    dom0.rotate();
    dom0.rotate();
    dom0.flow.more_lines(100);
    assert_eq!(dom0.siblings(), ["1", "2.gz", "3.gz", "4.gz", "5.gz", "6.gz"]);
    dom0.finish();
}

#[test]
fn row_04_logs_are_rotated_and_traces_compressed_while_the_agent_is_down() {
    let mut dom0 = Dom0::start(2);
    dom0.start_agent();
    dom0.flow.more_lines(500);
    dom0.rotate();
    dom0.flow.more_lines(500);
    dom0.stop_agent();
    dom0.flow.more_lines(200);
    dom0.rotate();
    dom0.flow.more_lines(500);
    dom0.rotate();
    dom0.flow.more_compressed(1);
    dom0.start_agent();
    dom0.flow.more_lines(500);
    // In the middle, with nothing else going on.
    dom0.stop_agent();
    dom0.start_agent();
    dom0.flow.more_lines(500);
    dom0.rotate();
    dom0.finish();
}
