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
fn row_30_a_second_holder_is_refused_and_told_the_first() {
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
    std::fs::write(directory.path().join("store-2/snap.0000000000000001.generating"), b"half").unwrap();
    let (store, troubles) = open(directory.path());
    assert_eq!(troubles, [Trouble::HalfSnapshot]);
    assert_eq!(value(&store, "a").as_deref(), Some("1"));
}

#[test]
fn row_29_a_damaged_store_is_set_aside_and_the_sidecar_taken() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.settle(at(2));
    drop(store);
    for file in std::fs::read_dir(directory.path().join("store-2")).unwrap().flatten() {
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
fn row_29_a_store_that_went_back_in_time_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.settle(at(2));
    drop(store);
    let entries = Entries::from([(b"a".to_vec(), b"9".to_vec())]);
    sidecar::write(directory.path(), 99, std::iter::once(list::of(&entries).into())).unwrap();
    let (store, troubles) = open(directory.path());
    assert!(troubles.iter().any(|trouble| matches!(trouble, Trouble::SetAside { .. })), "{troubles:?}");
    assert_eq!(value(&store, "a").as_deref(), Some("9"));
}

#[test]
fn row_29_without_a_sidecar_that_can_be_read_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    for n in 0..100 {
        put(&mut store, &format!("key {n}"), &"value ".repeat(100), 1);
    }
    drop(store);
    std::fs::remove_file(directory.path().join("positions-2")).unwrap();
    let conf = directory.path().join("store-2/conf");
    std::fs::write(&conf, b"no configuration of sled's").unwrap();
    let (store, troubles) = open(directory.path());
    assert!(troubles.contains(&Trouble::NothingLeft), "{troubles:?}");
    assert!(store.entries().is_empty());
}

#[test]
fn row_28_a_disk_that_refuses_costs_nothing_that_it_later_takes() {
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
fn row_29_only_the_newest_damaged_stores_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let (mut store, _) = open(directory.path());
        put(&mut store, "round", &round.to_string(), 1);
        drop(store);
        std::fs::write(directory.path().join("store-2/conf"), b"no configuration of sled's").unwrap();
    }
    drop(open(directory.path()));
    let kept = std::fs::read_dir(directory.path()).unwrap().flatten();
    let kept = kept.filter(|entry| entry.file_name().to_string_lossy().starts_with("store.damaged-")).count();
    assert_eq!(kept, 3);
}

/// The files of the store itself.
fn store_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        recover::files(&directory.join("store-2")).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn set_aside(directory: &Path) -> usize {
    recover::files(directory).filter(|path| path.to_string_lossy().contains("store.damaged-")).count()
}

#[test]
fn row_28_a_store_that_the_system_refuses_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.settle(at(2));
    drop(store);
    let (db, kept) = (directory.path().join("store-2/db"), directory.path().join("kept"));
    std::fs::rename(&db, &kept).unwrap();
    // A refusal that root gets too: a link to itself.
    std::os::unix::fs::symlink(&db, &db).unwrap();
    let (mut store, troubles) = open(directory.path());
    assert!(
        matches!(troubles.first(), Some(Trouble::Unavailable { why }) if why.contains("symbolic links")),
        "{troubles:?}"
    );
    assert!(troubles.contains(&Trouble::FromSidecar { entries: 1 }), "{troubles:?}");
    assert_eq!((value(&store, "a").as_deref(), set_aside(directory.path())), (Some("1"), 0));
    assert!(store.save(vec![(b"b".to_vec(), Some(b"2".to_vec()))], at(10)).is_err(), "still refused");
    assert!(!store.is_current());
    std::fs::remove_file(&db).unwrap();
    std::fs::rename(&kept, &db).unwrap();
    let due = store.due().expect("it tries again by itself");
    store.work(Now { mono: due, ..at(0) }).unwrap();
    assert!(store.is_current());
    drop(store);
    let (store, troubles) = open(directory.path());
    assert_eq!(
        (troubles, value(&store, "a").as_deref(), value(&store, "b").as_deref()),
        (vec![], Some("1"), Some("2"))
    );
}

#[test]
fn row_28_what_memory_knows_goes_on_in_the_same_store() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.database = None;
    store.next_try = Duration::from_secs(100);
    let change = vec![(b"b".to_vec(), Some(b"2".to_vec()))];
    assert!(store.save(change, at(2)).is_err());
    store.settle(at(3));
    assert!(store.is_current(), "an orderly end tries the disk once more");
    assert_eq!(value(&store, "b").as_deref(), Some("2"));
}

