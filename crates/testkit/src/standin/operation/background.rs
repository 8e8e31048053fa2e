//! Lines that belong to no task, or to one that leaves no spans.

use super::draft::{Claim, Draft, Task, Voice};
use crate::standin::line::{Program, Shape};
use crate::standin::time::{MILLI, SECOND, SimTime};

/// Daemons and threads at work: `lines` lines within the next seconds.
pub(in crate::standin) fn background(draft: &mut Draft<'_>, lines: usize) {
    let (start, span) = (draft.start, 20 * SECOND);
    for (program, task, origin, weight) in [
        (Program::Squeezed, "", "", 4),
        (Program::Rrdd, "", "monitor", 5),
        (Program::Xapi, "Xapi.watchdog", "", 0),
        (Program::Xapi, "", "db_gc", 3),
        (Program::Xenopsd, "", "", 4),
    ] {
        let voice = silent(draft, program, task, origin);
        draft.may_chat(&voice, start, start.plus(span), weight);
    }
    draft.chat(lines);
    if draft.rng.chance(0.5) {
        odd(draft);
    }
}

/// Somebody without a task.
pub(super) fn silent(draft: &mut Draft<'_>, program: Program, task: &str, origin: &str) -> Voice {
    Voice {
        host: draft.host,
        program,
        thread: draft.thread(300),
        origin: origin.to_owned(),
        task: task.to_owned(),
        claim: Claim::None,
    }
}

/// Lines of unusual form.
fn odd(draft: &mut Draft<'_>) {
    let at = draft.start.plus(draft.rng.below(5 * SECOND));
    let observer = silent(draft, Program::ObserverPy, "", "");
    draft.say_shaped(
        &observer,
        at,
        ("", ""),
        "Skipping tracing: no observer configuration in /etc/xensource/observer/smapi/enabled",
        Shape::Plain,
    );
    let starting = silent(draft, Program::Xapi, "", "");
    draft.say_shaped(
        &starting,
        at,
        ("", ""),
        "ovs|00001|vsctl|INFO|Called as ovs-vsctl --timeout=30 list [interface",
        Shape::Plain,
    );
    let mut thread = silent(draft, Program::Xapi, "Xapi.watchdog", "");
    thread.thread = -1;
    let minus = draft.say(
        &thread,
        at,
        ("debug", "xapi"),
        "xapi top-level caught exception: INTERNAL_ERROR: [ Xmlm.Error(1:1, \"expected root element\") ]",
    );
    minus.words.origin = "scanning_thread".to_owned();
    let named = silent(draft, Program::Xapi, "Export of |web] [prod| \"VM\"", "UNIX /var/lib/xcp/xapi");
    draft.say(
        &named,
        at,
        (" warn", "export"),
        "name without an id; the VM's description is \u{ab}caf\u{e9}\u{bb} \\ tab\there",
    );
    events(draft, at);
}

/// xenopsd's event thread: its task name is no id.
fn events(draft: &mut Draft<'_>, at: SimTime) {
    let voice = silent(draft, Program::Xenopsd, "events", "");
    let body = format!("Received an event on managed VM {}", draft.vm);
    draft.say(&voice, at, ("debug", "xenops_server"), body);
}

/// The master's heartbeat: a dummy task that leaves no span.
pub(in crate::standin) fn heartbeat(draft: &mut Draft<'_>) {
    let task = draft.task('D', "Heartbeat");
    let voice = spanless(draft, &task, "heartbeat");
    let at = draft.start;
    draft.say(&voice, at, ("debug", "stunnel"), "stunnel start");
    draft.say(&voice, at.plus(40 * MILLI), ("debug", "stunnel"), "stunnel terminated");
}

/// A client waits for events: a dispatch of a dispatch, none with a span.
pub(in crate::standin) fn event_from(draft: &mut Draft<'_>) {
    let (caller, child) = (draft.task('D', "xapi events"), draft.task('D', "dispatch:event.from"));
    let at = draft.start;
    let listener = silent(draft, Program::Xapi, "", "UNIX /var/lib/xcp/xapi");
    draft.say_created(&listener, at, &child, &caller);
    if draft.rng.chance(0.4) {
        let voice = spanless(draft, &child, "UNIX /var/lib/xcp/xapi");
        draft.say(
            &voice,
            at.plus(2 * MILLI),
            ("debug", "xapi_event"),
            "suppressing empty event.from response, token 00000000000000000042,00000000000000000000",
        );
    }
}

fn spanless(draft: &mut Draft<'_>, task: &Task, origin: &str) -> Voice {
    let claim = Claim::Task(task.id.clone(), None);
    Voice { claim, task: task.dbg(), ..silent(draft, Program::Xapi, "", origin) }
}
