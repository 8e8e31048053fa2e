//! The checkpoint store: damaged, held by another, on a directory that can't be made.

use crate::harness::{DEADLINE, Rig, line_copies, span_copies, word};
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
    rig.stop(&agent);
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
        fs::read_dir(state.join("store-2")).unwrap().map(|file| file.unwrap().path()).collect();
    for file in files.iter().filter(|file| file.is_file()) {
        fs::write(file, vec![0xa5; 4096]).unwrap();
    }
}

fn set_aside(state: &Path) -> usize {
    let names = fs::read_dir(state).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("store.damaged-")).count()
}

#[test]
fn row_29_a_damaged_store_is_set_aside_loudly_and_the_positions_come_from_beside_it() {
    let (rig, agent) = after_damage(spoil);
    agent.wait_for_line("the checkpoint store was damaged", DEADLINE).unwrap();
    rig.stop(&agent);
    assert_eq!(set_aside(&rig.sandbox.state()), 1);
    rig.assert_once(1..9, 1..9);
}

/// One bit of one file of the store, wherever it is.
#[test]
fn row_29_with_any_bit_flipped_it_starts_and_nothing_is_lost() {
    const SEEDS: u64 = 8;
    let rig = Rig::new();
    rig.write_spans(1..5);
    rig.write_lines(1..5);
    let agent = rig.run();
    rig.wait_spans(1..5);
    rig.wait_lines(1..5);
    rig.stop(&agent);
    for seed in 1..=SEEDS {
        let flipped = flip(&rig.sandbox.state(), seed);
        println!("seed {seed}: {flipped}");
        rig.write_spans(seed * 10..seed * 10 + 5);
        rig.write_lines(seed * 10..seed * 10 + 5);
        let agent = rig.run();
        rig.wait_spans(seed * 10..seed * 10 + 5);
        rig.wait_lines(seed * 10..seed * 10 + 5);
        rig.stop(&agent);
    }
    // The side-car has the positions, whatever became of the store.
    let state =
        rig.collector.read(|state| [Signal::Traces, Signal::Logs].map(|signal| state.duplicates(signal)));
    assert_eq!(state, [0, 0]);
}

/// Flips a bit of the store's files laid end to end, and tells where.
fn flip(state: &Path, seed: u64) -> String {
    let mut files = Vec::new();
    let mut directories = vec![state.join("store-2")];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| fs::metadata(path).unwrap().len() > 0);
    files.sort();
    let mut rng = testkit::standin::Rng::new(seed);
    let path = &files[usize::try_from(rng.range(0, files.len() as u64 - 1)).unwrap()];
    let mut bytes = fs::read(path).unwrap();
    // Where something is written: the rest of sled's segments is zero.
    let written = 1 + bytes.iter().rposition(|byte| *byte != 0).unwrap_or_default() as u64;
    let at = usize::try_from(rng.range(0, written - 1)).unwrap();
    bytes[at] ^= 1 << rng.range(0, 7);
    fs::write(path, bytes).unwrap();
    format!("{} at {at}", path.display())
}

#[test]
fn row_29_with_nothing_left_all_is_read_again() {
    let (rig, agent) = after_damage(|state| {
        spoil(state);
        fs::write(state.join("positions-2"), "{}").unwrap();
    });
    agent.wait_for_line("NothingLeft", DEADLINE).unwrap();
    rig.wait(|state| state.stored(Signal::Traces) == 12 && state.stored(Signal::Logs) == 12);
    rig.stop(&agent);
    rig.collector.read(|state| {
        for n in 1..9 {
            let copies = if n < 5 { 2 } else { 1 };
            assert_eq!((span_copies(state, n), line_copies(state, n)), (copies, copies), "{n}");
        }
    });
}

#[test]
fn row_30_a_second_agent_on_one_store_ends_and_names_the_first() {
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
    rig.stop(&first);
    rig.assert_once(0..0, 1..3);
}

#[test]
fn row_28_without_a_directory_for_it_delivery_goes_on_and_status_says_so() {
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
    rig.stop(&agent);
    let agent = rig.run();
    rig.write_lines(3..5);
    rig.wait_lines(3..5);
    rig.stop(&agent);
    rig.assert_once(1..3, 1..5);
}
