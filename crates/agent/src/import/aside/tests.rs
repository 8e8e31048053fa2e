use super::*;
use crate::engine::{Keep, Rejected, Signal};
use crate::import::Spool;
use crate::shell::clock::Clock;
use crate::shell::rejected::RejectedFiles;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use request::Request;

const TRACE: &str = "/var/log/dt/zipkinv2/json/xapi-7f732917-23bd-4eba-8d82-ae1b3f00b5df-2026-02-19T20:46:01.000001-00:00.ndjson.zst";
const SPAN: &str = r#"{"traceId":"5b8efff798038103d269b633813fc60c","id":"eee19b7ec3c1b174","name":"VM.start","timestamp":1772500000000000,"duration":1000,"localEndpoint":{"serviceName":"xapi"}}"#;

/// Sets these aside, and reads them back.
fn set_aside(at: &Path, all: &[(&str, Form, &[u8])]) -> Vec<Entry> {
    let mut keeper = RejectedFiles::new(at, Clock::start());
    for (path, form, bytes) in all {
        let signal = if path.ends_with(".log") { "logs" } else { "traces" };
        keeper.keep(&Rejected { signal, reason: "r", message: "", path, offset: 7, form: *form, bytes });
    }
    let files = files(&at.join("rejected")).expect("what was set aside");
    let read = files.iter().flat_map(|file| Entries::new(BufReader::new(File::open(file).unwrap())));
    read.map(|entry| entry.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn request(spans: usize) -> Vec<u8> {
    let scope = ScopeSpans { spans: vec![Span::default(); spans], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

#[test]
fn directories_and_files_of_what_was_set_aside_are_known() {
    let at = tempfile::tempdir().unwrap();
    set_aside(at.path(), &[("/x", Form::Source, b"x")]);
    let directory = at.path().join("rejected");
    let file = directory.join("rejected.0");
    let (copy, other) = (at.path().join("copy.bin"), at.path().join("xensource.log"));
    std::fs::copy(&file, &copy).unwrap();
    std::fs::write(&other, "Mar  3 01:06:45 h xapi: text\n").unwrap();
    let cases = [
        (&directory, Some(vec![file.clone()])),
        (&file, Some(vec![file.clone()])),
        (&copy, Some(vec![copy.clone()])),
        (&other, None),
        (&at.path().to_path_buf(), None),
        (&at.path().join("none"), None),
    ];
    for (path, expected) in cases {
        assert_eq!(files(path), expected, "{}", path.display());
    }
}

#[test]
fn requests_are_what_was_set_aside_as_such() {
    let at = tempfile::tempdir().unwrap();
    let body = request(3);
    let entries = set_aside(
        at.path(),
        &[(TRACE, Form::Otlp, &body), (TRACE, Form::Otlp, b"\xff\xff"), ("/x.log", Form::Otlp, b"")],
    );
    let read: Vec<_> = entries.iter().map(Request::of).collect();
    let first = read[0].as_ref().unwrap();
    assert_eq!((first.signal, first.records), (Signal::Traces, 3));
    assert_eq!(read[1].as_ref().err(), Some(&"no OTLP request"));
    assert_eq!(read[2].as_ref().map(|request| (request.signal, request.records)), Ok((Signal::Logs, 0)));
    let odd = Entry { signal: "metrics".to_owned(), ..entries[0].clone() };
    assert!(Request::of(&odd).is_err());
}

#[test]
fn what_can_be_read_now_becomes_a_file_of_its_name() {
    let at = tempfile::tempdir().unwrap();
    let entries = set_aside(
        at.path(),
        &[
            (TRACE, Form::Source, SPAN.as_bytes()),
            (TRACE, Form::Source, b"[{\"traceId\":\"cut"),
            (TRACE, Form::Source, SPAN.replace("b174", "b175").as_bytes()),
            ("/somewhere/else", Form::Source, SPAN.as_bytes()),
            ("/var/log/xensource.log", Form::Source, b"Mar  3 01:06:45 h xapi: text"),
        ],
    );
    let (mut sources, layout) = (Sources::default(), Layout::default());
    let taken: Vec<_> = entries.into_iter().map(|entry| sources.add(entry, &layout)).collect();
    let refused: Vec<_> = taken.iter().filter_map(|one| one.as_ref().err()).collect();
    assert_eq!(
        refused,
        ["still not a span that can be read (syntax)", "\"/somewhere/else\" is no trace file or log"]
    );
    let unit = sources.unit("x".to_owned(), &mut Spool::new(1 << 20).unwrap()).unwrap();
    let files: Vec<(&str, u64)> =
        unit.files.iter().map(|file| (file.name.as_str(), file.content.len())).collect();
    let name = TRACE.rsplit('/').next().unwrap().strip_suffix(".zst").unwrap();
    assert_eq!(files, [(name, 2 * (SPAN.len() as u64 + 1)), ("xensource.log", 29)]);
    assert_eq!(unit.hosts.list().len(), 1);
}

#[test]
fn what_was_sent_is_known_by_its_content() {
    let at = tempfile::tempdir().unwrap();
    let entries = set_aside(
        at.path(),
        &[
            ("/a", Form::Otlp, b"one"),
            ("/b", Form::Otlp, b"one"),
            ("/a", Form::Otlp, b"two"),
            ("/a", Form::Source, b"one"),
        ],
    );
    let store = at.path().join("store");
    let known = |forget| {
        let sent = Sent::open(&store, forget).unwrap();
        entries.iter().map(|entry| sent.has(entry)).collect::<Vec<_>>()
    };
    Sent::open(&store, false).unwrap().note(&entries[0]).unwrap();
    assert_eq!(known(false), [true, true, false, false]);
    // A crash cuts what is noted next.
    let noted = std::fs::read(store.join("sent")).unwrap();
    std::fs::write(store.join("sent"), [&noted[..], &noted[..7]].concat()).unwrap();
    Sent::open(&store, false).unwrap().note(&entries[2]).unwrap();
    assert_eq!(known(false), [true, true, true, false]);
    assert_eq!(known(true), [false; 4]);
}
