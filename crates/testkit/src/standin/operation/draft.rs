//! An operation in the making.

use super::chatter;
use super::{Kind, World};
use crate::ledger::{self, SpanId, TraceId};
use crate::standin::line::{Program, Shape, Words};
use crate::standin::rng::Rng;
use crate::standin::span::{Service, Span, TASK_ID, TASK_NAME, Text};
use crate::standin::time::SimTime;
use std::collections::{BTreeSet, HashMap};

/// What is counted over all operations.
#[derive(Clone, Debug, Default)]
pub(in crate::standin) struct Counters {
    pub(super) marker: u64,
    secret: u64,
    numbers: HashMap<(u16, SimTime), BTreeSet<u64>>,
}

/// xenopsd numbers its tasks from 1 in each life. The stand-in makes operations ahead of their tasks' time, so
/// it takes the numbers from that time: they grow, and small ones come again in the next life.
const NUMBER_QUANTUM: u64 = 5_000_000;
const NUMBERS_KEPT: usize = 10_000;

impl Counters {
    /// The number after which a password is known again.
    pub(super) fn secret(&mut self) -> u64 {
        self.secret += 1;
        self.secret
    }

    /// A number for a task of xenopsd that begins at `at`, in the life that began at `life`.
    fn number(&mut self, host: u16, life: SimTime, at: SimTime) -> u64 {
        let used = self.numbers.entry((host, life)).or_default();
        let mut number = 1 + at.since(life) / NUMBER_QUANTUM;
        while !used.insert(number) {
            number += 1;
        }
        if used.len() > NUMBERS_KEPT {
            used.pop_first();
        }
        number
    }
}

/// What a line says about where it belongs.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// Nothing.
    None,
    /// A trace context stands in it.
    Context(TraceId),
    /// It has this task id (or stands in this task of xenopsd), which is part of this trace.
    Task(String, Option<TraceId>),
    /// It belongs to the trace, but only its body tells.
    Aside(TraceId),
}

/// Somebody who logs: where, as what, in which task.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) host: u16,
    pub(super) program: Program,
    pub(super) thread: i64,
    pub(super) origin: String,
    pub(super) task: String,
    pub(super) claim: Claim,
}

/// A line in the making.
#[derive(Clone, Debug)]
pub(super) struct Saying {
    pub(super) at: SimTime,
    pub(super) host: u16,
    pub(super) program: Program,
    pub(super) words: Words,
    pub(super) claim: Claim,
    /// Child and parent task, where the line links two.
    pub(super) link: Option<(String, String)>,
}

/// A task: its id and name, and its own span once it has one.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) uuid: String,
    pub(super) name: String,
}

impl Task {
    /// As it stands in the bracket.
    pub(super) fn dbg(&self) -> String {
        format!("{} {}", self.name, self.id)
    }
}

/// A storage plugin's process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) began: SimTime,
    pub(super) ended: SimTime,
    pub(super) spans: Vec<Span>,
}

/// Who may chat, from when to when, and how often against the others.
type Chatter = (Voice, SimTime, SimTime, u64);

/// An operation in the making: spans and sayings, in any order.
pub(in crate::standin) struct Draft<'w> {
    pub(super) world: &'w World,
    pub(super) counters: &'w mut Counters,
    pub(super) rng: Rng,
    pub(super) kind: Kind,
    pub(super) host: u16,
    pub(super) start: SimTime,
    pub(super) trace: TraceId,
    pub(super) track: String,
    pub(super) vm: String,
    pub(super) vdi: String,
    pub(super) sr: String,
    pub(super) spans: Vec<Span>,
    pub(super) processes: Vec<Process>,
    pub(super) sayings: Vec<Saying>,
    pub(super) chatters: Vec<Chatter>,
}