#[test]
fn the_sidecar_is_written_when_it_is_behind_and_not_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    assert_eq!(store.due(), None, "the first save brings it up to date");
    put(&mut store, "a", "2", 2);
    assert_eq!(store.due(), Some(Duration::from_secs(11)));
    std::fs::remove_file(directory.path().join("positions-2")).unwrap();
    store.work(at(11)).unwrap();
    assert_eq!(sidecar::read(directory.path()).map(|(epoch, _)| epoch), Some(2));
    assert_eq!(store.due(), None);
}

#[test]
fn removals_alone_are_no_rollback() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.save(vec![(b"a".to_vec(), None)], at(2)).unwrap();
    store.settle(at(3));
    drop(store);
    let (store, troubles) = open(directory.path());
    assert_eq!((troubles, store.entries().len()), (vec![], 0));
}

#[test]
fn row_29_entries_of_a_later_version_are_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path());
    put(&mut store, "a", "1", 1);
    store.settle(at(2));
    drop(store);
    let sled = sled::open(directory.path().join("store-2")).unwrap();
    sled.insert(b"\x01b", frame::of_version(9, b"\x01b", 1, b"unknown")).unwrap();
    sled.flush().unwrap();
    drop(sled);
    let (store, troubles) = open(directory.path());
    assert!(
        matches!(troubles.first(), Some(Trouble::SetAside { why, .. }) if why.contains("later version")),
        "{troubles:?}"
    );
    assert_eq!((value(&store, "a").as_deref(), value(&store, "b")), (Some("1"), None));
}

#[test]
fn row_29_a_bad_entry_comes_from_the_sidecar_and_the_others_from_the_store() {
    for (with_sidecar, expected) in [(true, Some("1")), (false, None)] {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = open(directory.path());
        put(&mut store, "a", "1", 1);
        put(&mut store, "b", "2", 2);
        drop(store);
        let sled = sled::open(directory.path().join("store-2")).unwrap();
        sled.insert(b"\x01a", b"no frame").unwrap();
        sled.flush().unwrap();
        drop(sled);
        if !with_sidecar {
            std::fs::remove_file(directory.path().join("positions-2")).unwrap();
        }
        let (store, troubles) = open(directory.path());
        assert_eq!(set_aside(directory.path()), 1);
        assert_eq!(troubles.iter().any(Trouble::loses_positions), !with_sidecar, "{troubles:?}");
        assert_eq!((value(&store, "a").as_deref(), value(&store, "b").as_deref()), (expected, Some("2")));
    }
}

/// Flips a bit, or cuts there.
fn damage(file: &Path, at: usize, cut: bool) {
    let mut bytes = std::fs::read(file).unwrap();
    if cut {
        bytes.truncate(at);
    } else {
        bytes[at] ^= 0x10;
    }
    std::fs::write(file, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in recover::files(from) {
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// Every `STORE_DAMAGE`-th byte of the store's files is flipped, and each file cut there: 1 is all of them.
#[test]
fn row_29_damage_anywhere_is_no_panic_and_makes_nothing_up() {
    let step = std::env::var("STORE_DAMAGE").map_or(97, |step| step.parse().unwrap());
    let whole = tempfile::tempdir().unwrap();
    let (mut store, _) = open(whole.path());
    for round in 0..3 {
        for key in 0..8 {
            put(&mut store, &format!("key {key}"), &format!("{key} {round}"), 1);
        }
    }
    store.settle(at(2));
    let entries = store.entries();
    drop(store);
    let (mut cases, mut noticed) = (0, 0);
    for (number, file) in store_files(whole.path()).iter().enumerate() {
        let name = file.file_name().unwrap();
        for at in (number..std::fs::read(file).unwrap().len()).step_by(step) {
            for (cut, with_sidecar) in [(false, true), (false, false), (true, true), (true, false)] {
                let directory = tempfile::tempdir().unwrap();
                copy(whole.path(), directory.path());
                if !with_sidecar {
                    std::fs::remove_file(directory.path().join("positions-2")).unwrap();
                }
                damage(&directory.path().join("store-2").join(name), at, cut);
                let (store, troubles) = open(directory.path());
                let case = format!("{name:?} at {at}, cut {cut}, side-car {with_sidecar}: {troubles:?}");
                cases += 1;
                noticed += usize::from(!troubles.is_empty());
                if with_sidecar {
                    assert_eq!(store.entries(), entries, "{case}");
                }
                for (key, value) in store.entries() {
                    let key = String::from_utf8_lossy(&key).replace("key ", "");
                    assert!(String::from_utf8_lossy(&value).starts_with(&key), "{case}");
                }
            }
        }
    }
    assert!(cases > 50 && noticed > cases / 4, "{noticed} of {cases} were noticed");
}

/// A copy of what a release wrote: `cargo run -p watcher --example fixture`.
fn fixture(format: u32) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}")),
        directory.path(),
    );
    directory
}

