//! Calls of storage plugins: sub-tasks in xapi, a process with spans of its own, lines in SMlog.

use super::draft::{Claim, Draft, Process, Task, Voice};
use super::task::Run;
use crate::ledger::SpanId;
use crate::standin::line::{Program, Shape};
use crate::standin::span::{Service, Span, Text};
use crate::standin::time::{MILLI, SimTime};

type Times = (SimTime, SimTime);

/// Share of sub-tasks that have a span of their own; the others are reached by the line that says who made them.
const OWN_SHARE: f64 = 0.6;
/// Share of processes that are given a password.
const SECRET_SHARE: f64 = 0.2;
const FAILURE: &str = "SR_BACKEND_FAILURE_46: The VDI is not available [opterr=VDI is locked]";

/// One call: `<name> D:… created by task R:…`, `sm_exec D:… created by task D:…`, and the plugin's process.
pub(super) fn call(draft: &mut Draft<'_>, run: &Run, command: &'static str, (from, until): Times) {
    let outer = draft.task('D', command.replace('_', ".").to_uppercase().replace("UPDATE", "update"));
    draft.say_created(&run.voice, from, &outer, &run.task);
    let above = sub_span(draft, run.host, &outer, run.own, (from, until));
    let voice = draft.voice(run.host, Program::Xapi, &outer);
    let body = format!("SM ext {command} sr=OpaqueRef:{} sm_config=[] type=[user]", draft.sr);
    draft.say(&voice, from.plus(MILLI), ("debug", "sm"), body);
    draft.may_chat(&voice, from, until, 8);
    let exec = draft.task('D', "sm_exec");
    draft.say_created(&voice, from.plus(2 * MILLI), &exec, &outer);
    let parent = sub_span(draft, run.host, &exec, above, (from.plus(2 * MILLI), until));
    session(draft, run.host, &exec, (from.plus(3 * MILLI), until));
    process(
        draft,
        run,
        command,
        parent,
        (from.plus(8 * MILLI), until.minus(4 * MILLI).max(from.plus(9 * MILLI))),
    );
}

fn sub_span(draft: &mut Draft<'_>, host: u16, task: &Task, parent: SpanId, times: Times) -> SpanId {
    if draft.rng.chance(OWN_SHARE) {
        draft.own_span(host, task, Some(parent), times, "internal").id
    } else {
        parent
    }
}

fn session(draft: &mut Draft<'_>, host: u16, exec: &Task, (from, until): Times) {
    let voice = draft.voice(host, Program::Xapi, exec);
    let (track, parent) = (format!("{:032x}", draft.rng.wide()), draft.track.clone());
    let created = format!(
        "Session.create trackid={track} pool=false uname= originator=xapi is_local_superuser=true auth_user_sid= parent=trackid={parent}"
    );
    draft.say_exactly(&voice, from, ("info", "xapi_session"), created);
    draft.say_exactly(&voice, until, ("info", "xapi_session"), format!("Session.destroy trackid={track}"));
    draft.may_chat(&voice, from, until, 4);
}

/// The plugin's process: Python's tracing of itself, then the command.
fn process(draft: &mut Draft<'_>, run: &Run, command: &'static str, parent: SpanId, (began, ended): Times) {
    let seat = (run.host, Service::Smapi);
    let slot = ended.since(began) / 10;
    let at = |tenths: u64| began.plus(tenths * slot);
    let mut spans = Vec::with_capacity(8);
    let init = sm_span(draft, seat, "observer.py:init_tracing", parent, (at(0), at(2)));
    spans.push(sm_span(draft, seat, "observer.py:imports", init.id, (at(0), at(1))));
    spans.push(sm_span(draft, seat, "auto_instrumentation", init.id, (at(1), at(2))));
    spans.push(init);
    let main = sm_span(draft, seat, "/opt/xensource/sm/NFSSR:__main__:run", parent, (at(2), at(10)));
    let mut method = sm_span(draft, seat, format!("NFSSR:NFSSR.{command}"), main.id, (at(3), at(9)));
    arguments(draft, &mut method, command);
    for tenth in 4..4 + draft.rng.range(1, 4) {
        let mut inner = sm_span(draft, seat, "util:pread2", method.id, (at(tenth), at(tenth + 1)));
        inner.tags.push(("xs.span.arg.cmdlist".into(), "['/usr/bin/vhd-util', 'query', '-v', '-n']".into()));
        spans.push(inner);
    }
    if run.script.fails {
        failed(&mut method);
    }
    spans.extend([method, main]);
    sm_lines(draft, run, command, (began, ended));
    draft.processes.push(Process { began, ended, spans });
}

fn sm_span(
    draft: &mut Draft<'_>,
    seat: (u16, Service),
    name: impl Into<Text>,
    parent: SpanId,
    times: Times,
) -> Span {
    draft.bare_span(seat, name.into(), Some(parent), times)
}

fn arguments(draft: &mut Draft<'_>, span: &mut Span, command: &str) {
    span.tags.push(("xs.span.arg.sr_uuid".into(), draft.sr.clone().into()));
    span.tags.push(("xs.span.arg.vdi_uuid".into(), draft.vdi.clone().into()));
    if draft.rng.chance(SECRET_SHARE) {
        let secret = draft.counters.secret();
        let config = format!(
            "({{'device_config': {{'server': '10.0.0.9', 'username': 'root', 'password': 'SECRET-{secret}'}}, 'command': '{command}'}},)"
        );
        span.tags.push(("xs.span.args.str".into(), config.into()));
    }
}

/// As the Python SDK records an exception: an annotation with JSON in it, and two tags.
fn failed(span: &mut Span) {
    span.tags.push(("otel.status_code".into(), "ERROR".into()));
    span.tags.push(("error".into(), format!("SROSError: {FAILURE}").into()));
    let value = format!(
        r#"{{"exception": {{"exception.escaped": "False", "exception.message": "{FAILURE}", "exception.stacktrace": "Traceback (most recent call last):\n  File \"/opt/xensource/sm/SRCommand.py\", line 113, in run\n    return self._run_locked(sr)\nxs_errors.SROSError: {FAILURE}\n", "exception.type": "SROSError"}}}}"#
    );
    span.annotations.push((span.end.minus(10), value.into()));
}

/// SMlog has neither ids nor a trace.
fn sm_lines(draft: &mut Draft<'_>, run: &Run, command: &str, (began, ended): Times) {
    let voice = Voice {
        host: run.host,
        program: Program::Sm,
        thread: draft.thread(32_000),
        origin: String::new(),
        task: String::new(),
        claim: Claim::None,
    };
    let pid = voice.thread;
    let lock = format!("[{pid}] lock: opening lock file /var/lock/sm/{}/sr", draft.sr);
    draft.say_shaped(&voice, began, ("", ""), lock, Shape::Plain);
    let secret = draft.counters.secret();
    let called = format!(
        "[{pid}] {command} {{'sr_uuid': '{}', 'device_config': {{'password': 'SECRET-{secret}'}}, 'host_ref': 'OpaqueRef:{}'}}",
        draft.sr, draft.vdi
    );
    draft.say_shaped(&voice, began.plus(MILLI), ("", ""), called, Shape::Plain);
    if run.script.fails {
        let raised = format!("[{pid}] ***** NFS VHD: EXCEPTION <class 'xs_errors.SROSError'>, {FAILURE}");
        draft.say_shaped(&voice, ended, ("", ""), raised, Shape::Plain);
        let frame = format!("[{pid}]   File \"/opt/xensource/sm/SRCommand.py\", line 370, in run");
        draft.say_shaped(&voice, ended, ("", ""), frame, Shape::Plain);
    }
}
