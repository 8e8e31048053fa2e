//! Finding the programs.

use crate::harness::DEADLINE;
use std::path::PathBuf;
use std::process::Command;
use testkit::driver::Agent;

/// Programs of administrators; not in every user's `PATH`.
const SBIN: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A command of this program; fails the test if it isn't installed.
pub(super) fn command(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places =
        std::env::split_paths(&path).chain(SBIN.map(PathBuf::from)).map(|place| place.join(name));
    let Some(program) = places.find(|file| file.is_file()) else {
        panic!("{name} is not installed: run tests/setup.sh");
    };
    Command::new(program)
}

/// Runs a command to its end, which must be a good one.
pub(super) fn finish(command: &mut Command) {
    let exit = Agent::start(command).unwrap().wait_exit(DEADLINE).unwrap();
    assert!(exit.status.success(), "{command:?}: {exit:?}");
}

#[test]
#[should_panic(expected = "no-such-program is not installed: run tests/setup.sh")]
fn a_missing_program_is_a_failure_that_says_what_to_do() {
    command("no-such-program");
}
