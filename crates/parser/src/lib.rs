//! The formats: Zipkin v2 trace files and log lines become [`model`] records and evidence, and the correlator
//! joins the two.
//!
//! Promises: any bytes give an answer, never a panic; nothing recurses with the input's depth or holds more than
//! a line needs; what can't be read is handed back with its offset and a reason that can be counted.
//! Leaves to others: which bytes make a line (`watcher`), OTLP (`exporter`), what to do with a record (`agent`).

pub mod correlate;
pub mod evidence;
pub mod glob;
pub mod log;
pub mod redact;
pub mod zipkin;
