//! What lies on disk, and how it comes there.

use crate::corpus::{END, content, corpus, files, hard, is_trace, lines_on_disk, spans_on_disk, usual};
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use testkit::standin::{Compression, Options, Rotation, SECOND, StandIn, write_all};

#[test]
fn a_seed_means_the_same_bytes() {
    let (first, _) = corpus(hard());
    let (second, _) = corpus(hard());
    assert!(files(first.path()) == files(second.path()));
    let (third, _) = corpus(Options { seed: 8, ..hard() });
    assert!(files(first.path()) != files(third.path()));
}

#[test]
fn small_steps_and_one_run_write_the_same() {
    let options = Options { set_times: false, ..Options::bulk(3, 3_000, 6_000, 1, END) };
    let (whole, _) = corpus(options.clone());
    let directory = tempfile::tempdir().unwrap();
    let mut standin = StandIn::new(options.clone(), directory.path()).unwrap();
    let mut now = options.start;
    while standin.step(now).unwrap() {
        assert!(standin.next_due().unwrap() > now);
        now = now.plus(7 * SECOND);
    }
    assert!(files(whole.path()) == files(directory.path()));
}

#[test]
fn the_ledger_is_what_is_on_disk() {
    for options in [usual(), hard()] {
        let (directory, standin) = corpus(options);
        let (ledger, on_disk) = (standin.ledger(), spans_on_disk(directory.path()));
        assert_eq!(ledger.spans.len(), on_disk.len());
        let doubled = ledger.spans.iter().filter(|span| span.copies == 2).count();
        assert_eq!(doubled > 100, ledger.hosts.len() > 1, "{doubled} spans are there twice");
        for span in &ledger.spans {
            let (written, copies) = &on_disk[&(span.trace, span.id)];
            assert_eq!(*copies, span.copies);
            assert_eq!(written["localEndpoint"]["serviceName"], *span.service);
            assert_eq!(written["timestamp"], span.start);
            assert_eq!(written["duration"], span.end - span.start);
            assert_eq!(written["tags"]["xs.host.uuid"], ledger.hosts[usize::from(span.host)]);
        }
        let lines = lines_on_disk(directory.path());
        assert_eq!(ledger.lines.len(), lines.len());
        assert!(ledger.lines.iter().all(|line| lines.contains_key(&line.marker)));
    }
}

#[test]
fn file_names_are_xapis() {
    let (directory, standin) = corpus(hard());
    let uuid = &standin.hosts()[0].uuid;
    let mut kinds = HashSet::new();
    for path in
        files(directory.path()).into_keys().filter(|path| is_trace(path) && path.starts_with("xcp-ng-lab-1"))
    {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (service, rest) = name.split_once(&format!("-{uuid}-")).unwrap();
        let time = rest.strip_prefix("unknown-").unwrap_or(rest);
        let ending = time.get("2026-03-01T15:20:07.901315".len()..).unwrap();
        let expected = if service == "smapi" { "+00:00.ndjson" } else { "-00:00.ndjson" };
        assert!(ending == expected || ending == format!("{expected}.zst") && service != "smapi", "{name}");
        assert_eq!(rest.starts_with("unknown-"), service == "smapi");
        kinds.insert((service.to_owned(), ending.ends_with("zst")));
    }
    assert!(
        kinds.contains(&("xapi".to_owned(), true)) && kinds.contains(&("xenopsd".to_owned(), false)),
        "{kinds:?}"
    );
    assert!(kinds.iter().any(|(service, _)| service == "xapi-clusterd"));
}

/// The trace files of one service, with the sizes and modes they have now.
fn service_files(standin: &StandIn, service: &str) -> Vec<(String, u64, u32)> {
    let directory = standin.hosts()[0].traces();
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap()))
        .filter(|(name, _)| name.starts_with(service))
        .map(|(name, meta)| (name, meta.len(), meta.permissions().mode() & 0o777))
        .collect();
    found.sort();
    found
}

