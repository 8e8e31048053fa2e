//! 100,000 spans and 200,000 lines, with rotation and compression under the agent's eyes: complete, once, and no
//! line in a wrong trace. What arrived is read by a decoder that shares no code with the agent.

use crate::harness::Rig;
use crate::harness::pool::{Pool, busy};
use testkit::collector::{Keep, Options, Signal};
use testkit::decoder;

const SPANS: u64 = 100_000;
const LINES: u64 = 200_000;
const SECONDS: u64 = 24;

#[test]
fn all_arrive_once_over_http() {
    all_arrive_once(1, "http/protobuf");
}

#[test]
fn all_arrive_once_over_grpc() {
    all_arrive_once(2, "grpc");
}

fn all_arrive_once(seed: u64, protocol: &str) {
    let bodies = tempfile::tempdir().unwrap();
    let save = Some(bodies.path().to_path_buf());
    let mut rig = Rig::with(Options { keep: Keep::Ids, save, ..Options::default() });
    let url = if protocol == "grpc" { rig.collector.grpc_url() } else { rig.collector.http_url() };
    rig.sandbox.set_text("export.protocol", protocol).set_text("export.endpoint", &url);
    let mut pool = Pool::new(&mut rig, busy(seed, SPANS, LINES as f64 / SPANS as f64, SECONDS));
    let agent = rig.run();
    pool.play(|_| {});
    pool.wait_for_all(&rig);
    println!("{protocol}: {:?}", agent.usage().unwrap());
    rig.stop(&agent);
    rig.collector.read(|state| {
        assert_eq!(state.malformed(), [""; 0]);
        assert!(state.of(Signal::Logs).all(|request| request.encoding == "gzip"));
    });
    let report = pool.report(&decoder::arrived(bodies.path()).unwrap());
    println!("{protocol}: {:?}\n{report}\n{}", pool.written(), report.joins);
    let written = pool.written();
    assert!(written.spans >= SPANS && written.lines >= LINES * 98 / 100, "{written:?}");
    assert!(written.rotated >= 8 && written.compressed >= 20, "{written:?}");
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.duplicates, report.tracer_arrived, report.wrong_service), (0, 0, 0), "{report:#?}");
    let joins = &report.joins;
    assert_eq!((joins.wrong(), joins.span_apart.count, joins.span_unknown.count), (0, 0, 0), "{joins:#?}");
    assert!(joins.required_share() >= 0.995, "{joins:#?}");
}
