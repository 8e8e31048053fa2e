//! What a message says about tasks.
//!
//! The messages, all of xen-api: `task <name> <id>[ (uuid:…)] created[ (trackid=…)] by task <id>` and `task <name> <id>
//! forwarded[ (trackid=…)]` (`ocaml/xapi/context.ml`, `ocaml/xapi/server_helpers.ml`; modules `taskhelper` and
//! `dummytaskhelper`); `Task <n> reference <dbg>: <operation as JSON>`, `begin_Parallel:task=<n>.…`,
//! `end_Parallel:task=<n>.…` (`ocaml/xenopsd/lib/xenops_server.ml`); `Task <n> completed; …`, `Task <n> failed; …`
//! (`ocaml/xapi-idl/lib/task_server.ml`); `(Re)starting xapi` (`ocaml/xapi/xapi.ml`); `xenopsd version … starting`
//! (`ocaml/xenopsd/lib/xenopsd.ml`).

use super::parts::Parts;
use super::task::{Task, parallel_number, take_number};
use crate::evidence::{Fact, Facts};
use memchr::memmem;
use model::TaskId;

/// The facts in a line.
pub(crate) fn of(parts: &Parts<'_>) -> Facts {
    let body = parts.body;
    let fact = match body.first() {
        Some(b't') => linked_task(parts),
        Some(b'T') => numbered_task(body),
        Some(b'b' | b'e') => parallel(parts),
        Some(b'(') => body.starts_with(b"(Re)starting xapi").then_some(Fact::ProcessStarted),
        Some(b'x') => xenopsd_started(body),
        _ => None,
    };
    let mut facts = Facts::default();
    fact.map(|fact| facts.push(fact));
    facts
}

fn linked_task(parts: &Parts<'_>) -> Option<Fact> {
    if !matches!(parts.module, "taskhelper" | "dummytaskhelper") {
        return None;
    }
    let rest = parts.body.strip_prefix(b"task ")?;
    created(rest).or_else(|| forwarded(rest, parts.task.id))
}

/// `<name> <child>[ (uuid:…)] created[ (trackid=…)] by task <parent>`; read from the end, as the name is free text.
fn created(rest: &[u8]) -> Option<Fact> {
    let by = memmem::rfind(rest, b" by task ")?;
    let (head, tail) = rest.split_at_checked(by)?;
    let parent = last_id(tail)?;
    let head = without_parenthesis(head, b" (trackid=").strip_suffix(b" created")?;
    Some(Fact::CreatedBy { child: last_id(without_parenthesis(head, b" (uuid:"))?, parent })
}

/// `<name> <id> forwarded[ (trackid=…)]`.
fn forwarded(rest: &[u8], dispatch: Option<TaskId>) -> Option<Fact> {
    let head = without_parenthesis(rest, b" (trackid=").strip_suffix(b" forwarded")?;
    let task = last_id(head)?;
    Some(Fact::Forwarded { dispatch: dispatch.filter(|dispatch| *dispatch != task), task })
}

/// The text without the parenthesis of this beginning that it ends with.
fn without_parenthesis<'a>(text: &'a [u8], beginning: &[u8]) -> &'a [u8] {
    let start = text.strip_suffix(b")").and_then(|text| memmem::rfind(text, beginning));
    start.and_then(|start| text.get(..start)).unwrap_or(text)
}

fn last_id(text: &[u8]) -> Option<TaskId> {
    let start = memchr::memrchr(b' ', text).map_or(0, |blank| blank + 1);
    TaskId::parse(text.get(start..)?)
}

/// `Task <n> reference <dbg>: …`, `Task <n> completed…`, `Task <n> failed…`.
fn numbered_task(body: &[u8]) -> Option<Fact> {
    let (number, rest) = take_number(body.strip_prefix(b"Task ")?)?;
    if rest.starts_with(b" completed") || rest.starts_with(b" failed") {
        return Some(Fact::NumberEnds { number });
    }
    let rest = rest.strip_prefix(b" reference ")?;
    // The operation is a JSON array or string; inside the debug string no `: ` stands before such a one.
    let end = memmem::find(rest, b": [").into_iter().chain(memmem::find(rest, b": \"")).min();
    let dbg = Task::parse(rest.get(..end.unwrap_or(rest.len()))?);
    meaning(number, &dbg)
}

/// `begin_Parallel:task=<n>.…` in a line of the task that has that number.
fn parallel(parts: &Parts<'_>) -> Option<Fact> {
    let rest = parts.body.strip_prefix(b"begin_").or_else(|| parts.body.strip_prefix(b"end_"))?;
    meaning(parallel_number(rest)?, &parts.task)
}

