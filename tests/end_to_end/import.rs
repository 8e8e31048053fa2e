//! `import`: what people send, made of the stand-in's pool, arrives as if the hosts' own agents had shipped it; once.

use crate::harness::{DEADLINE, Rig, STOP};
use std::path::{Path, PathBuf};
use testkit::collector::{Keep, LogRow, Mood, Options, Script, Signal, SpanRow, attribute, text};
use testkit::driver::{Agent, Exit};
use testkit::ledger::{Accounted, Checker, Ledger, Report, find_marker};
use testkit::samples::{self, Pack};
use testkit::standin::{Host, StandIn};

/// A pool's files, and a collector that nothing has arrived at yet.
struct Case {
    rig: Rig,
    pool: StandIn,
}

impl Case {
    fn new() -> Self {
        Self::with(Options { keep: Keep::Rows, ..Options::default() })
    }

    fn with(options: Options) -> Self {
        let mut rig = Rig::with(options);
        for key in ["logs", "traces.directory", "host.inventory"] {
            rig.sandbox.unset(key);
        }
        // Where people sit who read these.
        rig.sandbox.env("TZ", "Asia/Tokyo");
        rig.sandbox.write_config().unwrap();
        let pool = samples::pool(&rig.sandbox.root().join("pool")).unwrap();
        Self { rig, pool }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.rig.sandbox.root().join(name)
    }

    fn hosts(&self) -> &[Host] {
        self.pool.hosts()
    }

    fn arguments<'a>(&self, path: &'a Path, more: &[&'a str]) -> Vec<String> {
        let state = self.at("import-state").to_str().unwrap().to_owned();
        let fixed = ["import", path.to_str().unwrap(), "--state", &state];
        fixed.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }

