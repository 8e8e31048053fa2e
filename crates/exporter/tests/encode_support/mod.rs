//! What the encoder's tests share: generated spans and records, and the generated OTLP messages of the same.

pub(crate) mod generate;
pub(crate) mod messages;
