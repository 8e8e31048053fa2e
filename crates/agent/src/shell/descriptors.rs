//! How many descriptors the system grants this process, and what of them files may take.
//!
//! Promises: however low the limit (`ulimit -n`, systemd's `LimitNOFILE=`), connections, the checkpoint store and the
//! control socket find room beside the files. Leaves to others: which files are kept open (`watcher`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is not for files: connections of three signals, the store, the kernel's watches, the socket and its clients,
/// the runtime's own, reading a directory.
const BESIDE_FILES: u64 = 40;
/// Files can't be read with fewer.
const FEWEST: u64 = 8;

/// How many files may be kept open, where `wanted` are allowed by the configuration: the limit is raised for them as far
/// as that is granted without rights (getrlimit(2)).
pub(crate) fn room(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted.saturating_add(BESIDE_FILES);
    let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    if limit.current.is_some_and(|current| current < raised) {
        // Refused, it stays as it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    }
    let room = within(wanted, getrlimit(Resource::Nofile).current);
    if room < wanted {
        tracing::warn!(
            id = "XO1020",
            wanted,
            room,
            "limits.open_files is more than the system grants beside everything else"
        );
    }
    room
}

/// The part of `current` descriptors that files may take; `None`: there is no limit.
fn within(wanted: u64, current: Option<u64>) -> u64 {
    current.map_or(wanted, |current| wanted.min(current.saturating_sub(BESIDE_FILES).max(FEWEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_leave_room_for_the_rest() {
        for (wanted, current, room) in [
            (256, None, 256),
            (256, Some(1024), 256),
            (256, Some(296), 256),
            (256, Some(64), 24),
            (16, Some(64), 16),
            (256, Some(20), 8),
        ] {
            assert_eq!(within(wanted, current), room, "{wanted} of {current:?}");
        }
    }
}