    /// Imports to the end.
    fn import(&self, path: &Path, more: &[&str]) -> Exit {
        let arguments = self.arguments(path, more);
        self.rig.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Begins an import.
    fn begin(&self, path: &Path) -> Agent {
        let arguments = self.arguments(path, &["--config", self.rig.sandbox.config_file().to_str().unwrap()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Agent::start(&mut self.rig.sandbox.command(&arguments)).unwrap()
    }

    fn import_well(&self, path: &Path, more: &[&str]) -> String {
        let exit = self.import(path, more);
        assert_eq!(exit.status.code(), Some(0), "{}{}", exit.stdout, exit.stderr);
        println!("{}", exit.stdout);
        exit.stdout
    }

    /// How many spans and lines are stored by now.
    fn stored(&self) -> (u64, u64) {
        self.rig.collector.read(|state| (state.stored(Signal::Traces), state.stored(Signal::Logs)))
    }

    fn rows(&self) -> (Vec<SpanRow>, Vec<LogRow>) {
        self.rig.collector.read(|state| {
            assert_eq!(state.malformed(), [""; 0]);
            (state.spans().to_vec(), state.logs().to_vec())
        })
    }

    /// What of these hosts must arrive.
    fn ledger(&self, hosts: &[u16]) -> Ledger {
        let mut ledger = self.pool.ledger().clone();
        ledger.spans.retain(|span| hosts.contains(&span.host));
        ledger.lines.retain(|line| hosts.contains(&line.host));
        ledger
    }

    /// Everything of these hosts has arrived once, joined, at its own time, and as these hosts'.
    fn assert_whole(&self, hosts: &[u16]) {
        let (ledger, (spans, lines)) = (self.ledger(hosts), self.rows());
        let report = report(&ledger, &spans, &lines);
        assert!(report.is_whole(), "{report:#?}");
        assert_eq!(
            (report.duplicates, report.tracer_arrived, report.wrong_service),
            (0, 0, 0),
            "{report:#?}"
        );
        let joins = &report.joins;
        assert_eq!(
            (joins.wrong(), joins.span_apart.count, joins.span_unknown.count),
            (0, 0, 0),
            "{joins:#?}"
        );
        assert!(joins.required_share() >= 0.995, "{joins:#?}");
        assert_times(&ledger, &spans, &lines, 0);
        let uuids: Vec<&str> =
            hosts.iter().map(|host| self.hosts()[usize::from(*host)].uuid.as_str()).collect();
        let of_them = |resource| uuids.contains(&text(resource, "host.id"));
        assert!(
            spans.iter().all(|span| of_them(&span.resource))
                && lines.iter().all(|line| of_them(&line.resource))
        );
        let named = |resource| text(resource, "host.name").starts_with("xcp-ng-lab-");
        assert!(
            spans.iter().all(|span| named(&span.resource)) && lines.iter().all(|line| named(&line.resource))
        );
    }
}

fn report(ledger: &Ledger, spans: &[SpanRow], lines: &[LogRow]) -> Report {
    let mut checker = Checker::new(ledger);
    spans.iter().filter_map(SpanRow::arrived).for_each(|span| checker.span(&span));
    lines.iter().for_each(|line| checker.line(&line.arrived()));
    checker.report(Accounted::default())
}

/// Every span and line has the time it was written at, moved by so many seconds.
fn assert_times(ledger: &Ledger, spans: &[SpanRow], lines: &[LogRow], moved: i64) {
    let thread = |line: &LogRow| attribute(&line.attributes, "thread.id").and_then(serde_json::Value::as_i64);
    let seconds: std::collections::HashMap<u64, u64> =
        ledger.lines.iter().map(|line| (line.marker, line.second)).collect();
    let mut seen = 0;
    for line in lines {
        let Some(written) = find_marker(&line.body, thread(line)).and_then(|marker| seconds.get(&marker))
        else {
            continue;
        };
        assert_eq!((line.time / 1_000_000_000) as i64, *written as i64 + moved, "{line:?}");
        seen += 1;
    }
    assert_eq!(seen, ledger.lines.len());
    let starts: std::collections::HashMap<String, u64> =
        ledger.spans.iter().map(|span| (span.id.to_string(), span.start)).collect();
    for span in spans {
        let start = starts[&span.span_id] as i64 * 1000 + moved * 1_000_000_000;
        assert_eq!(span.start as i64, start, "{span:?}");
    }
}

fn namespaces(lines: &[LogRow], spans: &[SpanRow]) -> Vec<String> {
    let of_lines = lines.iter().map(|line| text(&line.resource, "service.namespace"));
    let mut all: Vec<String> = of_lines
        .chain(spans.iter().map(|span| text(&span.resource, "service.namespace")))
        .map(str::to_owned)
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn three_status_reports_in_one_zip_are_imported_whole_and_once() {
    let case = Case::new();
    let path = case.at("three.zip");
    samples::zip_of_reports(case.hosts(), &path).unwrap();
    let said = case.import_well(&path, &[]);
    case.assert_whole(&[0, 1, 2]);
    for part in
        ["3 hosts", "from its inventory", "UTC+01:00", "tasks with spans fit it", "from the files' dates"]
    {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let (spans, lines) = case.rows();
    let namespaces = namespaces(&lines, &spans);
    assert!(namespaces.len() == 1 && namespaces[0].starts_with("import-"), "{namespaces:?}");
    let paths: std::collections::BTreeSet<&str> =
        lines.iter().map(|line| text(&line.attributes, "log.file.path")).collect();
    assert!(paths.contains("/var/log/xensource.log") && paths.contains("/var/log/SMlog"), "{paths:?}");
    assert!(paths.iter().all(|path| !path.ends_with(".1") && !path.ends_with(".gz")), "{paths:?}");
    let before = case.stored();
    let said = case.import_well(&path, &[]);
    assert_eq!(case.stored(), before, "the second time nothing is shipped");
    assert!(said.contains("shipped there before"), "{said}");
    case.import_well(&path, &["--again"]);
    assert_eq!(case.stored(), (2 * before.0, 2 * before.1));
}

#[test]
fn xos_logs_are_imported_with_the_uuid_from_the_traces() {
    let case = Case::new();
    let path = case.at("logs.tgz");
    samples::xo_logs(&case.hosts()[1], &path).unwrap();
    let said = case.import_well(&path, &["--namespace", "customer 7"]);
    case.assert_whole(&[1]);
    assert!(said.contains("from its names of trace files"), "{said}");
    let (spans, lines) = case.rows();
    assert_eq!(namespaces(&lines, &spans), ["customer 7"]);
}

#[test]
fn every_other_layout_gives_the_same() {
    for make in [
        (|case: &Case| samples::status_report(&case.hosts()[2], Pack::Zip, &case.at("")).unwrap())
            as fn(&Case) -> PathBuf,
        |case| samples::status_report(&case.hosts()[2], Pack::Tar, &case.at("")).unwrap(),
        |case| samples::status_report(&case.hosts()[2], Pack::TarBz2, &case.at("")).unwrap(),
        |case| case.hosts()[2].root.clone(),
        |case| case.hosts()[2].root.join("var/log"),
    ] {
        let case = Case::new();
        case.import_well(&make(&case), &[]);
        case.assert_whole(&[2]);
    }
}

/// Without spans, the dates of the files tell the zone.
#[test]
fn logs_alone_are_dated_by_their_files() {
    let case = Case::new();
    std::fs::remove_dir_all(case.hosts()[0].traces()).unwrap();
    let said = case.import_well(&case.hosts()[0].root, &[]);
    assert!(said.contains("UTC+01:00") && said.contains("last change"), "{said}");
    let (_, lines) = case.rows();
    assert_times(&Ledger { spans: Vec::new(), ..case.ledger(&[0]) }, &[], &lines, 0);
}

#[test]
fn zone_and_year_can_be_given() {
    let case = Case::new();
    let host = &case.hosts()[0];
    std::fs::remove_dir_all(host.traces()).unwrap();
    // Its lines have their own zone and year.
    std::fs::remove_file(host.log("audit.log")).unwrap();
    case.import_well(&host.root, &["--timezone", "+03:00", "--year", "2024"]);
    let (_, lines) = case.rows();
    // Two hours east of where it was; the newest line was of 2026, and 2024 had a day more.
    let moved = -7200 - (365 + 366) * 86_400;
    let mut ledger = Ledger { spans: Vec::new(), ..case.ledger(&[0]) };
    let count = ledger.lines.len();
    let marker = |line: &LogRow| line.arrived().marker;
    let arrived: std::collections::HashSet<_> = lines.iter().filter_map(marker).collect();
    ledger.lines.retain(|line| arrived.contains(&line.marker));
    assert!(ledger.lines.len() > count * 9 / 10, "only audit.log is left out");
    assert_times(&ledger, &[], &lines, moved);
}

#[test]
fn what_was_interrupted_goes_on() {
    let case = Case::new();
    let path = case.at("all.tar.gz");
    samples::folder_tar_gz(&case.at("pool"), &path).unwrap();
    for round in 0..3 {
        let (_, before) = case.stored();
        let import = case.begin(&path);
        case.rig.wait(|state| {
            state.stored(Signal::Logs) > before + 300 || import.read(|said| said.exit.is_some())
        });
        if round % 2 == 0 {
            import.kill();
        } else if let Ok(exit) = import.terminate(STOP)
            && exit.status.code() == Some(1)
        {
            assert!(exit.stderr.contains("the same command goes on"), "{}", exit.stderr);
        }
    }
    case.import_well(&path, &[]);
    let (spans, lines) = case.rows();
    let report = report(&case.ledger(&[0, 1, 2]), &spans, &lines);
    assert!(report.is_whole() && report.joins.wrong() == 0, "{report:#?}");
    println!("{} came twice after kills", report.duplicates);
}

/// A host's files, and the same files a rotation later with a line more.
#[test]
fn what_two_reports_have_in_common_is_shipped_once() {
    let case = Case::new();
    let host = &case.hosts()[0];
    let rotated = |name: &str| host.log(&format!("xensource.log{name}"));
    let report = |name: &str| {
        let path = case.at(name);
        samples::folder_tar_gz(&host.root, &path).unwrap();
        path
    };
    case.import_well(&report("first.tgz"), &["--namespace", "pool"]);
    case.assert_whole(&[0]);
    let before = case.stored();
    let last = (2..).find(|n| !rotated(&format!(".{}.gz", n + 1)).exists()).unwrap();
    for n in (2..=last).rev() {
        std::fs::rename(rotated(&format!(".{n}.gz")), rotated(&format!(".{}.gz", n + 1))).unwrap();
    }
    gzip(&rotated(".1"), &rotated(".2.gz"));
    std::fs::rename(rotated(""), rotated(".1")).unwrap();
    std::fs::write(rotated(""), "Jan  1 09:00:00 xcp-ng-lab-1 xapi: a line more\n").unwrap();
    case.import_well(&report("second.tgz"), &["--namespace", "pool"]);
    assert_eq!(case.stored(), (before.0, before.1 + 1));
}

/// Compresses a file as logrotate does, which keeps its time.
fn gzip(from: &Path, to: &Path) {
    let file = std::fs::File::create(to).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::copy(&mut std::fs::File::open(from).unwrap(), &mut packed).unwrap();
    let modified = std::fs::metadata(from).unwrap().modified().unwrap();
    packed.finish().unwrap().set_modified(modified).unwrap();
    std::fs::remove_file(from).unwrap();
}

#[test]
fn damaged_archives_are_imported_as_far_as_they_go() {
    let case = Case::new();
    let path = samples::status_report(&case.hosts()[0], Pack::Tar, &case.at("")).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let exit = case.import(&path, &[]);
    assert_eq!(exit.status.code(), Some(1), "{}", exit.stdout);
    assert!(exit.stdout.contains("broken:") && exit.stdout.contains("cut off"), "{}", exit.stdout);
    let (spans, lines) = case.stored();
    assert!(spans + lines > 500, "{spans} {lines}");
}

#[test]
fn a_damaged_log_in_a_folder_leaves_the_others() {
    let case = Case::new();
    let host = &case.hosts()[0];
    let packed = host.log("xensource.log.2.gz");
    let bytes = std::fs::read(&packed).unwrap();
    std::fs::write(&packed, &bytes[..bytes.len() / 2]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", host.log("SMlog.9")).unwrap();
    let exit = case.import(&host.root, &[]);
    assert_eq!(exit.status.code(), Some(1), "{}", exit.stdout);
    assert!(
        exit.stdout.contains("xensource.log.2.gz") && exit.stdout.contains("not followed: 1"),
        "{}",
        exit.stdout
    );
    let (spans, lines) = case.rows();
    let report = report(&case.ledger(&[0]), &spans, &lines);
    assert_eq!((report.duplicates, report.joins.wrong()), (0, 0), "{report:#?}");
    assert!(report.missing > 0 && report.missing < report.written / 5, "{report:#?}");
}

#[test]
fn times_are_moved_to_now_and_the_same_when_it_goes_on() {
    let case = Case::new();
    let path = case.at("logs.tgz");
    samples::xo_logs(&case.hosts()[0], &path).unwrap();
    case.import_well(&path, &["--shift-to-now"]);
    let (spans, lines) = case.rows();
    let newest = lines.iter().map(|line| line.time).chain(spans.iter().map(|span| span.end)).max().unwrap();
    let now = testkit::standin::SimTime::now().0 * 1000;
    assert!(newest <= now + 2_000_000_000 && newest + 120_000_000_000 > now, "{newest} {now}");
    let ledger = case.ledger(&[0]);
    let first = &ledger.spans.iter().find(|span| span.id.to_string() == spans[0].span_id).unwrap();
    let moved = (spans[0].start / 1000) as i64 - first.start as i64;
    assert_eq!(moved % 1_000_000, 0);
    assert_times(&ledger, &spans, &lines, moved / 1_000_000);
    assert!(report(&ledger, &spans, &lines).is_whole());
    let before = case.stored();
    case.import_well(&path, &["--shift-to-now"]);
    assert_eq!(case.stored(), before);
}

#[test]
fn what_loki_refuses_is_named_with_the_setting_that_lets_it_in() {
    let case = Case::new();
    let message = "entry for stream '{service_name=\"xapi\"}' has timestamp too old: 2026-01-01T00:00:00Z";
    case.rig.collector.set(Signal::Logs, Script::always(Mood::store_others(message, |_| true)));
    let path = case.at("logs.tgz");
    samples::xo_logs(&case.hosts()[0], &path).unwrap();
    let exit = case.import(&path, &[]);
    assert_eq!(exit.status.code(), Some(1));
    for part in [
        "not taken, logs",
        "too_old",
        "reject_old_samples_max_age",
        "--shift-to-now",
        "has timestamp too old",
        "--again",
    ] {
        assert!(exit.stdout.contains(part), "no {part:?} in {}", exit.stdout);
    }
    case.rig.collector.set(Signal::Logs, Script::always(Mood::Accept));
    case.import_well(&path, &["--again"]);
    let (spans, lines) = case.rows();
    assert!(report(&case.ledger(&[0]), &spans, &lines).is_whole());
}

#[test]
fn wrong_usage_is_told() {
    let case = Case::new();
    let odd = case.at("odd.txt");
    std::fs::write(&odd, "nothing of XAPI's").unwrap();
    for (path, more, code, part) in [
        (case.at("absent"), &[][..], 2, "absent"),
        (odd.clone(), &[], 1, "neither trace files nor logs"),
        (odd.clone(), &["--timezone", "Mars/Olympus"], 2, "Europe/Paris"),
        (odd.clone(), &["--year", "26"], 2, "1971"),
        (odd.clone(), &["--namespace", ""], 2, "1 to 200"),
        (odd.clone(), &["--endpoint", "nowhere"], 2, "--endpoint"),
    ] {
        let exit = case.import(&path, more);
        let said = format!("{}{}", exit.stdout, exit.stderr);
        assert_eq!((exit.status.code(), said.contains(part)), (Some(code), true), "{more:?}: {said}");
    }
    assert!(DEADLINE > STOP);
}
