//! A call from a client, from its dispatch to the end of its task.

use super::draft::{Draft, Task, Voice};
use super::script::Script;
use crate::ledger::{Kind, SpanId};
use crate::standin::line::{Program, Shape};
use crate::standin::span::{Service, TASK_ID};
use crate::standin::time::{MILLI, SECOND, SimTime};

/// Steps of long operations come at least this often, so that some evidence is early.
const LONG_STEP: u64 = 28 * SECOND;
/// Share of tasks whose name is a client's own.
const LABEL_SHARE: f64 = 0.05;
/// But not more of them than this.
const MAX_STEPS: u64 = 90;

/// A task as it runs on a host.
pub(super) struct Run {
    pub(super) script: &'static Script,
    /// Where xapi works on it.
    pub(super) host: u16,
    /// Where a guest goes to, when it moves.
    pub(super) target: u16,
    pub(super) task: Task,
    pub(super) own: SpanId,
    pub(super) voice: Voice,
    pub(super) start: SimTime,
    pub(super) end: SimTime,
}

/// A whole call: dispatch, task, steps, end. `quiet` gives a long operation without early steps.
pub(in crate::standin) fn task(draft: &mut Draft<'_>, script: &'static Script, length: u64, quiet: bool) {
    let (master, start) = (draft.host, draft.start);
    let end = start.plus(length);
    let name = label(draft, script);
    let task = draft.task('R', name);
    let (parent, dispatched) = dispatch(draft, script, &task);
    let own = draft.own_span(master, &task, Some(parent), (dispatched, end), "internal").id;
    let (host, own) = forward(draft, script, &task, own, (dispatched.plus(30 * MILLI), end));
    let target = other_host(draft, host);
    let voice = draft.voice(host, Program::Xapi, &task);
    let run = Run { script, host, target, task, own, voice, start: dispatched.plus(60 * MILLI), end };
    work(draft, &run, quiet);
    close(draft, &run);
}

/// Some clients name their tasks themselves.
fn label(draft: &mut Draft<'_>, script: &Script) -> String {
    match draft.rng.chance(LABEL_SHARE) {
        true => format!("{} | web, \"db\" [prod] t\u{e2}che du soir", script.method),
        false => format!("Async.{}", script.method),
    }
}

/// The client's request: a dummy task with a span of its own, in which the real task is created.
fn dispatch(draft: &mut Draft<'_>, script: &Script, task: &Task) -> (SpanId, SimTime) {
    let (host, start) = (draft.host, draft.start);
    let dummy = draft.task('D', format!("dispatch:{}", script.method));
    let end = start.plus(draft.rng.range(25, 90) * MILLI);
    let parent = draft.rng.chance(0.3).then(|| SpanId(draft.rng.bits() | 1));
    let id = request_span(draft, host, &dummy, parent, (start, end));
    let mut voice = draft.voice(host, Program::Xapi, &dummy);
    voice.origin = client(draft);
    let created = format!("task {} (uuid:{}) created (trackid={})", task.dbg(), task.uuid, draft.track);
    draft.say_exactly(&voice, start.plus(6 * MILLI), ("info", "taskhelper"), created);
    let at = start.plus(9 * MILLI);
    let mut inner = draft.voice(host, Program::Xapi, task);
    inner.origin = voice.origin;
    let spawning = format!("spawning a new thread to handle the current task (trackid={})", draft.track);
    draft.say_exactly(&inner, at.plus(3 * MILLI), ("debug", "dispatcher"), spawning);
    (id, at)
}

/// A dispatch's span: what came over HTTP is on it.
fn request_span(
    draft: &mut Draft<'_>,
    host: u16,
    dummy: &Task,
    parent: Option<SpanId>,
    times: (SimTime, SimTime),
) -> SpanId {
    let size = draft.rng.range(300, 9_000).to_string();
    let (port, secret) = (draft.rng.range(30_000, 60_000).to_string(), draft.counters.secret());
    let with_token = draft.rng.chance(0.1);
    let span = draft.own_span(host, dummy, parent, times, "http");
    span.kind = Kind::Server;
    for (key, value) in [
        ("http.request.header.method", "POST"),
        ("http.request.header.user-agent", "xen-api/4.7.0"),
        ("http.request.header.content-type", "application/json"),
        ("network.local.address", "/var/lib/xcp/xapi"),
        ("network.peer.address", "10.0.0.5"),
    ] {
        span.tags.push((key.into(), value.into()));
    }
    span.tags.push(("http.request.body.size".into(), size.into()));
    span.tags.push(("network.peer.port".into(), port.into()));
    if with_token {
        span.tags.push(("http.request.header.x-api-token".into(), format!("SECRET-{secret}").into()));
    }
    span.id
}

fn client(draft: &mut Draft<'_>) -> String {
    draft
        .rng
        .text(&["INET :::80", "INET 0.0.0.0:80", "HTTPS 10.0.0.5->INET :::80", "HTTPS 10.0.0.7->:::80"])
        .to_owned()
}

/// Hands the task to the host where the guest is: there it has the same id and trace.
fn forward(
    draft: &mut Draft<'_>,
    script: &Script,
    task: &Task,
    own: SpanId,
    (at, end): (SimTime, SimTime),
) -> (u16, SpanId) {
    let host = draft.host;
    let hosts = draft.world.hosts.len() as u64;
    let member = u16::try_from(draft.rng.below(hosts)).unwrap_or(host);
    if script.plan.is_none() || member == host {
        return (host, own);
    }
    let dummy = draft.task('D', format!("dispatch:{}", script.method));
    let dispatched = request_span(draft, member, &dummy, Some(own), (at, at.plus(40 * MILLI)));
    let mut listener = draft.voice(member, Program::Xapi, &dummy);
    listener.origin = "INET :::80".to_owned();
    say_dispatched(draft, &listener, at.plus(MILLI), &dummy, task);
    let forwarded = format!("task {} forwarded (trackid={})", task.dbg(), draft.track);
    draft.say_exactly(&listener, at.plus(2 * MILLI), ("info", "taskhelper"), forwarded);
    let there = draft.own_span(
        member,
        task,
        Some(dispatched),
        (at.plus(3 * MILLI), end.minus(5 * MILLI)),
        "internal",
    );
    (member, there.id)
}

