//! Attributes, and the two groups of them that records share: resource and instrumentation scope.

use std::borrow::Cow;

/// An attribute's value, in the types that OTLP's `AnyValue` has and this agent uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// UTF-8 text.
    Str(Cow<'a, str>),
    /// A count, size or port.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A number with a fraction.
    Double(f64),
}

/// A value, lent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'v> {
    /// UTF-8 text.
    Str(&'v str),
    /// A count, size or port.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A number with a fraction.
    Double(f64),
}

impl Value<'_> {
    /// The value, lent.
    #[must_use]
    pub fn lent(&self) -> ValueRef<'_> {
        match self {
            Self::Str(text) => ValueRef::Str(text),
            Self::Int(number) => ValueRef::Int(*number),
            Self::Bool(truth) => ValueRef::Bool(*truth),
            Self::Double(number) => ValueRef::Double(*number),
        }
    }
}

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValue<'a> {
    /// The attribute's name, never empty.
    pub key: Cow<'a, str>,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> KeyValue<'a> {
    /// A text attribute.
    pub fn str(key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { key: key.into(), value: Value::Str(value.into()) }
    }

    /// An integer attribute.
    pub fn int(key: impl Into<Cow<'a, str>>, value: i64) -> Self {
        Self { key: key.into(), value: Value::Int(value) }
    }

    /// The value, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }
}

/// What a record's origin is: service, host, pool. Records with equal resources share one in a request.
///
/// Attributes are in the order in which they are written; equal resources have equal order, because one
/// function in `parser` makes them for each kind of record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource<'a> {
    /// Each key at most once.
    pub attributes: Vec<KeyValue<'a>>,
}

impl Resource<'_> {
    /// The text value of `key`, if it is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|kv| kv.key == key).and_then(KeyValue::as_str)
    }
}

/// The instrumentation scope; empty where the file names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `otel.scope.name`, else `otel.library.name`, else empty.
    pub name: Cow<'a, str>,
    /// `otel.scope.version`, else `otel.library.version`, else empty.
    pub version: Cow<'a, str>,
}
