//! What the same bytes cost at least: plain loops, in this process, on one thread, by the thread's own clock.
//!
//! Nothing here is tuned. A floor that got faster would make the agent look worse, and the other way round.

use crate::Result;
use crate::corpus::{self, Corpus};
use crate::split::split;
use exporter::encode;
use memchr::memchr;
use model::{KeyValue, LogRecord, Resource};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The processor time that `work` takes of this thread.
pub(crate) fn cpu(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let begin = now();
    work()?;
    Ok(now().saturating_sub(begin))
}

/// Reads the files and does nothing with them.
pub(crate) fn read_only(files: &[PathBuf]) -> Result<Duration> {
    let mut buffer = vec![0; 128 << 10];
    cpu(|| {
        for path in files {
            let mut file = File::open(path)?;
            while file.read(&mut buffer)? > 0 {
                black_box(&buffer);
            }
        }
        Ok(())
    })
}

/// Unpacks the files and does nothing with them; those that are not compressed are read.
pub(crate) fn unpack(traces: &Path) -> Result<Duration> {
    let mut buffer = vec![0; 128 << 10];
    cpu(|| {
        for entry in std::fs::read_dir(traces)? {
            let path = entry?.path();
            let file = File::open(&path)?;
            let mut reader: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "zst") {
                Box::new(zstd::Decoder::new(file)?)
            } else {
                Box::new(file)
            };
            while reader.read(&mut buffer)? > 0 {
                black_box(&buffer);
            }
        }
        Ok(())
    })
}

/// serde_json's borrowed parse of every line, the reading included.
pub(crate) fn parse(of: &Corpus) -> Result<Duration> {
    let files = corpus::plain_files(&of.traces)?;
    let mut line = Vec::new();
    cpu(|| {
        for path in &files {
            let mut reader = BufReader::with_capacity(128 << 10, File::open(path)?);
            while next_line(&mut reader, &mut line)? {
                let spans: Vec<ZipkinSpan<'_>> = serde_json::from_str(std::str::from_utf8(&line)?)?;
                black_box(spans);
            }
        }
        Ok(())
    })
}

/// Finds the ends of the log's lines.
pub(crate) fn newlines(log: &Path) -> Result<Duration> {
    let mut line = Vec::new();
    cpu(|| {
        let mut reader = BufReader::with_capacity(128 << 10, File::open(log)?);
        while next_line(&mut reader, &mut line)? {
            black_box(&line);
        }
        Ok(())
    })
}

/// Splits each line plainly and encodes a record of its fields.
pub(crate) fn split_and_encode(log: &Path) -> Result<Duration> {
    let (mut line, mut out) = (Vec::new(), Vec::new());
    cpu(|| {
        let mut reader = BufReader::with_capacity(128 << 10, File::open(log)?);
        while next_line(&mut reader, &mut line)? {
            out.clear();
            encode::log_record(&record(&line), &mut out);
            black_box(&out);
        }
        Ok(())
    })
}

fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    reader.read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(!line.is_empty())
}

fn record(line: &[u8]) -> LogRecord<'_> {
    let fields = split(line);
    let text = |key, value| KeyValue::str(key, String::from_utf8_lossy(value));
    LogRecord {
        time_unix_nano: memchr(b':', fields.time).unwrap_or(0) as u64,
        severity: None,
        severity_text: String::from_utf8_lossy(fields.level),
        body: String::from_utf8_lossy(fields.body),
        attributes: vec![
            text("host.name", fields.host),
            text("process.executable.name", fields.program),
            text("thread.id", fields.thread),
            text("xs.task", fields.task),
            text("code.namespace", fields.module),
        ],
        resource: Resource::default(),
    }
}

/// A text that is borrowed unless it holds an escape; `Cow` alone is owned when it stands in a list.
#[derive(Debug)]
#[allow(dead_code, reason = "it is parsed, nobody reads it")]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Visitor)
    }
}

/// Tags as a list.
#[derive(Debug)]
#[allow(dead_code, reason = "it is parsed, nobody reads it")]
struct Tags<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Tags<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tags")
            }
            fn visit_map<A: de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut tags = Vec::with_capacity(16);
                while let Some(tag) = map.next_entry()? {
                    tags.push(tag);
                }
                Ok(Tags(tags))
            }
        }
        from.deserialize_map(Visitor)
    }
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is parsed, nobody reads it")]
struct Annotation<'a> {
    timestamp: u64,
    #[serde(borrow)]
    value: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is parsed, nobody reads it")]
struct Endpoint<'a> {
    #[serde(borrow, rename = "serviceName")]
    service: Option<Text<'a>>,
}

/// A span in Zipkin's second format, as the plainest program would read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "it is parsed, nobody reads it")]
struct ZipkinSpan<'a> {
    #[serde(borrow)]
    trace_id: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    parent_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    timestamp: u64,
    duration: i64,
    #[serde(borrow)]
    local_endpoint: Option<Endpoint<'a>>,
    #[serde(borrow, default)]
    annotations: Vec<Annotation<'a>>,
    #[serde(borrow)]
    tags: Tags<'a>,
}