/// `task dispatch:… D:… created by task …`, logged outside of any task.
pub(super) fn say_dispatched(
    draft: &mut Draft<'_>,
    listener: &Voice,
    at: SimTime,
    dummy: &Task,
    parent: &Task,
) {
    let outside =
        Voice { task: String::new(), claim: super::draft::Claim::Aside(draft.trace), ..listener.clone() };
    draft.say_created(&outside, at, dummy, parent);
}

fn other_host(draft: &mut Draft<'_>, host: u16) -> u16 {
    let hosts = u16::try_from(draft.world.hosts.len()).unwrap_or(1);
    if hosts < 2 {
        host
    } else {
        (host + 1 + u16::try_from(draft.rng.below(u64::from(hosts) - 1)).unwrap_or(0)) % hosts
    }
}

/// The steps, one after another over the task's time.
pub(super) fn work(draft: &mut Draft<'_>, run: &Run, quiet: bool) {
    let length = run.end.since(run.start);
    let usual = run.script.steps.len() as u64;
    let wanted = if quiet { usual } else { (length / LONG_STEP).clamp(usual, MAX_STEPS.max(usual)) };
    let slot = length / (wanted + 1);
    let plan = super::steps::plan(draft, run, (run.start.plus(slot / 2), run.end.minus(slot / 2)));
    let xapi = run.voice.clone();
    draft.may_chat(&xapi, run.start, run.end, 50);
    for (number, step) in (0..wanted).zip(run.script.steps.iter().cycle()) {
        let from = run.start.plus(slot / 2 + number * slot);
        let until = from.plus(draft.rng.range(slot / 3, slot));
        super::steps::step(draft, run, &plan, *step, (from, until));
    }
    if run.script.fails {
        fail(draft, run);
    }
}

/// The task's last words; the helper's spans come after its own has ended.
fn close(draft: &mut Draft<'_>, run: &Run) {
    let at = run.end.minus(draft.rng.range(1, 9) * MILLI);
    let (task, own) = (run.task.clone(), run.own);
    draft.task_span(run.host, &task, "TaskHelper.complete", Some(own), (at, at.plus(200)));
    let body = format!("Session.destroy trackid={}", draft.track);
    draft.say_exactly(&run.voice, at, ("info", "xapi_session"), body);
    if draft.world.options.audit {
        audit(draft, run, at);
    }
}

/// The audit trail: an S-expression, with the time in the bracket.
fn audit(draft: &mut Draft<'_>, run: &Run, at: SimTime) {
    let voice = Voice { program: Program::Audit, ..run.voice.clone() };
    let outcome = if run.script.fails { "ERROR:SR_BACKEND_FAILURE_46" } else { "OK" };
    let body = format!(
        "('trackid={}' 'S-1-5-21' 'root' 'ALLOWED' '{outcome}' 'API' '{}' (('self' 'web (1)' '{}' 'OpaqueRef:{}')))",
        draft.track, run.script.method, draft.vm, draft.vdi
    );
    draft.say_shaped(&voice, at, ("audit", "audit"), body, Shape::Timed);
}

/// An error: tags on the last spans of the task, the message, and the backtrace frame by frame.
fn fail(draft: &mut Draft<'_>, run: &Run) {
    const MESSAGE: &str =
        "Server_error(SR_BACKEND_FAILURE_46, [ ; The VDI is not available [opterr=VDI is locked];  ])";
    let id = run.task.id.clone();
    let failed = draft
        .spans
        .iter_mut()
        .rev()
        .filter(|span| span.service == Service::Xapi && span.tag(TASK_ID) == Some(&id));
    for span in failed.take(2) {
        span.tags.push(("exception.message".into(), MESSAGE.into()));
        span.tags.push(("exception.stacktrace".into(), "Raised at file ocaml/xapi/message_forwarding.ml, line 241\\nCalled from file ocaml/libs/xapi-stdext/lib/xapi-stdext-pervasives/pervasiveext.ml, line 24".into()));
        span.tags.push(("exception.type".into(), "Server_error".into()));
        span.tags.push(("error".into(), "true".into()));
    }
    let at = run.end.minus(20 * MILLI);
    draft.say(
        &run.voice,
        at,
        ("error", "backtrace"),
        format!("{} failed with exception {MESSAGE}", run.task.dbg()),
    );
    draft.say(&run.voice, at, ("error", "backtrace"), format!("Raised {MESSAGE}"));
    let frames = draft.rng.range(3, 14);
    for frame in 1..=frames {
        let (verb, line) = (if frame == 1 { "Raised at" } else { "Called from" }, draft.rng.range(17, 4_000));
        let file = draft.rng.text(&[
            "xapi/message_forwarding.ml",
            "xapi/rbac.ml",
            "xapi/server_helpers.ml",
            "libs/log/debug.ml",
        ]);
        let body = format!("{frame}/{frames} xapi {verb} file ocaml/{file}, line {line}");
        draft.say(&run.voice, at.plus(frame), ("error", "backtrace"), body);
    }
    draft.say_exactly(&run.voice, at.plus(frames + 1), ("error", "backtrace"), "");
}
