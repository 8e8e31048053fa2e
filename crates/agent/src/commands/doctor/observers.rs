//! Whether two observers write: then each span stands in the files twice (xen-api `tracing_export.ml`, `flush_spans`: the
//! endpoints of all enabled observers are written one after the other).

use super::finding::Finding;
use super::traces::{Facts, TraceFile};
use model::{KeyValue, Span, SpanId, SpanKind, TraceId};
use parser::zipkin::{self, Context, DropRules, Item};
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// So many files, the newest, are looked into.
const FILES: usize = 12;
/// Of each, so many bytes at most: the last ones, and of a compressed file the first ones.
const BYTES: u64 = 4 << 20;
/// So many spans are remembered.
const SPANS: usize = 200_000;

/// What says which observer wrote a span.
const NAMES: [&str; 2] = ["xs.observer.name", "xs.observer.uuid"];

/// What a sample of the newest files holds.
#[derive(Debug, Default)]
pub(super) struct Sample {
    seen: HashSet<(TraceId, SpanId, SpanKind)>,
    spans: usize,
    twice: usize,
    /// Names or uuids of the observers that are named in the spans.
    observers: BTreeSet<String>,
    /// Files that could be read.
    files: usize,
}

impl Sample {
    /// Reads the newest files, as far as they can be read.
    pub(super) fn read(facts: &Facts) -> Self {
        let mut sample = Self::default();
        for file in chosen(&facts.files) {
            if let Ok(text) = text_of(&file.path) {
                sample.files += 1;
                text.split(|byte| *byte == b'\n').for_each(|line| sample.line(line));
            }
        }
        sample
    }

    fn line(&mut self, line: &[u8]) {
        let (context, rules) = (Context::new(""), DropRules::new([]));
        zipkin::read(line, &context, &rules, |item| {
            let Item::Span { span, .. } = item else { return };
            if self.seen.len() >= SPANS {
                return;
            }
            self.spans += 1;
            if !self.seen.insert((span.trace_id, span.span_id, span.kind)) {
                self.twice += 1;
            }
            let observer = NAMES.iter().find_map(|name| text(span, name));
            if let Some(observer) = observer.filter(|_| self.observers.len() < 8) {
                self.observers.insert(observer.to_owned());
            }
        });
    }
}

fn text<'s>(span: &'s Span<'_>, key: &str) -> Option<&'s str> {
    span.attributes.iter().find(|attribute| attribute.key == key).and_then(KeyValue::as_str)
}

/// The newest; of a file and its `.zst` the one that stands first.
fn chosen(files: &[TraceFile]) -> Vec<&TraceFile> {
    let mut stems = HashSet::new();
    let mut is_new = |file: &&TraceFile| {
        let path = file.path.as_os_str().to_owned();
        let stem = path.to_str().map(|text| text.trim_end_matches(".zst").to_owned());
        stems.insert(stem.unwrap_or_default())
    };
    files.iter().filter(|file| is_new(file)).take(FILES).collect()
}

/// Whole lines, and perhaps a cut one at either end, which is no span to the parser.
fn text_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut text = Vec::new();
    if path.extension().is_some_and(|ending| ending == "zst") {
        let mut decoder = zstd::stream::read::Decoder::new(file)?;
        decoder.window_log_max(23)?;
        // One that is still being written ends early; what came before counts.
        let _ = decoder.take(BYTES).read_to_end(&mut text);
        return Ok(text);
    }
    let start = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(start))?;
    file.take(BYTES).read_to_end(&mut text)?;
    Ok(text)
}

pub(super) fn judge(sample: &Sample) -> Option<Finding> {
    if sample.spans == 0 {
        return None;
    }
    let who: Vec<&str> = sample.observers.iter().map(String::as_str).collect();
    let (spans, twice) = (sample.spans, sample.twice);
    Some(match twice {
        0 => Finding::ok("traces.twice", format!("none of {spans} spans in the newest files is there twice")),
        _ => Finding::warn(
            "traces.twice",
            format!(
                "{twice} of {spans} spans in the newest files are copies: two observers write (they name themselves: \
                 {}). Copies are not sent, but they halve the time that XAPI's 100 MB last",
                who.join(", ")
            ),
        )
        .mend("xe observer-list params=uuid,name-label,enabled,components,endpoints")
        .mend("xe observer-param-set uuid=UUID enabled=false   # of all but one"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;
    use std::io::Write;

    fn span(id: u64, observer: &str) -> String {
        format!(
            "{{\"tags\":{{\"xs.observer.name\":\"{observer}\"}},\"annotations\":[],\"localEndpoint\":{{\"serviceName\":\"xapi\"}},\
             \"duration\":5,\"timestamp\":1771533975000000,\"name\":\"x\",\"traceId\":\"{id:032x}\",\"id\":\"{id:016x}\"}}"
        )
    }

    fn sample(lines: &[String]) -> Sample {
        let mut sample = Sample::default();
        lines.iter().for_each(|line| sample.line(line.as_bytes()));
        sample
    }

    #[test]
    fn copies_are_told_with_the_observers_names() {
        let once = sample(&[format!("[{},{}]", span(1, "a"), span(2, "a"))]);
        assert_eq!(judge(&once).unwrap().level, Level::Ok);
        let twice = sample(&[format!("[{}]", span(1, "a")), format!("[{}]", span(1, "b"))]);
        let found = judge(&twice).unwrap();
        assert_eq!(found.level, Level::Warn);
        assert!(found.text.contains("1 of 2 spans") && found.text.contains("a, b"), "{}", found.text);
        assert!(judge(&Sample::default()).is_none());
    }

    #[test]
    fn plain_and_compressed_are_read_and_one_of_both_counts() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| TraceFile {
            path: directory.path().join(name),
            service: "xapi".to_owned(),
            modified_unix: 0,
        };
        let text = format!("[{}]\n", span(7, "a"));
        std::fs::write(directory.path().join("a.ndjson"), &text).unwrap();
        let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
        File::create(directory.path().join("b.ndjson.zst")).unwrap().write_all(&packed).unwrap();
        std::fs::write(directory.path().join("a.ndjson.zst"), &packed).unwrap();
        let files = vec![file("a.ndjson"), file("a.ndjson.zst"), file("b.ndjson.zst"), file("gone.ndjson")];
        let mut facts = Facts::gather(directory.path());
        facts.files = files;
        let sample = Sample::read(&facts);
        assert_eq!((sample.files, sample.spans, sample.twice), (2, 2, 1));
    }
}
