//! The checkpoint store: damaged, held by another, on a directory that can't be made.

use crate::harness::{DEADLINE, Rig, line_copies, span_copies, stop, word};
use std::fs;
use std::path::{Path, PathBuf};
use testkit::collector::Signal;

/// Delivers some, stops, damages the store by `damage`, and starts again with more to deliver.
fn after_damage(damage: impl Fn(&Path)) -> (Rig, testkit::driver::Agent) {
    let rig = Rig::new();
    rig.write_spans(1..5);
    rig.write_lines(1..5);
    let agent = rig.run();
    rig.wait_spans(1..5);
    rig.wait_lines(1..5);
    stop(&agent);
    damage(&rig.sandbox.state());
    rig.write_spans(5..9);
    rig.write_lines(5..9);
    let agent = rig.run();
    rig.wait_spans(5..9);
    rig.wait_lines(5..9);
    (rig, agent)
}

/// Overwrites every file of the store with what is none.
fn spoil(state: &Path) {
    let files: Vec<PathBuf> =
        fs::read_dir(state.join("store")).unwrap().map(|file| file.unwrap().path()).collect();
    for file in files.iter().filter(|file| file.is_file()) {
        fs::write(file, vec![0xa5; 4096]).unwrap();
    }
}

fn set_aside(state: &Path) -> usize {
    let names = fs::read_dir(state).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("store.damaged-")).count()
}

#[test]
fn a_damaged_store_is_set_aside_loudly_and_the_positions_come_from_beside_it() {
    let (rig, agent) = after_damage(spoil);
    agent.wait_for_line("the checkpoint store was damaged", DEADLINE).unwrap();
    stop(&agent);
    assert_eq!(set_aside(&rig.sandbox.state()), 1);
    rig.assert_once(1..9, 1..9);
}

#[test]
fn with_nothing_left_all_is_read_again() {
    let (rig, agent) = after_damage(|state| {
        spoil(state);
        fs::write(state.join("positions.json"), "{}").unwrap();
    });
    agent.wait_for_line("NothingLeft", DEADLINE).unwrap();
    rig.wait(|state| state.stored(Signal::Traces) == 12 && state.stored(Signal::Logs) == 12);
    stop(&agent);
    rig.collector.read(|state| {
        for n in 1..9 {
            let copies = if n < 5 { 2 } else { 1 };
            assert_eq!((span_copies(state, n), line_copies(state, n)), (copies, copies), "{n}");
        }
    });
}

#[test]
fn a_second_agent_on_one_store_ends_and_names_the_first() {
    let rig = Rig::new();
    let first = rig.run();
    let second = rig.sandbox.run().unwrap();
    let exit = second.wait_exit(DEADLINE).unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.stderr);
    let said = format!("{} is in use by process {}", rig.sandbox.state().display(), first.pid());
    assert!(exit.stderr.contains(&said), "{}", exit.stderr);
    rig.write_lines(1..3);
    rig.wait_lines(1..3);
    assert_eq!(word(&rig.status(), "/signals/logs/state"), "ok");
    stop(&first);
    rig.assert_once(0..0, 1..3);
}

#[test]
fn without_a_directory_for_it_delivery_goes_on_and_status_says_so() {
    let mut rig = Rig::new();
    let file = rig.sandbox.root().join("a-file");
    fs::write(&file, "").unwrap();
    let state = file.join("state");
    rig.sandbox.set_text("checkpoint.directory", state.to_str().unwrap());
    let agent = rig.run();
    rig.write_spans(1..3);
    rig.write_lines(1..3);
    rig.wait_spans(1..3);
    rig.wait_lines(1..3);
    rig.wait_status(|status| status["degraded"].to_string().contains("checkpoints are in memory only"));
    fs::remove_file(&file).unwrap();
    agent.wait_for_line("checkpoints are on disk again", DEADLINE).unwrap();
    rig.wait_status(|status| status["degraded"].as_array().is_some_and(Vec::is_empty));
    stop(&agent);
    let agent = rig.run();
    rig.write_lines(3..5);
    rig.wait_lines(3..5);
    stop(&agent);
    rig.assert_once(1..3, 1..5);
}