#[test]
fn a_full_file_vanishes_before_its_compressed_form_is_whole() {
    for compression in [Compression::Library, Compression::Program] {
        let options = Options {
            file_size: 50_000,
            compression_delay: 5 * SECOND,
            compression,
            rate: 2.0,
            ..Options::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let mut standin = StandIn::new(options, directory.path()).unwrap();
        let (mut now, mut plain) = (standin.next_due().unwrap(), HashSet::new());
        while standin.written().compressed == 0 {
            standin.step(now).unwrap();
            let files = ["xapi-", "xenopsd-"].map(|service| service_files(&standin, service)).concat();
            plain.extend(files.into_iter().filter(|(name, ..)| name.ends_with(".ndjson")));
            now = now.plus(SECOND);
        }
        assert!(plain.iter().all(|(_, _, mode)| *mode == 0o700 & !umask()), "{plain:?}");
        let half = ["xapi-", "xenopsd-"].map(|service| service_files(&standin, service)).concat();
        let (name, size, mode) = half.iter().find(|(name, ..)| name.ends_with(".zst")).unwrap();
        assert_eq!(*mode, 0o444 & !umask());
        let path = standin.hosts()[0].traces().join(name);
        assert!(!path.with_extension("").exists());
        zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap_err();
        standin.step(now.plus(5 * SECOND)).unwrap();
        assert!(fs::metadata(&path).unwrap().len() > *size);
        serde_json::from_slice::<Vec<Value>>(content(&path).split(|b| *b == b'\n').next().unwrap()).unwrap();
    }
}

fn umask() -> u32 {
    let probe = tempfile::tempdir().unwrap();
    let path = probe.path().join("x");
    fs::OpenOptions::new().write(true).create(true).truncate(true).open(&path).unwrap();
    0o666 & !(fs::metadata(path).unwrap().permissions().mode())
}

#[test]
fn a_rotated_log_is_written_to_for_a_while() {
    let options = Options {
        rotation: Rotation::Every(60 * SECOND),
        rotation_linger: 20 * SECOND,
        rate: 2.0,
        ..Options::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let mut standin = StandIn::new(options.clone(), directory.path()).unwrap();
    let mut now = options.start;
    while standin.written().rotated == 0 {
        now = now.plus(SECOND);
        standin.step(now).unwrap();
    }
    let log = standin.hosts()[0].log("xensource.log");
    let first = log.with_extension("log.1");
    let (before, begun) = (fs::metadata(&first).unwrap().len(), fs::metadata(&log).unwrap().len());
    standin.step(now.plus(15 * SECOND)).unwrap();
    assert!(fs::metadata(&first).unwrap().len() > before);
    assert_eq!((begun, fs::metadata(&log).unwrap().len()), (0, 0));
    standin.step(now.plus(50 * SECOND)).unwrap();
    assert!(fs::metadata(&log).unwrap().len() > 0);
}

#[test]
fn lines_can_go_elsewhere() {
    let (send, receive) = std::sync::mpsc::sync_channel(100_000);
    let sink = Box::new(move |message: &testkit::standin::LogMessage<'_>| {
        send.send((message.datagram(), message.line())).map_err(std::io::Error::other)
    });
    let directory = tempfile::tempdir().unwrap();
    let options = Options { spans: Some(500), ..usual() };
    let mut standin = StandIn::with_log_sink(options, directory.path(), sink).unwrap();
    standin.step(END.plus(3600 * SECOND)).unwrap();
    let lines: Vec<(String, String)> = receive.try_iter().collect();
    assert_eq!(lines.len(), standin.ledger().lines.len());
    assert!(lines[0].0.starts_with("<174>Mar  1 "), "{}", lines[0].0);
    assert!(!standin.hosts()[0].log("xensource.log").exists());
}

#[test]
fn finishing_writes_all_that_was_begun() {
    let directory = tempfile::tempdir().unwrap();
    let mut standin = StandIn::new(Options { rate: 1.0, ..Options::default() }, directory.path()).unwrap();
    let start = standin.next_due().unwrap();
    standin.step(start.plus(90 * SECOND)).unwrap();
    let before = standin.ledger().spans.len();
    standin.finish().unwrap();
    assert_eq!(standin.next_due(), None);
    assert!(standin.ledger().spans.len() > before);
    assert_eq!(spans_on_disk(directory.path()).len(), standin.ledger().spans.len());
}

#[test]
fn options_without_an_end_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(write_all(Options::default(), directory.path()).is_err());
}
