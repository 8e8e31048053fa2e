//! Ids as numbers, in hex wherever they are written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// A trace id: 128 bits, 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub u128);

/// A span id: 64 bits, 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub u64);

impl TraceId {
    /// From OTLP's 16 bytes; `None` for any other length and for zero, which OTLP uses for "no trace".
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(u128::from_be_bytes(bytes.try_into().ok()?))).filter(|id| id.0 != 0)
    }

    /// From hex digits; `None` for zero and for what is no number.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(Self)
    }
}

impl SpanId {
    /// From OTLP's 8 bytes; `None` for any other length and for zero, which OTLP uses for "no span".
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(u64::from_be_bytes(bytes.try_into().ok()?))).filter(|id| id.0 != 0)
    }

    /// From hex digits; `None` for zero and for what is no number.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom(format_args!("no trace id: {text}")))
    }
}

impl<'de> Deserialize<'de> for SpanId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom(format_args!("no span id: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{SpanId, TraceId};

    #[test]
    fn ids_survive_text_and_bytes() {
        let trace = TraceId(0x0a07_bfbf_3925_e3d4_7769_9517_1a92_22cd);
        assert_eq!(trace.to_string(), "0a07bfbf3925e3d4776995171a9222cd");
        assert_eq!(TraceId::from_hex(&trace.to_string()), Some(trace));
        assert_eq!(TraceId::from_bytes(&trace.0.to_be_bytes()), Some(trace));
        assert_eq!(TraceId::from_bytes(&[0; 16]), None);
        assert_eq!(SpanId::from_bytes(&[1]), None);
        assert_eq!(SpanId::from_hex("000000000000000f"), Some(SpanId(15)));
        assert_eq!(SpanId::from_hex("x"), None);
    }
}
