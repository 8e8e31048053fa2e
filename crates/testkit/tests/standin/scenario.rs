//! What happens, before anything is written.

use crate::corpus::END;
use std::collections::HashSet;
use std::path::Path;
use testkit::standin::{Kind, Options, SECOND, Scenario};

#[test]
fn operations_are_long_failing_late_and_cut_as_told() {
    let options = Options::bulk(5, 40_000, 80_000, 24, END).adverse();
    let made: Vec<_> = Scenario::new(options, Path::new("/")).collect();
    assert!(made.windows(2).all(|pair| pair[0].start <= pair[1].start));
    let work = made.iter().filter(|op| !matches!(op.kind, Kind::Flush | Kind::Restart | Kind::Background));
    let (mut all, mut long, mut late, mut methods) = (0, 0, 0, HashSet::new());
    for operation in work {
        all += 1;
        long += usize::from(operation.end.since(operation.start) >= 600 * SECOND);
        late += operation
            .spans
            .iter()
            .filter(|span| span.exported.unwrap().since(span.end) > 31 * SECOND)
            .count();
        methods.insert(operation.kind);
    }
    assert!(long * 100 >= all * 5, "{long} of {all} are long");
    assert!(late > 500, "{late} spans are late");
    assert_eq!(methods.len(), 11, "{methods:?}");
    let failed = made.iter().flat_map(|op| &op.spans).filter(|span| span.tag("error") == Some("true"));
    assert!(failed.count() > 10);
    let restarts = made.iter().filter(|op| op.kind == Kind::Restart).count();
    assert!((40..90).contains(&restarts), "{restarts}");
    let rootless = made.iter().filter(|op| matches!(op.kind, Kind::Call(_))).filter(|op| {
        !op.spans.iter().any(|span| span.is_own() && span.tag("xs.xapi.task.id").unwrap().starts_with('R'))
    });
    assert!(rootless.count() > 5);
}

#[test]
fn calls_and_failures_are_as_many_as_told() {
    let made: Vec<_> = Scenario::new(testkit::samples::options(), Path::new("/")).collect();
    let calls: Vec<_> = made.iter().filter(|op| matches!(op.kind, Kind::Call(_))).collect();
    let is_failed =
        |op: &&&testkit::standin::Operation| op.spans.iter().any(|span| span.tag("error").is_some());
    let failed = calls.iter().filter(is_failed).count();
    assert_eq!((calls.len() as u64, failed as u64), testkit::samples::CALLS);
}

#[test]
fn task_numbers_begin_again_with_xenopsd() {
    let options = Options::bulk(5, 20_000, 60_000, 24, END).adverse();
    let mut last = None;
    let mut resets = 0;
    for operation in Scenario::new(options, Path::new("/")) {
        for line in operation.lines.iter().filter(|line| line.message.contains(" reference ")) {
            let number: u64 =
                line.message.split("Task ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            resets += usize::from(last.is_some_and(|last| number + 50 < last));
            last = Some(number);
        }
    }
    assert!(resets > 10, "{resets}");
}