impl<'w> Draft<'w> {
    /// An empty one.
    pub(in crate::standin) fn new(
        world: &'w World,
        counters: &'w mut Counters,
        mut rng: Rng,
        kind: Kind,
        host: u16,
        start: SimTime,
    ) -> Self {
        let trace = TraceId(rng.wide());
        let track = format!("{:032x}", rng.wide());
        let (vm, vdi, sr) = (rng.uuid(), rng.uuid(), rng.uuid());
        Self {
            world,
            counters,
            rng,
            kind,
            host,
            start,
            trace,
            track,
            vm,
            vdi,
            sr,
            spans: Vec::new(),
            processes: Vec::new(),
            sayings: Vec::new(),
            chatters: Vec::new(),
        }
    }

    /// A new task: `R:` for a row of the database, `D:` for a dummy.
    pub(super) fn task(&mut self, letter: char, name: impl Into<String>) -> Task {
        let uuid = self.rng.uuid();
        let digits: String = uuid.chars().filter(|c| *c != '-').take(12).collect();
        Task { id: format!("{letter}:{digits}"), uuid, name: name.into() }
    }

    /// A span of the operation's trace.
    pub(super) fn span(
        &mut self,
        (host, service): (u16, Service),
        name: impl Into<Text>,
        parent: Option<SpanId>,
        (start, end): (SimTime, SimTime),
    ) -> &mut Span {
        let span = self.bare_span((host, service), name.into(), parent, (start, end));
        self.spans.push(span);
        let last = self.spans.len() - 1;
        &mut self.spans[last]
    }

    /// The same, not yet kept.
    pub(super) fn bare_span(
        &mut self,
        (host, service): (u16, Service),
        name: Text,
        parent: Option<SpanId>,
        (start, end): (SimTime, SimTime),
    ) -> Span {
        Span {
            host,
            service,
            trace: self.trace,
            id: SpanId(self.rng.bits() | 1),
            parent,
            name,
            kind: ledger::Kind::Internal,
            start,
            end,
            tags: Vec::with_capacity(8),
            annotations: Vec::new(),
            exported: None,
            tracer: false,
        }
    }

    /// A span under a task's id: `Context.with_tracing`.
    pub(super) fn task_span(
        &mut self,
        host: u16,
        task: &Task,
        name: impl Into<Text>,
        parent: Option<SpanId>,
        times: (SimTime, SimTime),
    ) -> SpanId {
        let track = self.track.clone();
        let span = self.span((host, Service::Xapi), name, parent, times);
        span.tags.push((TASK_ID.into(), task.id.clone().into()));
        span.tags.push(("xs.xapi.session.track.id".into(), track.into()));
        span.id
    }

    /// A task's own span: `Context.make`.
    pub(super) fn own_span(
        &mut self,
        host: u16,
        task: &Task,
        parent: Option<SpanId>,
        times: (SimTime, SimTime),
        origin: &'static str,
    ) -> &mut Span {
        let uuid = if task.id.starts_with('R') { task.uuid.clone() } else { uuid_zero().to_owned() };
        let (track, originator) = (self.track.clone(), self.originator());
        let span = self.span((host, Service::Xapi), task.name.clone(), parent, times);
        span.tags.push(("xs.xapi.task.uuid".into(), uuid.into()));
        span.tags.push(("xs.xapi.task.origin".into(), origin.into()));
        span.tags.push((TASK_NAME.into(), task.name.clone().into()));
        span.tags.push((TASK_ID.into(), task.id.clone().into()));
        span.tags.push(("xs.xapi.session.track.id".into(), track.into()));
        span.tags.push(("xs.xapi.session.originator".into(), originator.into()));
        span
    }

