//! Percent-decoding of SMAPI's resource values.
//!
//! xapi writes `OTEL_RESOURCE_ATTRIBUTES` in the encoding of W3C baggage; observer.py hands the values on as they
//! are (`"local%20observer"`).

use std::borrow::Cow;

/// `value` with each `%HH` decoded. What is no escape stays; bytes that are no UTF-8 become U+FFFD.
pub(super) fn decode(value: Cow<'_, str>) -> Cow<'_, str> {
    if !value.contains('%') {
        return value;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = escape(rest).unwrap_or((byte, after));
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// The byte that `text` begins with as an escape, and what follows it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([b'%', high, low], after) = text.split_first_chunk()? else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some((digit(high)? << 4 | digit(low)?, after))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn escapes_are_decoded() {
        let cases = [
            ("plain", "plain"),
            ("local%20observer", "local observer"),
            ("caf%C3%a9", "café"),
            ("100%", "100%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
            ("%2525", "%25"),
            ("%ff", "\u{fffd}"),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text.into()), expected, "{text}");
        }
    }
}
