#![no_main]
#[path = "../../../crates/agent/src/config/mod.rs"]
#[allow(warnings, reason = "only the reading is used here")]
mod config;
#[path = "../oracle/config.rs"]
mod oracle;
libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
