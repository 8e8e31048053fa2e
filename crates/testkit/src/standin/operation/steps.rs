//! The steps of a call: work in xapi, atoms in xenopsd, storage, network, sub-tasks.

use super::draft::{Claim, Draft, Voice};
use super::script::{SCRIPTS, Step};
use super::smapi;
use super::task::{Run, work};
use crate::ledger::{Kind, SpanId};
use crate::standin::line::Program;
use crate::standin::span::Service;
use crate::standin::time::{MILLI, SimTime};

/// xenopsd's side of a task: its number, its span, its thread's voice.
pub(super) struct Plan {
    number: u64,
    span: SpanId,
    voice: Voice,
}

type Times = (SimTime, SimTime);

/// Hands the task to xenopsd, where its script says so: `Task <n> reference <dbg>: …`.
pub(super) fn plan(draft: &mut Draft<'_>, run: &Run, times: Times) -> Option<Plan> {
    let operation = run.script.plan?;
    let number = draft.task_number(run.host, times.0);
    let voice = draft.voice(run.host, Program::Xenopsd, &run.task);
    let (vm, dbg) = (draft.vm.clone(), run.task.dbg());
    let arguments = format!("Task {number} reference {dbg}: [\"{operation}\", [\"{vm}\", false]]");
    let saying = draft.say(&voice, times.0, ("debug", "xenops_server"), arguments);
    saying.link = Some((number_key(number), run.task.id.clone()));
    let label = format!("xapi=>xenops [label=\"{operation}\"];");
    draft.say(&run.voice, times.0.minus(MILLI), ("debug", "mscgen"), label);
    let called = message(draft, run, operation, run.own, (times.0.minus(2 * MILLI), times.1));
    let span = draft.span((run.host, Service::Xenopsd), operation, Some(called), times);
    span.kind = Kind::Consumer;
    span.tags.push(("messaging.operation.name".into(), "process".into()));
    span.tags.push(("messaging.system".into(), "message-switch".into()));
    span.tags.push(("messaging.destination.name".into(), "org.xen.xapi.xenops.classic".into()));
    let span = span.id;
    ended(draft, &voice, number, run.script.fails, times.1);
    draft.may_chat(&voice, times.0, times.1, 35);
    Some(Plan { number, span, voice })
}

fn ended(draft: &mut Draft<'_>, voice: &Voice, number: u64, failed: bool, at: SimTime) {
    let body = if failed {
        format!("Task {number} failed; exception = [\"Internal_error\", \"VBD.plug\"]")
    } else {
        format!("Task {number} completed; duration = {}", draft.rng.range(1, 90))
    };
    draft.say_exactly(voice, at, ("debug", "xenops_server"), body);
}

/// Under this id the lines of xenopsd's own task stand.
fn number_key(number: u64) -> String {
    format!("xenopsd task {number}")
}

/// xapi's call over the message switch.
fn message(draft: &mut Draft<'_>, run: &Run, call: &'static str, parent: SpanId, times: Times) -> SpanId {
    let span = draft.span((run.host, Service::Xapi), format!("message_switch/{call}"), Some(parent), times);
    span.kind = Kind::Client;
    for (key, value) in [
        ("rpc.system", "ocaml-rpc"),
        ("rpc.service", "message_switch"),
        ("server.address", "org.xen.xapi.xenops.classic"),
    ] {
        span.tags.push((key.into(), value.into()));
    }
    span.tags.push(("rpc.method".into(), call.into()));
    span.id
}

/// Takes one step in this time.
pub(super) fn step(draft: &mut Draft<'_>, run: &Run, plan: &Option<Plan>, step: Step, times: Times) {
    match (step, plan) {
        (Step::Xapi(name), _) => in_xapi(draft, run, name, times),
        (Step::Atom(name), Some(plan)) => atom(draft, run, plan, name, times),
        (Step::Parallel(name), Some(plan)) => parallel(draft, run, plan, name, times),
        (Step::Atom(_) | Step::Parallel(_), None) => {}
        (Step::Sm(command), _) => smapi::call(draft, run, command, times),
        (Step::Net(call), _) => network(draft, run, call, times),
        (Step::Call(method), _) => sub_task(draft, run, method, times),
        (Step::Cluster(call), _) => cluster(draft, run, call, times),
    }
}

fn in_xapi(draft: &mut Draft<'_>, run: &Run, name: &'static str, (from, until): Times) {
    let id = draft.task_span(run.host, &run.task, name, Some(run.own), (from, until));
    for part in 0..draft.rng.range(2, 5) {
        let inner = draft.rng.text(&[
            "TaskHelper.get_name",
            "TaskHelper.set_progress",
            "Helpers.call_api_functions",
            "DB.get_record",
        ]);
        let at = from.plus(part * until.since(from) / 6);
        draft.task_span(run.host, &run.task, inner, Some(id), (at, at.plus(until.since(from) / 7)));
    }
    let body = format!("{name} vm={}", draft.vm);
    draft.say(&run.voice, from, ("debug", "xapi_vm"), body);
}

