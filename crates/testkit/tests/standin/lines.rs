//! The lines: their sizes, their shapes, and the truth about them.

use crate::corpus::{END, corpus, hard, lines_on_disk, spans_on_disk, usual};
use std::collections::{HashMap, HashSet};
use testkit::ledger::{Rule, TraceId, WrittenSpan};
use testkit::standin::{Options, SECOND};

#[test]
fn corpora_have_the_sizes_that_benches_name() {
    let (directory, standin) = corpus(Options::bulk(1, 60_000, 120_000, 6, END));
    let written = standin.written();
    let span = written.trace_bytes / written.spans;
    assert!((680..=720).contains(&span), "{span} bytes a span");
    assert!(written.spans >= 60_000 && written.lines.abs_diff(2 * written.spans) < 6_000, "{written:?}");
    let lines: Vec<String> = lines_on_disk(directory.path()).into_values().collect();
    let log: Vec<&String> = lines.iter().filter(|line| !line.contains(" SM: ")).collect();
    let average = log.iter().map(|line| line.len() + 1).sum::<usize>() / log.len();
    assert!((214..=234).contains(&average), "{average} bytes a line");
    let with_id = log.iter().filter(|line| task_id(line).is_some()).count();
    assert!(with_id * 100 >= log.len() * 60, "{with_id} of {} lines have an id", log.len());
    let joinable = standin
        .ledger()
        .lines
        .iter()
        .filter(|line| line.evidence_after_ms.is_some_and(|ms| ms < 75_000))
        .count();
    assert!(joinable * 100 >= with_id * 90, "{joinable} of {with_id} lines with an id can be joined");
}

/// The id at the end of the bracket's task.
fn task_id(line: &str) -> Option<&str> {
    let (at, _) = line.match_indices("|").find_map(|(at, _)| {
        let before = &line[..at];
        let word = before.rsplit(' ').next()?.split("\\x0A").next()?;
        let is_id = word.len() == 14 && (word.starts_with("R:") || word.starts_with("D:"));
        is_id.then_some((word, at))
    })?;
    Some(at)
}

#[test]
fn lines_that_claim_a_task_find_it_in_the_files() {
    for options in [usual(), hard()] {
        let (directory, standin) = corpus(options);
        let mut traces: HashMap<(u16, String), HashSet<TraceId>> = HashMap::new();
        let on_disk = spans_on_disk(directory.path());
        for WrittenSpan { trace, id, host, .. } in &standin.ledger().spans {
            if let Some(task) = on_disk[&(*trace, *id)].0["tags"]["xs.xapi.task.id"].as_str() {
                traces.entry((*host, task.to_owned())).or_default().insert(*trace);
            }
        }
        let lines = lines_on_disk(directory.path());
        let mut seen = HashSet::new();
        for line in &standin.ledger().lines {
            let text = &lines[&line.marker];
            let known = task_id(text).and_then(|id| traces.get(&(line.host, id.to_owned())));
            match line.rule {
                Rule::Task => assert!(known.unwrap().contains(&line.trace.unwrap()), "{text}"),
                Rule::Link => assert_eq!(known, None, "{text}"),
                Rule::Context => assert!(text.contains(&line.trace.unwrap().to_string()), "{text}"),
                Rule::None => assert_eq!(line.evidence_after_ms, None),
            }
            seen.insert(line.rule);
        }
        assert_eq!(seen.len(), 4);
    }
}

#[test]
fn spans_around_lines_are_written_and_around_them() {
    let (_directory, standin) = corpus(hard());
    let spans: HashMap<_, _> =
        standin.ledger().spans.iter().map(|span| ((span.trace, span.id), span)).collect();
    let inside = standin.ledger().lines.iter().filter_map(|line| Some((line, line.inside?)));
    let mut count = 0;
    for (line, id) in inside {
        let span = spans[&(line.trace.unwrap(), id)];
        assert!(span.start / SECOND <= line.second && line.second <= span.end / SECOND);
        assert_eq!((span.host, &span.service), (line.host, &line.service));
        count += 1;
    }
    assert!(count > 5_000, "{count}");
}

/// What it is, and how to know it.
type Shape = (&'static str, fn(&str) -> bool);

#[test]
fn every_shape_occurs() {
    let (directory, _) = corpus(hard());
    let lines: Vec<String> = lines_on_disk(directory.path()).into_values().collect();
    let shapes: &[Shape] = &[
        ("empty second field", |l| l.contains(": [debug||")),
        ("hostname as second field", |l| l.contains(": [debug|xcp-ng-lab-3|")),
        ("traceparent as second field", |l| l.contains(": [debug|00-")),
        ("trace context in the task", |l| l.contains("\\x0A{\"traceparent\":\"00-") && l.contains("]]}|")),
        ("trace context in the body", |l| {
            l.contains("queue_atomics_and_wait: ") && l.contains("]]}: chunk of ")
        }),
        ("traceparent of a migration", |l| l.contains("] traceparent: 00-")),
        ("repeated", |l| l.contains("xenopsd-xc: message repeated ") && l.ends_with(']')),
        ("backtrace frame", |l| l.contains("|backtrace] 1/") && l.contains("Raised at file ocaml/")),
        ("empty body", |l| l.ends_with("|backtrace]")),
        ("escaped text", |l| l.contains("\\xC3\\xA9")),
        ("escaped backslash", |l| l.contains("C:\\\\windows")),
        ("bar in the task's name", |l| l.contains(" | web, \"db\" [prod] ")),
        ("padded level", |l| l.contains(": [ info|") || l.contains(": [ warn|")),
        ("negative thread", |l| l.contains("||-1 ")),
        ("client in the origin", |l| l.contains("HTTPS 10.0.0.5->INET :::80|")),
        ("no task", |l| l.contains("||dummytaskhelper] task dispatch:event.from D:")),
        ("forwarded", |l| l.contains(" forwarded (trackid=")),
        ("parallel", |l| l.contains("|Parallel:task=") && l.contains(".(VBD.plug RW vm=")),
        ("no bracket", |l| l.contains(" observer.py: Skipping")),
        ("session", |l| l.contains(" Session.create trackid=") && l.contains("parent=trackid=")),
        ("audit", |l| l.contains("xapi: [20260") && l.contains("Z|audit|")),
    ];
    for (name, is) in shapes.iter() {
        assert!(lines.iter().any(|line| is(line)), "no line: {name}");
    }
    assert!(lines.iter().any(|line| line.contains("password=SECRET-")));
}
