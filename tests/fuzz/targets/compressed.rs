#![no_main]
#[path = "../../../crates/watcher/tests/common/mod.rs"]
#[allow(warnings, reason = "it belongs to the tests of another crate")]
mod common;
#[path = "../oracle/compressed.rs"]
mod oracle;
libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
