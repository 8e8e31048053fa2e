//! Two decoders, in two languages, read the same.

use crate::client::{logs, metrics, post, spans};
use prost::Message;
use testkit::collector::{Collector, Options};
use testkit::decoder;

#[tokio::test]
async fn the_independent_decoder_finds_the_same_records() {
    let directory = tempfile::tempdir().unwrap();
    let save = Some(directory.path().to_owned());
    let collector = Collector::start(Options { save, ..Options::default() }).unwrap();
    let base = collector.http_url();
    let (pb, json) = ("application/x-protobuf", "application/json");
    post(&format!("{base}/v1/traces"), pb, "gzip", &spans(3).encode_to_vec()).await.unwrap();
    post(&format!("{base}/v1/traces"), json, "", &serde_json::to_vec(&spans(2)).unwrap()).await.unwrap();
    post(&format!("{base}/v1/logs"), pb, "zstd", &logs(4).encode_to_vec()).await.unwrap();
    post(&format!("{base}/v1/logs"), json, "", &serde_json::to_vec(&logs(1)).unwrap()).await.unwrap();
    post(&format!("{base}/v1/metrics"), pb, "", &metrics().encode_to_vec()).await.unwrap();
    let arrived = decoder::arrived(directory.path()).unwrap();
    assert_eq!((arrived.spans.len(), arrived.lines.len()), (5, 5));
    assert_eq!(arrived, collector.read(testkit::collector::State::arrived));
}

#[test]
fn a_body_that_is_none_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("000000.traces.pb"), b"\xff").unwrap();
    assert!(decoder::arrived(directory.path()).is_err());
}
