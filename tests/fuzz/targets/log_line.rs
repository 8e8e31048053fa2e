#![no_main]
#[path = "../oracle/log_line.rs"]
#[allow(dead_code, reason = "the tests in crates/parser use the rest")]
mod oracle;
libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
