//! Our bytes against those of the messages that prost generates: equal to the byte where the field order is the same.

mod encode_support;

use encode_support::{generate, messages};
use exporter::encode;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;

/// What `write` appends, after bytes that it must leave alone.
fn appended(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = b"before".to_vec();
    write(&mut out);
    let ours = out.split_off(6);
    assert_eq!(out, b"before");
    ours
}

proptest! {
    #[test]
    fn spans_equal_prost(span in generate::span()) {
        let ours = appended(|out| encode::span(&span, out));
        let message = messages::span(&span);
        prop_assert_eq!(&Span::decode(ours.as_slice()).unwrap(), &message);
        prop_assert_eq!(ours, message.encode_to_vec());
    }

    #[test]
    fn log_records_equal_prost(record in generate::log_record()) {
        let ours = appended(|out| encode::log_record(&record, out));
        prop_assert_eq!(ours, messages::log_record(&record).encode_to_vec());
    }

    #[test]
    fn an_appended_context_belongs_to_the_record(record in generate::log_record(), context in generate::trace_context()) {
        let mut ours = Vec::new();
        encode::log_record(&record, &mut ours);
        encode::trace_context(&context, &mut ours);
        prop_assert_eq!(LogRecord::decode(ours.as_slice()).unwrap(), messages::joined(&record, &context));
    }

    #[test]
    fn resources_and_scopes_equal_prost(resource in generate::resource(), scope in generate::scope()) {
        let ours = appended(|out| encode::resource(&resource, out));
        prop_assert_eq!(ours, messages::resource(&resource).encode_to_vec());
        let ours = appended(|out| encode::scope(&scope, out));
        prop_assert_eq!(ours, messages::scope(&scope).encode_to_vec());
    }
}
