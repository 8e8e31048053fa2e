use super::*;
use crate::config;
use model::SpanId;
use std::io::Write as _;
use std::path::PathBuf;
use testkit::ledger::{WrittenLine, find_marker};
use testkit::standin::{Options, SimTime, StandIn, write_all};

const END: u64 = 1_772_400_000;

/// A host's files, as the stand-in left them.
struct Host {
    directory: tempfile::TempDir,
    standin: StandIn,
}

impl Host {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::bulk(3, 400, 700, 1, SimTime::from_seconds(END));
        let standin = write_all(options, directory.path()).unwrap();
        Self { directory, standin }
    }

    fn log(&self) -> PathBuf {
        self.standin.hosts()[0].log("xensource.log")
    }

    fn settings(&self) -> Settings {
        let host = &self.standin.hosts()[0];
        let text = format!(
            "[traces]\ndirectory = {:?}\n[[logs]]\npath = {:?}\ntimezone = \"UTC\"\n[host]\ninventory = {:?}\n",
            host.root.join("var/log/dt"),
            self.log(),
            host.root.join("etc/xensource-inventory"),
        );
        config::parse(self.directory.path(), &text, &|_| None).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// Each line's first byte, and the line.
    fn lines(&self) -> Vec<(u64, String)> {
        let mut start = 0;
        let text = std::fs::read_to_string(self.log()).unwrap();
        text.split_inclusive('\n')
            .map(|line| {
                let place = (start, line.trim_end().to_owned());
                start += line.len() as u64;
                place
            })
            .collect()
    }

    fn truth(&self, line: &str) -> &WrittenLine {
        let thread = line.split("|").nth(2).and_then(|text| text.split(' ').next()?.parse().ok());
        let marker = find_marker(line, thread).unwrap();
        self.standin.ledger().lines.iter().find(|written| written.marker == marker).unwrap()
    }
}

fn plain() -> Paint {
    Style { width: 100, colour: false, spans: 0, lines: 0, marks: false }.paint()
}

fn now() -> Now {
    Now { mono: std::time::Duration::ZERO, wall_unix_nano: (END + 60) * 1_000_000_000 }
}

fn ask(path: &Path, offset: u64, settings: &Settings) -> Result<Answer, Failure> {
    explain(&Subject::Place { path: path.to_path_buf(), offset }, settings, now())
}

#[test]
fn lines_of_a_file_are_explained_as_the_truth_is() {
    let host = Host::new();
    let settings = host.settings();
    let (mut right, mut silent) = (0, 0);
    for (start, line) in host.lines().into_iter().step_by(9) {
        let answer = ask(&host.log(), start + line.len() as u64 / 2, &settings).unwrap();
        let truth = host.truth(&line);
        let place = answer.place.as_ref().unwrap();
        assert_eq!((place.start, place.end, place.configured), (start, start + line.len() as u64 + 1, true));
        let expected = truth.trace.map(|trace| trace.to_string());
        let found = answer.why.trace_id().map(|trace| trace.to_string());
        assert!(found.is_none() || found == expected, "{line}\n{}", text(&answer, plain()));
        (right, silent) = (right + usize::from(found.is_some()), silent + usize::from(found.is_none()));
    }
    assert!(right > 30 && silent > 5, "{right} joined, {silent} not");
}

#[test]
fn nothing_secret_is_told() {
    let host = Host::new();
    let settings = host.settings();
    let mut seen = 0;
    for (start, line) in host.lines().into_iter().filter(|(_, line)| line.contains("SECRET-")) {
        let answer = ask(&host.log(), start, &settings).unwrap();
        let told = text(&answer, plain()) + &serde_json::to_string(&answer).unwrap();
        assert!(!told.contains("SECRET-"), "{line}\n{told}");
        seen += 1;
    }
    assert!(seen > 0, "no line has a secret");
}

#[test]
fn a_line_stays_itself_when_its_file_is_rotated_and_compressed() {
    let host = Host::new();
    let settings = host.settings();
    let (start, _) = host.lines()[40];
    let live = ask(&host.log(), start, &settings).unwrap();
    let rotated = host.log().with_file_name("xensource.log.1.gz");
    let modified = std::fs::metadata(host.log()).unwrap().modified().unwrap();
    let file = std::fs::File::create(&rotated).unwrap();
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(&std::fs::read(host.log()).unwrap()).unwrap();
    packer.finish().unwrap().set_modified(modified).unwrap();
    std::fs::write(host.log(), "").unwrap();
    let packed = ask(&rotated, start, &settings).unwrap();
    let json = |answer: &Answer| serde_json::to_value(answer).unwrap();
    assert_eq!(json(&packed)["read"], json(&live)["read"]);
    assert_eq!(json(&packed)["why"], json(&live)["why"]);
    assert_eq!(json(&packed)["read"]["shipped"]["log_record_uid"].as_str().map(str::len), Some(32));
}

#[test]
fn a_line_given_as_text_is_joined_by_the_hosts_files() {
    let host = Host::new();
    let settings = host.settings();
    let own = host.lines().into_iter().find(|(_, line)| line.contains("|Async.")).unwrap().1;
    let answer = explain(&Subject::Line(own.clone().into_bytes()), &settings, now()).unwrap();
    assert!(answer.place.is_none());
    assert_eq!(
        answer.why.trace_id().map(|trace| trace.to_string()),
        host.truth(&own).trace.map(|trace| trace.to_string())
    );
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["why"]["outcome"], "task");
    assert!(json["read"]["shipped"]["time_unix_nano"].is_null(), "{json}");
    let span = json["why"]["span_id"].as_str().unwrap();
    assert!(SpanId::from_hex(span.as_bytes()).is_ok());
    let storage =
        explain(&Subject::Line(b"Mar  1 21:19:00 h SM: [77] text".to_vec()), &settings, now()).unwrap();
    assert_eq!(serde_json::to_value(&storage).unwrap()["why"]["outcome"], "no_id");
}

#[test]
fn what_is_missing_is_told_and_the_rest_explained() {
    let host = Host::new();
    let mut settings = host.settings();
    let gone = host.directory.path().join("gone");
    settings.traces.as_mut().unwrap().directory.clone_from(&gone);
    let (start, _) = host.lines().into_iter().find(|(_, line)| line.contains("|Async.")).unwrap();
    let answer = ask(&host.log(), start, &settings).unwrap();
    let told = text(&answer, plain());
    assert!(told.contains(&format!("could not read {}", gone.display())), "{told}");
    assert!(told.contains("no span with its id was seen") && told.contains("task id"), "{told}");
}

#[test]
fn wrong_places_are_refused() {
    let host = Host::new();
    let settings = host.settings();
    let size = std::fs::metadata(host.log()).unwrap().len();
    let beyond = ask(&host.log(), size, &settings).unwrap_err();
    assert!(
        matches!(&beyond, Failure::Usage(text) if text.contains(&format!("it has {size}"))),
        "{beyond:?}"
    );
    for path in [host.log().with_file_name("none.log"), host.directory.path().to_path_buf()] {
        let refused = ask(&path, 0, &settings).unwrap_err();
        assert!(matches!(&refused, Failure::Running(_)), "{refused:?}");
    }
}
