//! A span that two observers both wrote is shipped once, and neither copy is settled before it is delivered.

use super::{Sim, hours};
use crate::engine::Signal;
use std::io::Write;
use std::time::Duration;
use testkit::ledger::SpanId;
use watcher::SavedStream;

const SPAN: &str = r#"[{"traceId":"5b8efff798038103d269b633813fc60c","id":"eee19b7ec3c1b174","name":"VM.start","kind":"SERVER","timestamp":1772500000000000,"duration":1000,"tags":{},"annotations":[],"localEndpoint":{"serviceName":"xapi"}}]"#;

/// The span's.
const ID: u64 = 0xeee1_9b7e_c3c1_b174;

/// Some minutes into an hour.
fn sim() -> Sim {
    let mut sim = Sim::new(hours(9, 300, 600, 1), "");
    let soon = sim.now.plus(600_000_000);
    sim.run_until(soon, Duration::from_secs(30));
    // Files are not looked at again before what is in them could leave.
    sim.now = sim.now.plus(1_000_000);
    sim
}

/// Appends a line with the span to the trace file.
fn write(sim: &Sim) {
    write_to(sim, "xapi.ndjson", ID..=ID);
}

/// Appends to this file the span under each of these ids, a line each.
fn write_to(sim: &Sim, name: &str, ids: std::ops::RangeInclusive<u64>) {
    let path = sim.standin.hosts()[0].traces().join(name);
    let mut file = std::fs::File::options().create(true).append(true).open(path).expect("a file");
    for id in ids {
        writeln!(file, "{}", SPAN.replace("eee19b7ec3c1b174", &format!("{id:016x}"))).expect("a line");
    }
    file.set_modified(sim.now.to_system()).expect("its time");
}

/// How often the span arrived.
fn arrived(sim: &Sim) -> usize {
    let id = SpanId::from_bytes(&ID.to_be_bytes()).expect("an id");
    sim.arrived.spans.iter().filter(|span| span.id == id).count()
}

/// The settled bytes of that file, and the ranges beyond them.
fn settled(sim: &mut Sim) -> (u64, Vec<(u64, u64)>) {
    sim.save();
    let streams = sim.agents[0].entries.iter().filter(|(key, _)| key.first() == Some(&b's'));
    let mut saved = streams.map(|(_, value)| SavedStream::from_bytes(value).expect("an entry"));
    let file = saved.find(|stream| stream.path.ends_with("xapi.ndjson")).expect("the file's entry");
    (file.settled, file.beyond)
}

#[test]
fn the_second_copy_settles_with_the_first() {
    let mut sim = sim();
    sim.down = vec![Signal::Traces];
    write(&sim);
    write(&sim);
    sim.look();
    assert_eq!(settled(&mut sim), (0, Vec::new()));
    sim.down.clear();
    sim.finish();
    assert_eq!(settled(&mut sim).0, 2 * (SPAN.len() as u64 + 1));
    assert_eq!(arrived(&sim), 1);
}

#[test]
fn a_copy_is_known_after_a_restart() {
    let mut sim = sim();
    write(&sim);
    sim.look();
    sim.save();
    write(&sim);
    sim.restart(true);
    sim.finish();
    assert_eq!(settled(&mut sim).0, 2 * (SPAN.len() as u64 + 1));
    assert_eq!(arrived(&sim), 1);
}

/// After a restart, what was written meanwhile leaves first, though megabytes are to be read again.
#[test]
fn what_is_new_goes_before_what_is_read_again() {
    let name = |service| {
        let host = testkit::driver::HOST_UUID;
        format!("{service}-{host}-2026-03-03T01:00:00.000001-00:00.ndjson")
    };
    let mut sim = sim();
    write_to(&sim, &name("xapi"), ID + 1..=ID + 5_000);
    let soon = sim.now.plus(60_000_000);
    while !sim.agents[0].engine.is_at_rest() || sim.now < soon {
        sim.now = sim.now.plus(1_000_000);
        sim.look();
    }
    sim.save();
    sim.restart(true);
    write_to(&sim, &name("sm"), ID..=ID);
    let mut agents = std::mem::take(&mut sim.agents);
    let agent = &mut agents[0];
    let (now, engine) = (super::clock(sim.now, agent.started), &mut agent.engine);
    let arrives = (0..5).any(|_| {
        engine.turn(now).requests.iter().for_each(|request| drop(sim.answer(request)));
        arrived(&sim) == 1
    });
    assert!(arrives);
    assert!(engine.traces.evidence_up_to().is_some(), "all was read again first");
}
