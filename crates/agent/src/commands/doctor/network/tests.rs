use super::*;
use crate::commands::doctor::finding::Level;
use exporter::classify::{Failed, Http, Reply, TlsFailure};

fn to(host: &str, is_proxy: bool) -> Hop {
    Hop { host: host.to_owned(), port: 4318, is_proxy }
}

fn accepted() -> Answer {
    Answer::Http(Http { status: 200, retry_after: None, reply: Reply::Empty, message: String::new() })
}

fn failed(failure: Failure) -> Answer {
    Answer::Failed(Failed { failure, sent: false, message: String::new() })
}

fn way(signal: &'static str, url: &str, answer: Answer, ahead: Option<i64>) -> Way {
    let asked = Asked { url: url.to_owned(), hop: to("c", false), outcome: Ok(answer), ahead };
    Way { signal, asked: Some(asked) }
}

fn levels(found: &[Finding]) -> Vec<(&'static str, Level)> {
    found.iter().map(|finding| (finding.id, finding.level)).collect()
}

#[test]
fn names_and_connections() {
    let address: SocketAddr = "192.0.2.7:4318".parse().unwrap();
    let took = Some(Ok((address, Duration::from_millis(3))));
    let cases = [
        (to("c", false), Ok(vec![address]), took, vec![("net.dns", Level::Ok), ("net.tcp", Level::Ok)]),
        (
            to("192.0.2.7", false),
            Ok(vec![address]),
            Some(Err("refused".to_owned())),
            vec![("net.dns", Level::Ok), ("net.tcp", Level::Fail)],
        ),
        (to("c", true), Err("no such name".to_owned()), None, vec![("net.dns", Level::Fail)]),
        (to("c", false), Ok(Vec::new()), None, vec![("net.dns", Level::Fail)]),
    ];
    for (found, addresses, connected, expected) in cases {
        let is_proxy = found.is_proxy;
        let facts = Facts { hops: vec![HopFacts { hop: found, addresses, connected }], ways: Vec::new() };
        let found = judge(&facts);
        assert_eq!(levels(&found), expected);
        let keys: Vec<&String> = found.iter().flat_map(|finding| &finding.mend).collect();
        assert_eq!(keys.iter().any(|key| key.contains("export.proxy")), is_proxy, "{keys:?}");
    }
}

#[test]
fn signals_that_share_an_endpoint_share_clock_and_tls() {
    let ways =
        ["traces", "logs"].map(|signal| way(signal, &format!("https://c/v1/{signal}"), accepted(), Some(0)));
    let found = judge(&Facts { hops: Vec::new(), ways: ways.into() });
    let expected = ["net.tls", "otlp.traces", "otlp.logs", "net.clock"].map(|id| (id, Level::Ok));
    assert_eq!(levels(&found), expected);
}

#[test]
fn clocks_may_differ_a_little() {
    for (ahead, level) in [
        (0, Level::Ok),
        (-5, Level::Ok),
        (6, Level::Warn),
        (-600, Level::Warn),
        (601, Level::Fail),
        (-90_000, Level::Fail),
    ] {
        let found =
            judge(&Facts { hops: Vec::new(), ways: vec![way("logs", "http://c", accepted(), Some(ahead))] });
        assert_eq!(levels(&found), [("otlp.logs", Level::Ok), ("net.clock", level)], "{ahead}");
        let side = if ahead < 0 { "ahead of" } else { "behind" };
        assert!(level == Level::Ok || found[1].text.contains(side), "{}", found[1].text);
    }
}

#[test]
fn tls_is_told_where_it_was_tried() {
    let expected = |level| vec![("net.tls", level), ("otlp.logs", Level::Fail)];
    for (url, answer, expected) in [
        ("https://c:1/v1/logs", failed(Failure::Tls(TlsFailure::UnknownIssuer)), expected(Level::Fail)),
        ("https://c:1/v1/logs", failed(Failure::Connect), vec![("otlp.logs", Level::Fail)]),
        ("http://c:1/v1/logs", failed(Failure::Connect), vec![("otlp.logs", Level::Fail)]),
    ] {
        let found = judge(&Facts { hops: Vec::new(), ways: vec![way("logs", url, answer, None)] });
        assert_eq!(levels(&found), expected, "{url}");
    }
}

#[test]
fn what_is_left_out_or_can_not_be_made_is_told() {
    let unmade =
        Asked { url: "x".to_owned(), hop: to("", false), outcome: Err("no key".to_owned()), ahead: None };
    let ways = vec![Way { signal: "traces", asked: None }, Way { signal: "metrics", asked: Some(unmade) }];
    let found = judge(&Facts { hops: Vec::new(), ways });
    assert_eq!(levels(&found), [("otlp.traces", Level::Ok), ("otlp.metrics", Level::Fail)]);
}
