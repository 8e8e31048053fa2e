//! What redaction costs for text of each sort.
//!
//! `cargo bench -p parser --bench redact`

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, not the agent")]

use model::{KeyValue, LogRecord, Resource};
use parser::redact::Redactor;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;
const TIMES: u32 = 1000;

fn measure(what: &str, text: &str, redactor: &Redactor) {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..TIMES {
            black_box(redactor.text(black_box(text).into()));
        }
        best = best.min(start.elapsed());
    }
    println!("{what:<40} {:5} bytes {:8.1} ns", text.len(), best.as_secs_f64() * 1e9 / f64::from(TIMES));
}

/// A record as a line of xensource.log gives it.
fn record(body: &str) -> LogRecord<'_> {
    let attributes = [
        ("code.namespace", "xapi_vm_helpers"),
        ("thread.id", "123"),
        ("thread.name", "HTTPS 10.0.0.1->:::80"),
        ("client.address", "10.0.0.1"),
        ("xs.xapi.task.name", "Async.VM.start"),
        ("xs.xapi.task.id", "R:3e35c13ce76f"),
        ("process.executable.name", "xapi"),
        ("log.file.path", "/var/log/xensource.log"),
        ("log.record.uid", "0123456789abcdef0123456789abcdef"),
    ];
    let resource = [
        ("service.name", "xapi"),
        ("service.instance.id", "cb043a21-9c51-4418-a1e8-e7079ac6dc1a"),
        ("host.id", "cb043a21-9c51-4418-a1e8-e7079ac6dc1a"),
        ("host.name", "xcp-host"),
        ("xs.host.uuid", "cb043a21-9c51-4418-a1e8-e7079ac6dc1a"),
        ("xs.pool.uuid", "0496aa55-4e6f-363d-6578-4ab872ddfb9e"),
    ];
    LogRecord {
        time_unix_nano: 1,
        severity: None,
        severity_text: "info".into(),
        body: body.into(),
        attributes: attributes.map(|(key, value)| KeyValue::str(key, value)).to_vec(),
        resource: Resource { attributes: resource.map(|(key, value)| KeyValue::str(key, value)).to_vec() },
    }
}

fn measure_record(what: &str, record: &mut LogRecord<'_>, raw: &[u8], redactor: &Redactor) {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..TIMES {
            black_box(redactor.record(black_box(record), redactor.suspects(raw)));
        }
        best = best.min(start.elapsed());
    }
    println!("{what:<40}             {:8.1} ns", best.as_secs_f64() * 1e9 / f64::from(TIMES));
}

fn main() {
    let redactor = Redactor::new(true, &[]);
    let line = "Nov 21 02:00:01 xcp-host xapi: [debug||123 HTTPS 10.0.0.1->:::80|Async.VM.start R:3e35c13ce76f|xapi_vm_helpers] \
                Checking whether VM can boot on the host here";
    let span = r#"{"tags":{"xs.xapi.task.uuid":"00000000-0000-0000-0000-000000000000","xs.xapi.task.origin":"http","xs.xapi.session.track.id":"ed027918fda74f47eec4b3ac1de88018","xs.pool.uuid":"0496aa55-4e6f-363d-6578-4ab872ddfb9e"},"kind":"SERVER"}"#.repeat(3);
    measure("a line without a key word", line, &redactor);
    measure(
        "a line with a reference",
        &line.replace("VM can", "VM OpaqueRef:0496aa55-4e6f-363d-6578-4ab872ddfb9e can"),
        &redactor,
    );
    measure("a line with a key word in prose", &line.replace("whether", "password and"), &redactor);
    measure("a line with a password", &line.replace("whether", "password=secret"), &redactor);
    measure("the JSON of a span", &span, &redactor);
    measure("a short text", "Async.VM.start", &redactor);
    measure_record(
        "a whole log record",
        &mut record("Checking whether VM can boot on the host here"),
        line.as_bytes(),
        &redactor,
    );
}
