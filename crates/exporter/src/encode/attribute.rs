//! Attributes, and the messages that consist of them: resource and instrumentation scope.
//!
//! Lengths come before contents in protobuf. They are computed, not patched in: the length of an attribute is
//! arithmetic on the lengths of its texts, which costs less than moving bytes.

use super::wire;
use model::{KeyValue, Resource, Scope, ValueRef};

/// `AnyValue`, `KeyValue`.
mod field {
    pub(super) const STRING: u32 = 1;
    pub(super) const BOOL: u32 = 2;
    pub(super) const INT: u32 = 3;
    pub(super) const DOUBLE: u32 = 4;
    pub(super) const KEY: u32 = 1;
    pub(super) const VALUE: u32 = 2;
}

/// `Resource` and `InstrumentationScope`.
const RESOURCE_ATTRIBUTES: u32 = 1;
const SCOPE_NAME: u32 = 1;
const SCOPE_VERSION: u32 = 2;

/// A negative integer is its two's complement, ten bytes long.
fn as_varint(value: i64) -> u64 {
    value.cast_unsigned()
}

fn value_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(text) => wire::len_field_len(field::STRING, text.len()),
        ValueRef::Int(number) => 1 + wire::varint_len(as_varint(number)),
        ValueRef::Bool(_) => 2,
        ValueRef::Double(_) => 9,
    }
}

fn write_value(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Str(text) => wire::bytes(field::STRING, text.as_bytes(), out),
        ValueRef::Int(number) => wire::varint_always(field::INT, as_varint(number), out),
        ValueRef::Bool(truth) => wire::varint_always(field::BOOL, u64::from(truth), out),
        ValueRef::Double(number) => wire::fixed64_always(field::DOUBLE, number.to_bits(), out),
    }
}

/// Writes an `AnyValue` of text as field `number`.
pub(super) fn text_value(number: u32, text: &str, out: &mut Vec<u8>) {
    wire::message_header(number, wire::len_field_len(field::STRING, text.len()), out);
    wire::bytes(field::STRING, text.as_bytes(), out);
}

fn key_value_len(key: &str, value: usize) -> usize {
    wire::text_len(field::KEY, key) + wire::len_field_len(field::VALUE, value)
}

/// Bytes of `attributes` as the repeated field `number`.
pub(super) fn attributes_len(number: u32, attributes: &[KeyValue<'_>]) -> usize {
    attributes
        .iter()
        .map(|kv| wire::len_field_len(number, key_value_len(&kv.key, value_len(kv.value.lent()))))
        .sum()
}

/// Writes `attributes` as the repeated field `number`.
pub(super) fn attributes(number: u32, attributes: &[KeyValue<'_>], out: &mut Vec<u8>) {
    attributes.iter().for_each(|kv| attribute(number, &kv.key, kv.value.lent(), out));
}

/// Writes one attribute as the field `number`.
pub(super) fn attribute(number: u32, key: &str, value: ValueRef<'_>, out: &mut Vec<u8>) {
    if let ValueRef::Str(text) = value
        && short_text(number, key.as_bytes(), text.as_bytes(), out)
    {
        return;
    }
    let length = value_len(value);
    wire::message_header(number, key_value_len(key, length), out);
    wire::text(field::KEY, key, out);
    wire::message_header(field::VALUE, length, out);
    write_value(value, out);
}

/// Writes a text attribute if it is short, as most are: then each key and length has one byte, and those that stand
/// together are written together. Whether it was written.
#[inline]
fn short_text(number: u32, key: &[u8], text: &[u8], out: &mut Vec<u8>) -> bool {
    /// Key and length of the text, and of the value that it is in.
    const FRAMES: u8 = 4;
    const KEY: u8 = (field::KEY << 3 | 2) as u8;
    const VALUE: u8 = (field::VALUE << 3 | 2) as u8;
    const STRING: u8 = (field::STRING << 3 | 2) as u8;
    let (Ok(number @ ..16), Ok(key_len @ 1..60), Ok(text_len @ ..60)) =
        (u8::try_from(number), u8::try_from(key.len()), u8::try_from(text.len()))
    else {
        return false;
    };
    let length = 2 + key_len + FRAMES + text_len;
    out.reserve(2 + usize::from(length));
    out.extend_from_slice(&[number << 3 | 2, length, KEY, key_len]);
    out.extend_from_slice(key);
    out.extend_from_slice(&[VALUE, 2 + text_len, STRING, text_len]);
    out.extend_from_slice(text);
    true
}

/// Writes one text attribute as the field `number`.
pub(super) fn text_attribute(number: u32, key: &'static str, value: &str, out: &mut Vec<u8>) {
    attribute(number, key, ValueRef::Str(value), out);
}

/// Writes an attribute whose value is an encoded `AnyValue` as the field `number`.
pub(super) fn any_attribute(number: u32, key: &'static str, value: &[u8], out: &mut Vec<u8>) {
    wire::message_header(number, key_value_len(key, value.len()), out);
    wire::text(field::KEY, key, out);
    wire::bytes(field::VALUE, value, out);
}

/// Bytes that [`resource`] writes.
pub(crate) fn resource_len(resource: &Resource<'_>) -> usize {
    attributes_len(RESOURCE_ATTRIBUTES, &resource.attributes)
}

/// Appends the body of a `Resource`.
pub fn resource(resource: &Resource<'_>, out: &mut Vec<u8>) {
    attributes(RESOURCE_ATTRIBUTES, &resource.attributes, out);
}

/// Bytes that [`scope`] writes.
pub(crate) fn scope_len(scope: &Scope<'_>) -> usize {
    wire::text_len(SCOPE_NAME, &scope.name) + wire::text_len(SCOPE_VERSION, &scope.version)
}

/// Appends the body of an `InstrumentationScope`.
pub fn scope(scope: &Scope<'_>, out: &mut Vec<u8>) {
    wire::text(SCOPE_NAME, &scope.name, out);
    wire::text(SCOPE_VERSION, &scope.version, out);
}
