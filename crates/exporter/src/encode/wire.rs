//! Protobuf's wire format: keys, varints, lengths. A field with its default value is left out, as proto3 asks.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

/// Bytes of `value` as a varint.
pub(super) fn varint_len(value: u64) -> usize {
    encoded_len_varint(value)
}

/// Bytes of a length-delimited field whose content has `length` bytes.
pub(crate) fn len_field_len(field: u32, length: usize) -> usize {
    key_len(field) + varint_len(length as u64) + length
}

/// Bytes of a text field; none where the text is empty.
pub(super) fn text_len(field: u32, text: &str) -> usize {
    if text.is_empty() { 0 } else { len_field_len(field, text.len()) }
}

/// Writes the key and the length of a nested message whose `length` bytes the caller writes next. Nearly all have a
/// key and a length of one byte; both written at once, that costs a third less than prost's general way.
pub(crate) fn message_header(field: u32, length: usize, out: &mut Vec<u8>) {
    match (u8::try_from(field), u8::try_from(length)) {
        (Ok(field @ ..16), Ok(length @ ..128)) => out.extend_from_slice(&[field << 3 | 2, length]),
        _ => {
            encode_key(field, WireType::LengthDelimited, out);
            encode_varint(length as u64, out);
        }
    }
}

/// Writes a bytes field, also when it is empty: for ids, and for a `oneof`, which says by its presence which it is.
pub(super) fn bytes(field: u32, content: &[u8], out: &mut Vec<u8>) {
    message_header(field, content.len(), out);
    out.extend_from_slice(content);
}

/// Writes a text field unless it is empty.
pub(super) fn text(field: u32, content: &str, out: &mut Vec<u8>) {
    if !content.is_empty() {
        bytes(field, content.as_bytes(), out);
    }
}

/// Writes a varint field unless it is 0.
pub(super) fn varint(field: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        varint_always(field, value, out);
    }
}

/// Writes a varint field, also when it is 0: for a `oneof`.
pub(super) fn varint_always(field: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

/// Writes eight bytes, little-endian, also when they are 0: for a `oneof`.
pub(super) fn fixed64_always(field: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(field, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes eight bytes, little-endian, unless they are 0.
pub(super) fn fixed64(field: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        fixed64_always(field, value, out);
    }
}

/// Writes four bytes, little-endian, unless they are 0.
pub(super) fn fixed32(field: u32, value: u32, out: &mut Vec<u8>) {
    if value != 0 {
        encode_key(field, WireType::ThirtyTwoBit, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}