    fn originator(&mut self) -> &'static str {
        self.rng.text(&["xapi", "Xen Orchestra", "XenCenter/8.2.3", "xe-cli"])
    }

    /// A thread's number.
    pub(super) fn thread(&mut self, most: u64) -> i64 {
        i64::try_from(self.rng.range(5, most)).unwrap_or(5)
    }

    /// Somebody who logs in a task.
    pub(super) fn voice(&mut self, host: u16, program: Program, task: &Task) -> Voice {
        let origin = if program == Program::Xapi { "UNIX /var/lib/xcp/xapi" } else { "" };
        Voice {
            host,
            program,
            thread: self.thread(900_000),
            origin: origin.to_owned(),
            task: task.dbg(),
            claim: Claim::Task(task.id.clone(), Some(self.trace)),
        }
    }

    /// Lets a voice chat from one moment to another.
    pub(super) fn may_chat(&mut self, voice: &Voice, from: SimTime, to: SimTime, weight: u64) {
        self.chatters.push((voice.clone(), from, to, weight));
    }

    /// A line with the marker at its end.
    pub(super) fn say(
        &mut self,
        voice: &Voice,
        at: SimTime,
        (level, module): (&'static str, &'static str),
        body: impl Into<String>,
    ) -> &mut Saying {
        self.say_shaped(voice, at, (level, module), body, Shape::Usual)
    }

    /// A line whose body is exactly this.
    pub(super) fn say_exactly(
        &mut self,
        voice: &Voice,
        at: SimTime,
        (level, module): (&'static str, &'static str),
        body: impl Into<String>,
    ) -> &mut Saying {
        self.say_shaped(voice, at, (level, module), body, Shape::Exact)
    }

    /// A line of any shape.
    pub(super) fn say_shaped(
        &mut self,
        voice: &Voice,
        at: SimTime,
        (level, module): (&'static str, &'static str),
        body: impl Into<String>,
        shape: Shape,
    ) -> &mut Saying {
        let words = Words {
            level,
            thread: voice.thread,
            origin: voice.origin.clone(),
            task: voice.task.clone(),
            module,
            body: body.into(),
            shape,
        };
        let (host, program, claim) = (voice.host, voice.program, voice.claim.clone());
        self.sayings.push(Saying { at, host, program, words, claim, link: None });
        let last = self.sayings.len() - 1;
        &mut self.sayings[last]
    }

    /// `task <name> <id> created by task <id>`.
    pub(super) fn say_created(&mut self, voice: &Voice, at: SimTime, child: &Task, parent: &Task) {
        let body = match child.id.starts_with('R') {
            true => format!(
                "task {} (uuid:{}) created (trackid={}) by task {}",
                child.dbg(),
                child.uuid,
                self.track,
                parent.id
            ),
            false => format!("task {} created by task {}", child.dbg(), parent.id),
        };
        let module =
            if child.id.starts_with('R') { ("info", "taskhelper") } else { ("debug", "dummytaskhelper") };
        let link = Some((child.id.clone(), parent.id.clone()));
        self.say_exactly(voice, at, module, body).link = link;
    }

    /// So many lines of those who may chat.
    pub(in crate::standin) fn chat(&mut self, lines: usize) {
        let total: u64 = self.chatters.iter().map(|chatter| chatter.3).sum();
        for _ in 0..if total == 0 { 0 } else { lines } {
            let mut at = self.rng.below(total);
            let chosen = self.chatters.iter().find(|chatter| {
                let here = at < chatter.3;
                at = at.saturating_sub(chatter.3);
                here
            });
            if let Some((voice, from, to, _)) = chosen.cloned() {
                let when = SimTime(self.rng.range(from.0, to.0.max(from.0)));
                chatter::phrase(self, &voice, when);
            }
        }
    }

    /// How many spans and lines there are so far.
    pub(in crate::standin) fn counts(&self) -> (usize, usize) {
        let held: usize = self.processes.iter().map(|process| process.spans.len()).sum();
        (self.spans.len() + held, self.sayings.len())
    }

    /// Takes away the own spans of real tasks: their other spans remain.
    pub(in crate::standin) fn drop_own_spans(&mut self) {
        self.spans.retain(|span| !(span.is_own() && span.tag(TASK_ID).is_some_and(|id| id.starts_with('R'))));
    }

    /// A number for a task of xenopsd.
    pub(super) fn task_number(&mut self, host: u16, at: SimTime) -> u64 {
        let life = self.world.timetable.life_begin(host, Service::Xenopsd, at);
        self.counters.number(host, life, at)
    }
}

/// The uuid of tasks that are not in the database.
pub(super) fn uuid_zero() -> &'static str {
    "00000000-0000-0000-0000-000000000000"
}
