//! What services do by themselves: looking after sessions, flushing, restarting.

use super::background::silent;
use super::draft::Draft;
use crate::ledger::TraceId;
use crate::standin::line::{Program, Shape};
use crate::standin::span::{Service, TASK_ID};
use crate::standin::time::MILLI;

/// xapi looks after its sessions. One id has two traces: the helper's span, made after the task's own has ended,
/// begins a trace of its own.
pub(in crate::standin) fn session_check(draft: &mut Draft<'_>) {
    let (host, start) = (draft.host, draft.start);
    let task = draft.task('D', "session_check");
    let end = start.plus(draft.rng.range(80, 3_000));
    let own = draft.own_span(host, &task, None, (start, end), "internal").id;
    draft.task_span(host, &task, "TaskHelper.get_name", Some(own), (start.plus(9), start.plus(11)));
    let voice = draft.voice(host, Program::Xapi, &task);
    draft.say(
        &voice,
        start.plus(10),
        ("debug", "xapi_session"),
        "Session.revalidate_all: 12 sessions, none expired",
    );
    let trace = TraceId(draft.rng.wide());
    let span = draft.span((host, Service::Xapi), "TaskHelper.destroy", None, (end.plus(1), end.plus(3)));
    span.trace = trace;
    span.tags.push((TASK_ID.into(), task.id.into()));
}

/// The tracer traces itself: two spans in a trace of their own for every flush, written at the next.
pub(in crate::standin) fn flush(draft: &mut Draft<'_>, service: Service) {
    let seat = (draft.host, service);
    let (start, took) = (draft.start.plus(1), draft.rng.range(1, 20) * MILLI);
    let traces = draft.rng.range(1, 40).to_string();
    let spans = draft.rng.range(40, 900).to_string();
    let outer = draft.span(seat, "Tracing.flush_spans", None, (start, start.plus(took)));
    outer.tracer = true;
    outer.tags.push(("export.traces.count".into(), traces.into()));
    outer.tags.push(("xs.tracing.finished_spans_table.count".into(), "0".into()));
    let parent = Some(outer.id);
    let inner = draft.span(seat, "Tracing.File.export", parent, (start.plus(50), start.plus(took - 50)));
    inner.tracer = true;
    inner.tags.push(("export.span.count".into(), spans.into()));
    inner.tags.push(("export.endpoint".into(), "bugtool".into()));
}

/// A service begins anew and says so.
pub(in crate::standin) fn restart(draft: &mut Draft<'_>, service: Service) {
    let program = match service {
        Service::Xenopsd => Program::Xenopsd,
        _ => Program::Xapi,
    };
    if service == Service::Clusterd {
        return;
    }
    let at = draft.start.plus(900 * MILLI);
    let mut voice = silent(draft, program, "", "");
    voice.thread = 0;
    let bodies: &[&str] = match program {
        Program::Xenopsd => &[
            "Parsing [http tracing tracing_export]",
            "Setting timeslice to 0.050s",
            "Adding a new worker to the thread pool",
        ],
        _ => &[
            "Parsing [http db_write redo_log api_readonly]",
            "(Re)starting xapi, pid: 32351",
            "on_system_boot=false pool_role=master",
        ],
    };
    for body in bodies {
        draft.say(&voice, at, ("debug", "xapi"), *body);
    }
    if program == Program::Xenopsd {
        let again = "Adding a new worker to the thread pool";
        draft.say_shaped(&voice, at.plus(1), ("debug", "xenops_server"), again, Shape::Repeated(25));
    }
}
