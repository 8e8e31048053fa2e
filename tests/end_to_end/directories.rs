//! Many files, few descriptors, and directories that vanish and come back.

use crate::harness::{DEADLINE, Rig, append, array, count, span};
use std::fs;
use std::path::Path;
use std::time::Duration;
use testkit::collector::Signal;
use testkit::driver::{Agent, Signal as Unix};

#[test]
fn row_10_the_trim_takes_files_and_directories_and_they_come_back() {
    let rig = Rig::new();
    let directory = rig.sandbox.traces().join("zipkinv2/json");
    let agent = rig.run();
    for round in 0..4 {
        // At once, and after the agent has seen that it is gone.
        if round % 2 == 1 {
            rig.wait_status(|status| status["drained_files"] == 0);
        }
        fs::create_dir_all(&directory).unwrap();
        let first = round * 10 + 1;
        for n in first..first + 10 {
            append(&directory.join(format!("xapi-{n:06}.ndjson")), array(&[span(n)]));
        }
        rig.wait_spans(1..first + 10);
        fs::remove_dir_all(rig.sandbox.traces()).unwrap();
    }
    let exit = rig.stop(&agent);
    rig.assert_once(1..41, 0..0);
    assert!(!exit.stderr.contains("error"), "{}", exit.stderr);
}

/// Its kernel gives it one watch, within a user namespace of its own; `status` says so, and all is found by looking.
#[test]
fn row_11_without_watches_files_are_polled_and_all_is_found() {
    const ONE_WATCH: &str = "echo 1 > /proc/sys/user/max_inotify_watches && exec \"$0\" \"$@\"";
    let rig = Rig::new();
    rig.sandbox.write_config().unwrap();
    let arguments = ["--user", "--map-root-user", "sh", "-c", ONE_WATCH];
    let agent = Agent::start(&mut rig.through("unshare", &arguments)).unwrap();
    agent.wait_for_line("files are polled", DEADLINE).unwrap();
    rig.wait_status(|status| status["watching"] == "polling");
    let deep = rig.sandbox.traces().join("zipkinv2/json");
    for round in 1..4 {
        let first = round * 10;
        rig.write_spans(first..first + 5);
        fs::create_dir_all(&deep).unwrap();
        append(&deep.join("xapi-deep.ndjson"), array(&[span(first + 5)]));
        rig.write_lines(first..first + 6);
        rig.wait(|state| {
            state.distinct(Signal::Traces) == round * 6 && state.distinct(Signal::Logs) == round * 6
        });
    }
    let status = rig.status();
    assert_eq!(
        (&status["watching"], status["degraded"].as_array().map(Vec::len)),
        (&"polling".into(), Some(1))
    );
    rig.stop(&agent);
    rig.collector.read(|state| {
        assert_eq!([Signal::Traces, Signal::Logs].map(|signal| state.duplicates(signal)), [0, 0]);
        assert_eq!([Signal::Traces, Signal::Logs].map(|signal| state.stored(signal)), [18, 18]);
    });
}

/// While it is stopped, more changes happen than the kernel's queue holds, and then nothing happens any more.
#[test]
fn row_11_after_the_kernels_queue_overflowed_everything_is_looked_at() {
    let rig = Rig::new();
    let agent = rig.run();
    rig.write_spans(1..3);
    rig.write_lines(1..3);
    rig.wait_spans(1..3);
    rig.wait_lines(1..3);
    agent.signal(Unix::STOP);
    let limit =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse::<u64>().unwrap();
    // Events of one kind and name in a row are one in the queue: two files take turns. An append is one event, and some
    // are read before the agent stands still: twice as many as there is room for.
    let traces = [1, 2].map(|n| rig.sandbox.traces().join(format!("smapi-{n}.ndjson")));
    for _ in 0..=limit {
        traces.iter().for_each(|path| append(path, "\n"));
    }
    append(&rig.sandbox.traces().join("smapi-3.ndjson"), array(&[span(3), span(4)]));
    append(&traces[0], array(&[span(5)]));
    rig.write_lines(3..6);
    agent.signal(Unix::CONT);
    rig.wait_spans(1..6);
    rig.wait_lines(1..6);
    let status = rig.wait_status(|status| count(status, "/wakeups/overflows") > 0);
    assert_eq!(status["watching"], "notify");
    rig.stop(&agent);
    rig.assert_once(1..6, 1..6);
}

#[test]
fn row_12_ten_thousand_files_with_64_descriptors() {
    const FILES: u64 = 10_000;
    let rig = Rig::new();
    for n in 1..=FILES {
        fs::write(rig.sandbox.traces().join(format!("smapi-{n:06}.ndjson")), array(&[span(n)])).unwrap();
    }
    rig.write_lines(1..10);
    let agent = run_with_few_descriptors(&rig);
    rig.collector.wait_for(|state| state.stored(Signal::Traces) >= FILES, 2 * DEADLINE).unwrap();
    rig.wait_lines(1..10);
    rig.wait_status(|status| status["drained_files"] == FILES);
    let fds = agent.usage().unwrap().fds;
    assert!(fds <= 64, "{fds} descriptors");
    println!("{:?}", agent.usage().unwrap());
    // It goes on after all of them, and rests when nothing is left to do.
    fs::write(rig.sandbox.traces().join("smapi-x.ndjson"), array(&[span(FILES + 1)])).unwrap();
    rig.wait_spans(1..FILES + 2);
    assert_rests(&agent);
    rig.stop(&agent);
    rig.assert_once(1..FILES + 2, 1..10);
}

/// The shell sets the limit, which the agent can't raise.
fn run_with_few_descriptors(rig: &Rig) -> Agent {
    rig.sandbox.write_config().unwrap();
    let agent = Agent::start(&mut rig.through("sh", &["-c", "ulimit -n 64; exec \"$0\" \"$@\""])).unwrap();
    agent.wait_for_line("running", DEADLINE).unwrap();
    let limits = fs::read_to_string(Path::new("/proc").join(agent.pid().to_string()).join("limits")).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("64"), "{files}");
    agent
}

/// In some second soon it takes hardly any processor time.
fn assert_rests(agent: &Agent) {
    let rests = crate::harness::until(|| {
        let before = agent.usage().unwrap().cpu;
        std::thread::park_timeout(Duration::from_secs(1));
        agent.usage().unwrap().cpu - before <= Duration::from_millis(30)
    });
    assert!(rests, "it never rests: {:?}", agent.usage().unwrap());
}
