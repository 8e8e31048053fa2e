//! What the checkpoint store costs in memory: `cargo run --release -p watcher --example store_cost -- ENTRIES BYTES`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a measurement")]

use model::Now;
use std::time::Duration;
use watcher::store::Store;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let (entries, bytes) = (arguments.next().unwrap_or(10_000), arguments.next().unwrap_or(180));
    let directory = tempfile::tempdir().unwrap();
    println!("at the start {}", peak());
    let now = |second: u64| Now { mono: Duration::from_secs(second), wall_unix_nano: 0 };
    let (mut store, _) = Store::open(directory.path(), now(0)).unwrap();
    println!("opened {}", peak());
    for second in 0..10 {
        let keys = (0..entries).filter(|key| key % 10 == second);
        let changes = keys.map(|key| (format!("s{key:08}").into_bytes(), Some(value(key, second, bytes))));
        store.save(changes.collect(), now(second as u64)).unwrap();
    }
    println!("{entries} entries of {bytes} bytes written {}", peak());
    for second in 10..100 {
        let value = |key| Some(value(key, second as usize, bytes));
        let changes = (0..20).map(|key| (format!("s{key:08}").into_bytes(), value(key)));
        store.save(changes.collect(), now(second)).unwrap();
    }
    println!("20 of them changed 90 times {}", peak());
    store.settle(now(101));
}

/// As of a drained file: a path, and hashes and times that are like no other's.
fn value(key: usize, second: usize, bytes: usize) -> Vec<u8> {
    let path =
        format!("/var/log/dt/zipkinv2/json/xapi-6e7e2f49-3168-465e-a22c-93f68f1c31ab-{key:026}.ndjson.zst");
    let hashes = (1..).flat_map(|n: usize| {
        let mixed = ((key << 20) ^ (second << 10) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes()
    });
    path.into_bytes().into_iter().chain(hashes).take(bytes).collect()
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("RssAnon"))
        .collect::<Vec<_>>()
        .join(" ")
}