/// The entries of every fixture: three streams and what was learned of the host.
fn check_fixture(entries: &Entries) {
    use crate::{Packing, SavedKind, SavedStream};
    use std::os::unix::ffi::OsStrExt;
    let stream = |key: u64| {
        let key: Vec<u8> = std::iter::once(b's').chain(key.to_be_bytes()).collect();
        SavedStream::from_bytes(&entries[&key]).unwrap()
    };
    assert_eq!(
        (entries.len(), entries[b"h".as_slice()].as_slice()),
        (4, br#"{"host_name":"lab"}"#.as_slice())
    );
    let (trace, log, odd) = (stream(1), stream(2), stream(3));
    assert_eq!((trace.settled, trace.drained, trace.hints.packing), (70_000, true, Packing::Zstd));
    assert_eq!((trace.head.len, trace.head.hash, trace.marker.hash), (1024, [u64::MAX, 7], u64::MAX - 1));
    assert_eq!((log.kind, log.path, log.mark), (SavedKind::Log, "/var/log/xensource.log.1".into(), 9));
    assert_eq!((log.beyond, log.hints.mtime_ns), (vec![(110, 120), (130, 140)], -4));
    assert_eq!(odd.path.as_os_str().as_bytes(), b"/var/log/dt/\xff\xfe.ndjson");
}

#[test]
fn row_29_what_this_release_wrote_is_read() {
    let directory = fixture(2);
    let (store, troubles) = open(directory.path());
    assert_eq!(troubles, []);
    check_fixture(&store.entries());
    drop(store);
    std::fs::write(directory.path().join("store-2/conf"), b"no configuration of sled's").unwrap();
    let (store, troubles) = open(directory.path());
    assert!(troubles.contains(&Trouble::FromSidecar { entries: 4 }), "{troubles:?}");
    check_fixture(&store.entries());
}

#[test]
fn row_29_what_the_format_before_wrote_is_taken_over_and_kept() {
    let directory = fixture(1);
    let old = directory.path().join("store");
    let (mut store, troubles) = open(directory.path());
    assert_eq!(troubles, [Trouble::Upgraded { entries: 4 }]);
    check_fixture(&store.entries());
    put(&mut store, "new", "1", 1);
    drop(store);
    let (store, troubles) = open(directory.path());
    assert_eq!((troubles, store.entries().len()), (vec![], 5));
    drop(store);
    // A downgrade, and up again: what the older release used last counts.
    let used = std::fs::metadata(directory.path().join("store-2/db")).unwrap().modified().unwrap();
    let later = used + Duration::from_secs(60);
    std::fs::File::options().append(true).open(old.join("db")).unwrap().set_modified(later).unwrap();
    let (store, troubles) = open(directory.path());
    assert_eq!(troubles, [Trouble::Upgraded { entries: 4 }]);
    check_fixture(&store.entries());
}

#[test]
fn a_damaged_store_of_the_format_before_leaves_its_sidecar() {
    let directory = fixture(1);
    std::fs::write(directory.path().join("store/db"), b"no store").unwrap();
    let (store, troubles) = open(directory.path());
    assert_eq!(troubles, [Trouble::Upgraded { entries: 4 }]);
    check_fixture(&store.entries());
}

#[test]
fn what_an_older_format_left_goes_after_a_week() {
    let directory = fixture(1);
    let (mut store, _) = open(directory.path());
    put(&mut store, "new", "1", 1);
    drop(store);
    let used = std::fs::metadata(directory.path().join("store/db")).unwrap().modified().unwrap();
    let now = used.duration_since(std::time::UNIX_EPOCH).unwrap();
    for (days, kept) in [(6, true), (8, false)] {
        let now = now + Duration::from_secs(days * 86_400);
        let now = Now { mono: Duration::ZERO, wall_unix_nano: u64::try_from(now.as_nanos()).unwrap() };
        drop(Store::open(directory.path(), now).unwrap());
        assert_eq!(directory.path().join("store").exists(), kept, "{days}");
        assert_eq!(directory.path().join("positions.json").exists(), kept, "{days}");
    }
}

#[test]
fn row_29_the_store_of_a_later_release_is_left_alone_and_said_to_be_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("store-3")).unwrap();
    let (_store, troubles) = open(directory.path());
    assert_eq!(troubles, [Trouble::NothingLeft]);
    assert!(directory.path().join("store-3").is_dir());
}
