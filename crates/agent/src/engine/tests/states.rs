//! States that `status` tells of, and that no file or endpoint brings about.

use super::*;
use watcher::store::Trouble;

#[test]
fn polling_and_an_unavailable_store_are_degraded_until_they_are_over() {
    let mut sim = Sim::new(hours(3, 100, 200, 1), "");
    let now = clock(sim.now, sim.agents[0].started);
    let engine = &mut sim.agents[0].engine;
    let seen = |engine: &Engine| {
        let status = engine.status(now);
        (status.watching, status.store.state, status.degraded.len())
    };
    assert_eq!(seen(engine), ("notify", "ok", 0));
    engine.watching(Some("max_user_watches is reached".to_owned()));
    assert_eq!(seen(engine), ("polling", "ok", 1));
    engine.saved(Some(&Trouble::Unavailable { why: "disk full".to_owned() }));
    assert_eq!(seen(engine), ("polling", "unavailable", 2));
    engine.saved(None);
    engine.watching(None);
    assert_eq!(seen(engine), ("notify", "ok", 0));
    engine.store_trouble(&Trouble::FromSidecar { entries: 3 });
    assert_eq!(seen(engine), ("notify", "degraded", 0));
    assert_eq!(engine.status(now).store.why, "3 positions come from the side-car");
}