fn atom(draft: &mut Draft<'_>, run: &Run, plan: &Plan, name: &'static str, times: Times) {
    let host = if name == "VM.receive_memory" { run.target } else { run.host };
    if host != run.host {
        receive(draft, run, host, times);
    }
    let body = format!("Performing: [\"{}\", [\"{}\", false]]", name.replace('.', "_"), draft.vm);
    draft.say(&plan.voice, times.0, ("debug", "xenops_server"), body);
    atom_spans(draft, (host, Service::Xenopsd), name, plan.span, times);
}

/// On the target of a migration the trace is known from a header, and logged; xapi's spans of it are elsewhere.
fn receive(draft: &mut Draft<'_>, run: &Run, host: u16, (from, _): Times) {
    let voice = draft.voice(host, Program::Xenopsd, &run.task);
    let body = format!("traceparent: 00-{}-{}-01", draft.trace, run.own);
    draft.say_exactly(&voice, from, ("debug", "xenops_server"), body);
}

/// Times of the k-th of n parts.
fn part((from, until): Times, k: u64, n: u64) -> Times {
    let slot = until.since(from) / n.max(1);
    (from.plus(k * slot), from.plus(k * slot + slot * 9 / 10))
}

fn atom_spans(draft: &mut Draft<'_>, seat: (u16, Service), name: &'static str, parent: SpanId, times: Times) {
    let id = draft.span(seat, name, Some(parent), times).id;
    let parts = draft.rng.range(2, 4);
    for k in 0..parts {
        let inner = draft.rng.text(&[
            "Device.Vbd.add",
            "Xenstore.write",
            "Domain.cpuid_apply",
            "Cgroup.attach",
            "Hotplug.wait",
        ]);
        draft.span(seat, inner, Some(id), part(times, k, parts));
    }
}

/// An atom in a thread of its own: its lines have no id, but xenopsd's task number; some are logged under the
/// caller's whole debug string, trace context and all.
fn parallel(draft: &mut Draft<'_>, run: &Run, plan: &Plan, name: &'static str, times: Times) {
    let (number, atoms) = (plan.number, draft.rng.range(1, 4));
    let chunk = format!("queue_atomics_and_wait: {}: chunk of {atoms} atoms", traced(draft, run, plan.span));
    let claim = Claim::Context(draft.trace);
    draft.say(&plan.voice, times.0, ("debug", "xenops_server"), chunk).claim = claim;
    let label = format!("Parallel:task={number}.atoms={atoms}.({name} vm={})", draft.vm);
    draft.say_exactly(&plan.voice, times.0, ("debug", "xenops_server"), format!("begin_{label}"));
    draft.say_exactly(&plan.voice, times.1, ("debug", "xenops_server"), format!("end_{label}"));
    for atom in 0..atoms {
        atom_spans(draft, (run.host, Service::Xenopsd), name, plan.span, part(times, atom, atoms));
    }
    let claim = Claim::Task(number_key(number), Some(draft.trace));
    let thread = draft.thread(60);
    let voice = Voice { thread, task: label, claim, ..plan.voice.clone() };
    draft.say(
        &voice,
        times.0,
        ("debug", "xenops"),
        "adding device  B0[/local/domain/0/backend/vbd3/1/768]  F1[/local/domain/1/device/vbd/768]",
    );
    draft.may_chat(&voice, times.0, times.1, 6);
    let task = traced(draft, run, plan.span);
    let voice = Voice { task, claim: Claim::Context(draft.trace), ..voice };
    draft.say(&voice, times.0, ("debug", "xenops_server"), "VBD.add (\"xvda\", \"hvm\")");
    draft.may_chat(&voice, times.0, times.1, 3);
}

/// `Debug_info.to_string` (xen-api `ocaml/xapi-idl/lib/debug_info.ml`).
fn traced(draft: &Draft<'_>, run: &Run, span: SpanId) -> String {
    format!(
        "{}\n{{\"traceparent\":\"00-{}-{span}-01\",\"baggage\":[[\"span.depth\",\"3\"]]}}",
        run.task.dbg(),
        draft.trace
    )
}

fn network(draft: &mut Draft<'_>, run: &Run, call: &'static str, times: Times) {
    let voice = draft.voice(run.host, Program::Networkd, &run.task);
    let body = format!("{call}: bridge=xapi0 name=vif{}.0", draft.rng.range(1, 400));
    draft.say(&voice, times.0, ("debug", "network_server"), body);
    draft.may_chat(&voice, times.0, times.1, 5);
    message(draft, run, call, run.own, times);
}

fn cluster(draft: &mut Draft<'_>, run: &Run, call: &'static str, times: Times) {
    let parent = message(draft, run, call, run.own, times);
    draft.span((run.host, Service::Clusterd), call, Some(parent), times).kind = Kind::Server;
}

/// A task of its own, with its own id and span in the same trace.
fn sub_task(draft: &mut Draft<'_>, run: &Run, method: &str, (start, end): Times) {
    let Some(script) = SCRIPTS.iter().find(|script| script.method == method) else { return };
    let task = draft.task('R', format!("Async.{method}"));
    draft.say_created(&run.voice, start, &task, &run.task);
    let own = draft.own_span(run.host, &task, Some(run.own), (start, end), "internal").id;
    let voice = draft.voice(run.host, Program::Xapi, &task);
    let sub = Run { script, host: run.host, target: run.target, task, own, voice, start, end };
    work(draft, &sub, true);
}
