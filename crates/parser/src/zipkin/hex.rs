//! Ids from hexadecimal digits, quickly: each span has three.
//!
//! The full lengths that XAPI writes go through a table; the rare short id through the model's own reader, which
//! is also what the table is tested against.

use model::{SpanId, TraceId};

const BAD: u8 = 0xff;

const DIGITS: [u8; 256] = {
    let mut table = [BAD; 256];
    let mut value = 0u8;
    while value < 16 {
        let lower = b"0123456789abcdef";
        let upper = b"0123456789ABCDEF";
        #[allow(clippy::indexing_slicing, reason = "a constant: a place out of bounds would not compile")]
        {
            table[lower[value as usize] as usize] = value;
            table[upper[value as usize] as usize] = value;
        }
        value += 1;
    }
    table
};

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(BAD)
}

/// The bytes of exactly 2·N digits; `None` if one is no digit or there are more or fewer.
fn full<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut all = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let (high, low) = (digit(*high), digit(*low));
        all |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    (all < 16).then_some(bytes)
}

/// A trace id of 1 to 32 digits.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    match full::<16>(text.as_bytes()) {
        Some(bytes) => TraceId::from_bytes(bytes),
        None => TraceId::from_hex(text.as_bytes()).ok(),
    }
}

/// A span id of 1 to 16 digits.
pub(super) fn span_id(text: &str) -> Option<SpanId> {
    match full::<8>(text.as_bytes()) {
        Some(bytes) => SpanId::from_bytes(bytes),
        None => SpanId::from_hex(text.as_bytes()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_same_as_the_model(text in "[0-9a-fA-F]{32}|[0-9a-g]{15,17}|0{16}|0{32}|.{0,20}") {
            prop_assert_eq!(trace_id(&text), TraceId::from_hex(text.as_bytes()).ok());
            prop_assert_eq!(span_id(&text), SpanId::from_hex(text.as_bytes()).ok());
        }
    }
}
