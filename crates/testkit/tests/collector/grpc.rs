//! OTLP/gRPC, by the generated clients.

use crate::DEADLINE;
use crate::client::{logs, metrics, spans, start};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use std::time::Duration;
use testkit::collector::{Code, Collector, Mood, Outcome, Signal, Transport};
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt;

async fn channel(collector: &Collector) -> Channel {
    Endpoint::from_shared(collector.grpc_url()).unwrap().connect().await.unwrap()
}

/// Sends three spans; the rejected count, or the status.
async fn send(collector: &Collector) -> Result<i64, tonic::Status> {
    let response = TraceServiceClient::new(channel(collector).await).export(spans(3)).await?;
    Ok(response.into_inner().partial_success.map_or(0, |partial| partial.rejected_spans))
}

#[tokio::test]
async fn every_signal_and_compression_arrives() {
    for compression in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let collector = start();
        let channel = channel(&collector).await;
        let mut traces = TraceServiceClient::new(channel.clone());
        let mut lines = LogsServiceClient::new(channel.clone());
        let mut counters = MetricsServiceClient::new(channel);
        if let Some(compression) = compression {
            traces = traces.send_compressed(compression);
            lines = lines.send_compressed(compression);
            counters = counters.send_compressed(compression);
        }
        traces.export(spans(3)).await.unwrap();
        lines.export(logs(2)).await.unwrap();
        counters.export(metrics()).await.unwrap();
        collector.read(|state| {
            assert_eq!((state.spans().len(), state.logs().len(), state.metrics().len()), (3, 2, 1));
            for request in state.requests() {
                assert_eq!((request.transport, request.outcome), (Transport::Grpc, Outcome::Accepted));
                assert_eq!(request.encoding.is_empty(), compression.is_none());
                assert!(request.wire_bytes > 5 && request.bytes > 0);
            }
        });
        assert_eq!(collector.connections(), 1);
    }
}

#[tokio::test]
async fn refusals_speak_grpc() {
    let collector = start();
    collector.set_all(Mood::retry_after(Code::ResourceExhausted, Duration::from_millis(2_500)));
    let status = send(&collector).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let retry = status.get_details_retry_info().unwrap();
    assert_eq!(retry.retry_delay, Some(Duration::from_millis(2_500)));
    collector.set_all(Mood::TooLarge { limit: 1 });
    assert_eq!(send(&collector).await.unwrap_err().code(), Code::ResourceExhausted);
    collector.set_all(Mood::reject_if(|_| true));
    assert_eq!(send(&collector).await.unwrap_err().code(), Code::InvalidArgument);
    collector.set_all(Mood::status(503));
    assert_eq!(send(&collector).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(collector.read(|state| state.stored(Signal::Traces)), 0);
    collector.set_all(Mood::PartialSuccess { rejected: 2, message: "no room".into() });
    assert_eq!(send(&collector).await.unwrap(), 2);
}

#[tokio::test]
async fn lost_answers_are_no_answers() {
    for (mood, stored) in [(Mood::AnswerLost, 3), (Mood::CloseBeforeReading, 0)] {
        let collector = start();
        collector.set_all(mood.clone());
        send(&collector).await.unwrap_err();
        let seen = |state: &testkit::collector::State| {
            state.requests().iter().all(|request| request.outcome == Outcome::Unanswered)
        };
        collector.wait(seen, DEADLINE).await.unwrap();
        assert_eq!(collector.read(|state| state.requests()[0].stored), stored, "{mood:?}");
    }
}

#[tokio::test]
async fn a_sender_that_gives_up_leaves_an_unanswered_request() {
    let collector = start();
    collector.set_all(Mood::HangAfterStoring);
    tokio::select! {
        answer = send(&collector) => panic!("answered {answer:?}"),
        come = collector.wait(|state| state.stored(Signal::Traces) == 3, DEADLINE) => come.unwrap(),
    }
    collector.wait(|state| state.requests()[0].outcome == Outcome::Unanswered, DEADLINE).await.unwrap();
}
