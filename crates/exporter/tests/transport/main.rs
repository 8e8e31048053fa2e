//! The transport against servers in this process: what it sends, and what it makes of what comes back.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its helper panics"
)]

mod certificates;
mod failures;
mod grpc;
mod http;
mod proxy;
mod server;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use exporter::classify::{Answer, Failed, Failure};
use exporter::transport::{
    Compression, Protocol, Proxy, ProxyEnvironment, Settings, Signal, TlsFiles, Transport,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

fn settings(url: String, protocol: Protocol) -> Settings {
    Settings {
        signal: Signal::Traces,
        url,
        protocol,
        compression: Compression::None,
        timeout: DEADLINE,
        headers: Vec::new(),
        tls: TlsFiles::default(),
        proxy: Proxy::Environment(ProxyEnvironment::default()),
    }
}

fn transport(settings: &Settings) -> Transport {
    Transport::new(settings).expect("the settings are good")
}

/// A request with one span.
fn request() -> ExportTraceServiceRequest {
    let span =
        Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: "VM.start".to_owned(), ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn body() -> Bytes {
    request().encode_to_vec().into()
}

fn failed(answer: Answer) -> Failed {
    match answer {
        Answer::Failed(failed) => failed,
        answer => panic!("not a failure: {answer}"),
    }
}

fn check_failed(answer: Answer, failure: Failure, sent: bool) {
    let failed = failed(answer);
    assert_eq!((failed.failure, failed.sent), (failure, sent), "{}", failed.message);
}
