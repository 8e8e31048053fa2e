//! How the C library's allocator is to work: for little memory rather than for many threads.
//!
//! glibc's has an arena for each thread, and what one thread gives back the others don't get; and each large piece that
//! is given back makes it keep larger ones (mallopt(3), `M_ARENA_MAX`, `M_MMAP_THRESHOLD`). In catch-up that was a third of
//! all the agent took. It can be told otherwise in the environment before a program starts, or by unsafe code; so the
//! program starts itself once more, as the same process.
//!
//! Leaves to others: what is set already, by an operator or by the start before this one.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// One arena; pieces of 64 KiB and more are the kernel's again as soon as they are free, and so is what is free at the
/// heap's end above 256 KiB. Buffers that every request needs are used again, so that few pieces are asked for anew.
const WANTED: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ("MALLOC_TRIM_THRESHOLD_", "262144"),
    ("MALLOC_TOP_PAD_", "65536"),
];

/// Starts the program anew if its allocator was not told yet; to be called before anything is opened. Where that can't
/// be done, it goes on as it is, and takes more memory.
pub(crate) fn settle() {
    if std::env::vars_os().any(|(name, _)| is_told(&name)) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    command.envs(WANTED);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It comes back only with an error.
    let _ = command.args(arguments).exec();
}

fn is_told(name: &OsString) -> bool {
    name.as_bytes().starts_with(b"MALLOC_") || name == "GLIBC_TUNABLES"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_counts_as_told() {
        assert!(WANTED.iter().all(|(name, _)| is_told(&(*name).into())));
        assert!(is_told(&"GLIBC_TUNABLES".into()) && !is_told(&"PATH".into()));
    }
}
