//! The names of the attributes that log lines get, all in one place.
//!
//! `xs.*` names are XAPI's own span tags (xen-api `ocaml/libs/tracing`, `ocaml/xapi/context.ml`), so that one filter
//! finds lines and spans; `log.repeat_count` and `xen.domain.id` are ours; the rest is OpenTelemetry's semantic
//! conventions. There is no `trace_id` and no `span_id` among them, and never will be: in Loki such an attribute
//! hides the record's own.

// Of the resource.

/// The program, under the name that its spans have.
pub const SERVICE_NAME: &str = "service.name";
/// The host's uuid again: it keeps the streams of hosts apart.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// The host's name, as the line says it.
pub const HOST_NAME: &str = "host.name";
/// The host's uuid.
pub const HOST_ID: &str = "host.id";
/// The host's uuid, as XAPI's spans call it.
pub const XS_HOST_UUID: &str = "xs.host.uuid";
/// The host's name-label in XAPI.
pub const XS_HOST_NAME: &str = "xs.host.name";
/// The pool's uuid.
pub const XS_POOL_UUID: &str = "xs.pool.uuid";

// Of the record.

/// The file, under the name it had when the line was written.
pub const LOG_FILE_PATH: &str = "log.file.path";
/// What tells the line from all others; the same whenever it is read.
pub const LOG_RECORD_UID: &str = "log.record.uid";
/// N of "message repeated N times".
pub const LOG_REPEAT_COUNT: &str = "log.repeat_count";
/// The program as written.
pub const PROCESS_EXECUTABLE_NAME: &str = "process.executable.name";
/// The number in `tag[pid]:`.
pub const PROCESS_PID: &str = "process.pid";
/// The domain that a program serves, where its name ends in the domain's number.
pub const XEN_DOMAIN_ID: &str = "xen.domain.id";
/// The module that wrote the line.
pub const CODE_NAMESPACE: &str = "code.namespace";
/// The thread's number.
pub const THREAD_ID: &str = "thread.id";
/// The thread's name: what it listens on or does.
pub const THREAD_NAME: &str = "thread.name";
/// Whom the thread serves.
pub const CLIENT_ADDRESS: &str = "client.address";
/// The task's name.
pub const TASK_NAME: &str = "xs.xapi.task.name";
/// The task's id.
pub const TASK_ID: &str = "xs.xapi.task.id";
/// The hash that stands for the session.
pub const SESSION_TRACK_ID: &str = "xs.xapi.session.track.id";