fn meaning(number: u64, dbg: &Task<'_>) -> Option<Fact> {
    let parent = dbg.number.filter(|parent| *parent != number);
    let says = dbg.id.is_some() || parent.is_some() || dbg.context.is_some();
    says.then_some(Fact::NumberMeans { number, task: dbg.id, parent, context: dbg.context })
}

fn xenopsd_started(body: &[u8]) -> Option<Fact> {
    let rest = body.strip_prefix(b"xenopsd version ")?;
    memmem::find(rest, b" starting").map(|_| Fact::ProcessStarted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(module: &'static str, task: &str, body: &str, expected: &str) {
        let task = Task::parse(task.as_bytes());
        let parts = Parts { module, task, body: body.as_bytes(), ..Parts::default() };
        let facts: Vec<_> = of(&parts).iter().map(|fact| format!("{fact:?}")).collect();
        assert_eq!(facts.join(" "), expected, "{body}");
    }

    #[test]
    fn tasks_made_for_tasks() {
        let made = "CreatedBy { child: D:1e95315e2423, parent: D:6ff794f713fd }";
        let by = "by task D:6ff794f713fd";
        for body in [
            format!("task dispatch:event.from D:1e95315e2423 created {by}"),
            format!(
                "task a created by task D:aaaaaaaaaaaa D:1e95315e2423 (uuid:x) created (trackid=9be6) {by}"
            ),
        ] {
            check("dummytaskhelper", "", &body, made);
            check("xapi", "", &body, "");
        }
        for body in
            ["task x created", "task x D:1e95315e2423 created (trackid=9be6)", "task x created by task D:1"]
        {
            check("taskhelper", "", body, "");
        }
    }

    #[test]
    fn tasks_that_came_from_elsewhere() {
        let body = "task Async.VM.clean_shutdown R:82f033257476 forwarded (trackid=8354dc542edb45d9d747e9c1d992c886)";
        let task = "task: R:82f033257476 }";
        let dispatch = "dispatch:VM.clean_shutdown D:fa4c1c72df7e";
        check("taskhelper", dispatch, body, &format!("Forwarded {{ dispatch: Some(D:fa4c1c72df7e), {task}"));
        check("taskhelper", "R:82f033257476", body, &format!("Forwarded {{ dispatch: None, {task}"));
        check("taskhelper", "", "task forwarded", "");
    }

    #[test]
    fn numbers() {
        let means = |number: u64, rest: &str| format!("NumberMeans {{ number: {number}, {rest} }}");
        let task = "task: Some(R:82f033257476), parent: None, context: None";
        check(
            "xenops",
            "",
            r#"Task 7 reference VM.x: y R:82f033257476: ["VM_poweroff", []]"#,
            &means(7, task),
        );
        check("xenops", "", r#"Task 7 reference VM.x R:82f033257476: "op""#, &means(7, task));
        check("xenops", "", "Task 7 reference VM.x R:82f033257476", &means(7, task));
        let dbg = r#"VM.x R:82f033257476\x0A{"traceparent":"00-0a07bfbf3925e3d4776995171a9222cd-d4bcd152c96bd105-01","baggage":[["a","b"]]}"#;
        let traced = "task: Some(R:82f033257476), parent: None, context: Some(LineContext { \
                      trace_id: 0a07bfbf3925e3d4776995171a9222cd, span_id: Some(d4bcd152c96bd105) })";
        check("xenops", "", &format!(r#"Task 7 reference {dbg}: ["VM_poweroff", []]"#), &means(7, traced));
        let nested = "task: None, parent: Some(5), context: None";
        check(
            "xenops",
            "",
            r#"Task 6 reference Parallel:task=5.atoms=1.(x: y): ["VBD_plug"]"#,
            &means(6, nested),
        );
        check(
            "xenops",
            "Parallel:task=5.atoms=1.(x)",
            "begin_Nested_parallel:task=6.atoms=1.(y)",
            &means(6, nested),
        );
        check("xenops", "VM.x R:82f033257476", "end_Parallel:task=8.atoms=0.(VBD.plug)", &means(8, task));
        check("xenops", "", "begin_Parallel:task=8.atoms=0.(VBD.plug)", "");
        check("xenops", "", "Task 7 reference events: [1]", "");
        check("xenops", "", "Task 7 completed; duration = 3", "NumberEnds { number: 7 }");
        check("xenops", "", "Task 7 failed; exception = x", "NumberEnds { number: 7 }");
        check("xenops", "", "Task force", "");
        check("xenops", "", "Task 99999999999999999999 completed", "");
    }

    #[test]
    fn starts() {
        check("xapi", "", "(Re)starting xapi, pid: 32351", "ProcessStarted");
        check("xenopsd", "", "xenopsd version 26.1.3 starting, pid: 12", "ProcessStarted");
        check("xenopsd", "", "xenopsd version unknown", "");
        check("xapi", "", "", "");
    }
}
