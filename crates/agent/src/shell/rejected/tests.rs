use super::*;
use crate::engine::Form;
use std::os::unix::fs::PermissionsExt;

fn rejected(bytes: &[u8]) -> Rejected<'_> {
    let message = "no \"JSON\"\n";
    let path = "/var/log/dt/é.ndjson";
    Rejected { signal: "traces", reason: "bad", message, path, offset: 7, form: Form::Source, bytes }
}

fn keeper(directory: &Path) -> RejectedFiles {
    RejectedFiles::new(directory, Clock::start())
}

/// The bytes of all entries, oldest first.
fn read_back(checkpoint: &Path) -> Vec<Vec<u8>> {
    let entries = |path: PathBuf| Entries::new(BufReader::new(File::open(path).unwrap()));
    let read = files(&directory(checkpoint)).into_iter().flat_map(entries);
    read.map(|entry| entry.unwrap_or_else(|error| panic!("{error}")).bytes).collect()
}

fn newest(checkpoint: &Path) -> PathBuf {
    path(&directory(checkpoint), 0)
}

#[test]
fn what_is_set_aside_is_read_back_exactly() {
    let at = tempfile::tempdir().unwrap();
    let otlp = Rejected { signal: "logs", form: Form::Otlp, offset: u64::MAX, ..rejected(b"\x0a\xff") };
    let odd: [&[u8]; 6] = [b"", b"\n", b"a\0b\n", b"\n\n{\"v\":1}\n", b"\xff\xfe", b"{\"length\":3}\nabc\n"];
    let mut keeper = keeper(at.path());
    odd.iter().for_each(|bytes| keeper.keep(&rejected(bytes)));
    keeper.keep(&otlp);
    let file = File::open(newest(at.path())).unwrap();
    let entries: Vec<Entry> = Entries::new(BufReader::new(file)).map(Result::unwrap).collect();
    assert_eq!(entries.len(), odd.len() + 1);
    for (entry, bytes) in entries.iter().zip(odd) {
        let expected = rejected(bytes);
        assert_eq!(entry.bytes, bytes);
        assert_eq!((&*entry.signal, &*entry.reason, entry.offset), ("traces", "bad", 7));
        assert_eq!(
            (&*entry.message, &*entry.path, entry.form),
            (expected.message, expected.path, expected.form)
        );
    }
    let last = entries.last().unwrap();
    assert_eq!((&*last.signal, last.form, last.offset), ("logs", Form::Otlp, u64::MAX));
    assert!(last.time_unix > 1_700_000_000);
}

#[test]
fn it_is_private() {
    let at = tempfile::tempdir().unwrap();
    keeper(at.path()).keep(&rejected(b"x"));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&newest(at.path())), mode(&directory(at.path()))), (0o600, 0o700));
}

#[test]
fn the_oldest_goes_and_the_bound_holds() {
    let at = tempfile::tempdir().unwrap();
    let mut keeper = keeper(at.path());
    for (count, size) in [(40_u8, 3 << 20), (5, 15 << 20), (3, 1)] {
        for number in 0..count {
            keeper.keep(&rejected(&vec![number; size]));
            let used: u64 = files(&directory(at.path())).iter().map(|path| length(path)).sum();
            assert!(used <= TOTAL, "{used}");
            let kept = read_back(at.path());
            assert_eq!(kept.last().map(|bytes| bytes[0]), Some(number), "the newest is there");
            assert!(number == 0 || kept.len() >= 2, "and some before it");
        }
    }
    let before = read_back(at.path()).len();
    keeper.keep(&rejected(&vec![0; TOTAL as usize + 1]));
    assert_eq!(read_back(at.path()).len(), before, "what is larger than all is not kept");
}

#[test]
fn what_a_crash_left_of_an_entry_is_cut_off() {
    let at = tempfile::tempdir().unwrap();
    keeper(at.path()).keep(&rejected(b"first"));
    let whole = std::fs::read(newest(at.path())).unwrap();
    for cut in 1..whole.len() {
        std::fs::write(newest(at.path()), [&whole[..], &whole[..cut]].concat()).unwrap();
        keeper(at.path()).keep(&rejected(b"second"));
        assert_eq!(read_back(at.path()), [b"first".to_vec(), b"second".to_vec()], "{cut}");
    }
}

#[test]
fn damage_is_told_with_its_place() {
    let head = br#"{"v":1,"time_unix":1,"signal":"logs","reason":"r","message":"","path":"/x","offset":0,"form":"otlp","length":"#;
    let cases: [(&[u8], &str); 6] = [
        (b"3}\nab", "at byte 0: the entry is cut off"),
        (b"3}\nabcd\n", "at byte 0: no entry"),
        (b"3}", "at byte 0: the entry is cut off"),
        (b"99999999999}\nab\n", "at byte 0: no entry"),
        (b"-1}\n\n", "at byte 0: no entry"),
        (b"2}\nab\n{\"v\":2}\n", ": no entry that this version can read"),
    ];
    for (tail, expected) in cases {
        let file = [head.as_slice(), tail].concat();
        let error = Entries::new(&file[..]).find_map(Result::err).expect("an error").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let endless = vec![b' '; 1 << 20];
    assert!(matches!(Entries::new(&endless[..]).next(), Some(Err(entry::Error::Head(0)))));
}
