//! What redaction costs for text of each sort.
//!
//! `cargo run --release -p parser --example redact_cost`

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, not the agent")]

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
}
