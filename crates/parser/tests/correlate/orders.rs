//! Files in place, read in any order.

use super::read::{Left, Name, Reader, check_sound, named, now};
use super::world::{World, world};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Reads everything a day later, taking the next flush or line from the file or log that `order` says; looks around
/// where it says so too.
fn read_in(world: &World, order: &[u8]) -> BTreeMap<Name, Left> {
    let mut reader = Reader::new(world);
    let files: Vec<_> = world.files.keys().copied().collect();
    let logs: Vec<_> = world.logs.keys().copied().collect();
    let (end, late) = (world.end(), now(50.0, 86_400.0));
    for choice in order.iter().cycle().take(20_000) {
        let (choice, kinds) = (usize::from(*choice), files.len() + logs.len());
        match choice % (kinds + 1) {
            at if at < files.len() => drop(reader.read_flush(files[at], end)),
            at if at < kinds => drop(reader.read_line(logs[at - files.len()], end, late)),
            _ => reader.look(reader.files_read(end), late),
        }
        if reader.files_read(end).traces_at_end && reader.files_read(end).logs_at_end {
            break;
        }
    }
    files.iter().for_each(|file| while reader.read_flush(*file, end) {});
    logs.iter().for_each(|log| while reader.read_line(*log, end, late) {});
    reader.look(reader.files_read(end), late);
    reader.left
}

/// All trace files, then the logs: or the reverse.
fn read_whole(world: &World, traces_first: bool) -> BTreeMap<Name, Left> {
    let mut reader = Reader::new(world);
    let (end, late) = (world.end(), now(50.0, 86_400.0));
    for traces in [traces_first, !traces_first] {
        reader.look(reader.files_read(end), late);
        match traces {
            true => world.files.keys().for_each(|file| while reader.read_flush(*file, end) {}),
            false => world.logs.keys().for_each(|log| while reader.read_line(*log, end, late) {}),
        }
    }
    reader.look(reader.files_read(end), late);
    reader.left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_order_of_reading_changes_no_join(world in world(), orders in vec(vec(any::<u8>(), 1..200), 3)) {
        let first = read_whole(&world, true);
        let mut runs = vec![first.clone(), read_whole(&world, false)];
        runs.extend(orders.iter().map(|order| read_in(&world, order)));
        for run in &runs {
            check_sound(&world, run);
            for (name, line) in named(&world) {
                let left = run[&name];
                prop_assert!(left.waited.is_zero(), "a backlog waits on no clock");
                if line.is_complete_in_time() {
                    prop_assert_eq!(left.context, first[&name].context, "{:?} {:?}", name, line);
                }
                if line.is_known_in_time() {
                    prop_assert!(left.context.is_some(), "{:?} {:?} {:?}", name, line, left.outcome);
                }
            }
        }
    }
}
