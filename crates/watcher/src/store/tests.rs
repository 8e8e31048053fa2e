//! The store against crashes, damage and full disks.

use super::*;
use std::time::Duration;

fn at(seconds: u64) -> Now {
    Now { mono: Duration::from_secs(seconds), wall_unix_nano: seconds * 1_000_000_000 }
}

fn open(directory: &Path) -> (Store, Vec<Trouble>) {
    Store::open(directory, at(1)).expect("the store opens")
}

fn put(store: &mut Store, key: &str, value: &str, seconds: u64) {
    store.save(vec![(key.as_bytes().to_vec(), Some(value.as_bytes().to_vec()))], at(seconds)).expect("saved");
}

fn value(store: &Store, key: &str) -> Option<String> {
    store.entries().get(key.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}

#[test]
fn what_was_saved_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, troubles) = open(directory.path());
    assert_eq!(troubles, []);
    put(&mut store, "a", "1", 1);
    put(&mut store, "b", "2", 1);
    store.save(vec![(b"a".to_vec(), None)], at(1)).unwrap();
    drop(store);
    let (store, troubles) = open(directory.path());
    assert_eq!(troubles, []);
    assert_eq!((value(&store, "a"), value(&store, "b").as_deref()), (None, Some("2")));
}

#[test]
fn a_second_holder_is_refused_and_told_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, _) = open(directory.path());
    let refusal = Store::open(directory.path(), at(1)).err().unwrap().to_string();
    assert!(refusal.contains(&format!("in use by process {}", std::process::id())), "{refusal}");
}

#[test]
fn a_half_written_snapshot_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    drop(store);
    std::fs::write(directory.path().join("store/snap.0000000000000001.generating"), b"half").unwrap();
    let (store, troubles) = open(directory.path());
    assert_eq!(troubles, [Trouble::HalfSnapshot]);
    assert_eq!(value(&store, "a").as_deref(), Some("1"));
}

#[test]
fn a_damaged_store_is_set_aside_and_the_sidecar_taken() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.close(at(2));
    for file in std::fs::read_dir(directory.path().join("store")).unwrap().flatten() {
        if file.path().is_file() {
            std::fs::write(file.path(), b"no store at all").unwrap();
        }
    }
    let (store, troubles) = open(directory.path());
    assert!(
        matches!(troubles.first(), Some(Trouble::SetAside { kept_as, .. }) if kept_as.is_dir()),
        "{troubles:?}"
    );
    assert!(troubles.contains(&Trouble::FromSidecar { entries: 1 }), "{troubles:?}");
    assert_eq!(value(&store, "a").as_deref(), Some("1"));
}

#[test]
fn a_store_that_went_back_in_time_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.close(at(2));
    sidecar::write(directory.path(), 99, &Entries::from([(b"a".to_vec(), b"9".to_vec())])).unwrap();
    let (store, troubles) = open(directory.path());
    assert!(troubles.iter().any(|trouble| matches!(trouble, Trouble::SetAside { .. })), "{troubles:?}");
    assert_eq!(value(&store, "a").as_deref(), Some("9"));
}

#[test]
fn without_a_sidecar_that_can_be_read_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    for n in 0..100 {
        put(&mut store, &format!("key {n}"), &"value ".repeat(100), 1);
    }
    drop(store);
    std::fs::remove_file(directory.path().join("positions.json")).unwrap();
    let conf = directory.path().join("store/conf");
    std::fs::write(&conf, b"no configuration of sled's").unwrap();
    let (store, troubles) = open(directory.path());
    assert!(troubles.contains(&Trouble::NothingLeft), "{troubles:?}");
    assert!(store.entries().is_empty());
}

#[test]
fn a_disk_that_refuses_costs_nothing_that_it_later_takes() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("state");
    std::fs::write(&directory, b"a file where the directory should be").unwrap();
    let (mut store, troubles) = Store::open(&directory, at(0)).unwrap();
    assert!(matches!(troubles.first(), Some(Trouble::Unavailable { .. })), "{troubles:?}");
    let change = || vec![(b"a".to_vec(), Some(b"1".to_vec()))];
    assert!(store.save(change(), at(1)).is_err());
    assert!(!store.is_current());
    std::fs::remove_file(&directory).unwrap();
    assert!(store.save(vec![], at(2)).is_err(), "not tried again so soon");
    store.save(vec![], at(20)).unwrap();
    assert!(store.is_current());
    drop(store);
    assert_eq!(value(&open(&directory).0, "a").as_deref(), Some("1"));
}

#[test]
fn only_the_newest_damaged_stores_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let (mut store, _) = open(directory.path());
        put(&mut store, "round", &round.to_string(), 1);
        drop(store);
        std::fs::write(directory.path().join("store/conf"), b"no configuration of sled's").unwrap();
    }
    drop(open(directory.path()));
    let kept = std::fs::read_dir(directory.path()).unwrap().flatten();
    let kept = kept.filter(|entry| entry.file_name().to_string_lossy().starts_with("store.damaged-")).count();
    assert_eq!(kept, 3);
}
