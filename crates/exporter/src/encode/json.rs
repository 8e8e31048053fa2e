//! OTLP/JSON: a request body in protobuf, written anew in JSON.
//!
//! Promises: what `opentelemetry-proto`'s serde implementation makes of the message, on one line: ids in hexadecimal,
//! 64-bit integers as text, enumerations as numbers, names in camelCase (OTLP specification, "JSON Protobuf
//! Encoding"). This way is for receivers that know no protobuf; it costs several times the protobuf way and is kept
//! simple for that.
//!
//! Known gap: a double that is not finite becomes `null`, as the library writes it. Nothing in the files can hold one.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::{DecodeError, Message};
use std::fmt;

/// Why a body could not be written as JSON. Sending it again can't help.
#[derive(Debug)]
pub enum JsonError {
    /// The body is no request of its signal.
    Decode(DecodeError),
    /// The message can't be written.
    Write(serde_json::Error),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Decode(_) => "the request is no OTLP message",
            Self::Write(_) => "the request can't be written as JSON",
        })
    }
}

impl std::error::Error for JsonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Write(error) => Some(error),
        }
    }
}

/// An `ExportTraceServiceRequest`.
///
/// # Errors
/// [`JsonError`] if the body is none.
pub fn traces(body: &[u8]) -> Result<Bytes, JsonError> {
    write(ExportTraceServiceRequest::decode(body), serde_json::to_vec)
}

/// An `ExportLogsServiceRequest`.
///
/// # Errors
/// [`JsonError`] if the body is none.
pub fn logs(body: &[u8]) -> Result<Bytes, JsonError> {
    write(ExportLogsServiceRequest::decode(body), serde_json::to_vec)
}

/// An `ExportMetricsServiceRequest`.
///
/// # Errors
/// [`JsonError`] if the body is none.
pub fn metrics(body: &[u8]) -> Result<Bytes, JsonError> {
    write(ExportMetricsServiceRequest::decode(body), serde_json::to_vec)
}

/// Takes the writer as an argument, so that the types need no bound of a crate that isn't otherwise used here.
fn write<M>(
    message: Result<M, DecodeError>,
    to_json: fn(&M) -> serde_json::Result<Vec<u8>>,
) -> Result<Bytes, JsonError> {
    let message = message.map_err(JsonError::Decode)?;
    to_json(&message).map(Bytes::from).map_err(JsonError::Write)
}
