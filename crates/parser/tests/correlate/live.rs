//! Files as they are written, read as they grow.

use super::read::{Left, Name, Reader, check_sound, named, new_correlator, now};
use super::world::{WAIT_SECONDS, World, host, world};
use parser::correlate::{Aim, FilesRead, Joined, Outcome};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// One turn of reading, at a second: logs or traces first, as drawn.
fn turn(reader: &mut Reader<'_>, second: u64, logs_first: bool) {
    let world = reader.world;
    let now = now(second as f64 + 1.0, second as f64 + 1.0);
    for logs in [logs_first, !logs_first] {
        match logs {
            true => world.logs.keys().for_each(|log| while reader.read_line(*log, second, now) {}),
            false => world.files.keys().for_each(|file| while reader.read_flush(*file, second) {}),
        }
    }
    reader.look(reader.files_read(second), now);
}

/// Lives through the world, and the wait after it; starts anew after the seconds that `restarts` names.
fn live(world: &World, draw: u64, restarts: &[u64]) -> BTreeMap<Name, Left> {
    let mut reader = Reader::new(world);
    for second in 0..world.end() + WAIT_SECONDS + 2 {
        turn(&mut reader, second, draw >> (second % 64) & 1 == 0);
        if restarts.contains(&second) {
            start_anew(&mut reader, second);
        }
    }
    reader.left
}

/// Loses everything known and held; reads ten minutes of trace files and logs again as evidence, and the lines that
/// have not left again as lines.
fn start_anew(reader: &mut Reader<'_>, second: u64) {
    let world = reader.world;
    reader.correlator = new_correlator();
    for (file, spans) in &world.files {
        let read = &spans[..reader.spans_read[file]];
        let lately = read.iter().filter(|span| span.flushed + 600 >= second);
        lately.for_each(|span| reader.correlator.span(&span.facts, None));
    }
    for (log, lines) in &world.logs {
        let read = reader.lines_read[log];
        for (at, line) in lines[..read].iter().enumerate() {
            let name = (*log, at);
            if reader.left.contains_key(&name) {
                if line.second() + 600 >= second {
                    reader.correlator.teach(&line.evidence, host(*log));
                }
                continue;
            }
            let (left, now) = (&mut reader.left, now(second as f64 + 1.0, second as f64 + 1.0));
            let mut leave = |joined: Joined<_>| {
                let Joined { payload, context, outcome, waited } = joined;
                left.insert(payload, Left { context, outcome, waited });
            };
            let hold = || (name, 600);
            let at_once =
                reader.correlator.line(&line.evidence, host(*log), Aim::Trace, now, hold, &mut leave);
            at_once.into_iter().for_each(|joined| leave(joined.with(name)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn live_lines_wait_no_longer_than_wait_and_join(world in world(), draw in any::<u64>()) {
        let left = live(&world, draw, &[]);
        check_sound(&world, &left);
        let mut reader = Reader::new(&world);
        let late = now(50.0, 86_400.0);
        world.files.keys().for_each(|file| while reader.read_flush(*file, world.end()) {});
        world.logs.keys().for_each(|log| while reader.read_line(*log, world.end(), late) {});
        reader.look(reader.files_read(world.end()), late);
        for (name, line) in named(&world) {
            let left = left[&name];
            prop_assert!(left.waited <= Duration::from_secs(WAIT_SECONDS + 1), "{:?} {:?}", left, line);
            if line.is_complete_in_time() {
                let key = |left: Left| left.context.map(|context| (context.trace_id, context.correlation));
                prop_assert_eq!(key(left), key(reader.left[&name]), "{:?} {:?}", name, line);
            }
            if line.is_known_in_time() {
                prop_assert!(left.context.is_some(), "{:?} {:?}", left, line);
            }
            if line.evidence.context.is_some() {
                prop_assert!(left.waited.is_zero());
            }
        }
    }

    #[test]
    fn restarts_cost_no_join(world in world(), draw in any::<u64>(), restarts in prop::collection::vec(0..400u64, 1..4)) {
        let left = live(&world, draw, &restarts);
        check_sound(&world, &left);
        for (name, line) in named(&world) {
            // What was known longer than ten minutes before a restart is not read again.
            if line.is_known_in_time() && line.second() < 600 {
                prop_assert!(left[&name].context.is_some(), "{:?} {:?}", left[&name], line);
            }
        }
    }

    #[test]
    fn without_tracing_nothing_waits(world in world(), draw in any::<u64>()) {
        let mut reader = Reader::new(&world);
        for second in 0..world.end() {
            let now = now(second as f64, second as f64);
            let off = FilesRead { traces_at_end: true, logs_at_end: draw >> (second % 64) & 1 == 0, ..FilesRead::default() };
            reader.look(off, now);
            world.logs.keys().for_each(|log| while reader.read_line(*log, second, now) {});
            prop_assert_eq!(reader.correlator.held_lines(), 0);
        }
        for (name, line) in named(&world) {
            let (left, with_context) = (reader.left[&name], line.evidence.context.is_some());
            prop_assert_eq!(left.outcome == Outcome::Context, with_context);
            prop_assert!(left.waited.is_zero());
        }
    }
}
