//! Reads formats: log lines and trace files become records and evidence, and the two are joined.
//!
//! Promises: any bytes give an answer, never a panic; what is refused is said, with the reason. Leaves to others:
//! files (`watcher`), OTLP (`exporter`).

pub mod evidence;
pub mod log;
