//! What the checkpoint store costs in memory: `cargo run --release -p watcher --example store_cost -- ENTRIES BYTES`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a measurement")]

use model::Now;
use std::time::Duration;
use watcher::store::Store;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let (entries, bytes) = (arguments.next().unwrap_or(10_000), arguments.next().unwrap_or(250));
    let directory = tempfile::tempdir().unwrap();
    println!("at the start {}", peak());
    let now = |second: u64| Now { mono: Duration::from_secs(second), wall_unix_nano: 0 };
    let (mut store, _) = Store::open(directory.path(), now(0)).unwrap();
    println!("opened {}", peak());
    for second in 0..10 {
        let keys = (0..entries).filter(|key| key % 10 == second);
        let changes = keys.map(|key| (format!("s{key:08}").into_bytes(), Some(vec![second as u8; bytes])));
        store.save(changes.collect(), now(second as u64)).unwrap();
    }
    println!("{entries} entries of {bytes} bytes written {}", peak());
    for second in 10..100 {
        let changes = (0..20).map(|key| (format!("s{key:08}").into_bytes(), Some(vec![second as u8; bytes])));
        store.save(changes.collect(), now(second)).unwrap();
    }
    println!("20 of them changed 90 times {}", peak());
    store.settle(now(101));
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("RssAnon"))
        .collect::<Vec<_>>()
        .join(" ")
}
