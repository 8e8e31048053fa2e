//! JSON values where a text or number is expected, read without failing on anything else.
//!
//! serde's own types refuse a value of another type and with it the rest of the array. Here every well-formed
//! value is taken, and who asked for it decides. Nested values are passed over without recursion.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value, borrowed from the text unless it holds an escape.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Bool(bool),
    Null,
    Nested,
}

impl<'a> Scalar<'a> {
    /// The value as text; `Err` if it has parts, `None` if it is null.
    #[inline(always)]
    pub(super) fn into_text(self) -> Result<Option<Cow<'a, str>>, ()> {
        Ok(Some(match self {
            Self::Text(text) => text,
            Self::Unsigned(number) => number.to_string().into(),
            Self::Negative(number) => number.to_string().into(),
            Self::Float(number) => number.to_string().into(),
            Self::Bool(truth) => truth.to_string().into(),
            Self::Null => return Ok(None),
            Self::Nested => return Err(()),
        }))
    }
}

/// Reads any value as a [`Scalar`] and hands it to a function, so that the common case, a text without escapes, is
/// seen to be one without a detour.
pub(super) struct With<F>(pub(super) F);

impl<'de, R, F: FnOnce(Scalar<'de>) -> R> DeserializeSeed<'de> for With<F> {
    type Value = R;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<R, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, R, F: FnOnce(Scalar<'de>) -> R> Visitor<'de> for With<F> {
    type Value = R;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<R, E> {
        Ok((self.0)(Scalar::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<R, E> {
        Ok((self.0)(Scalar::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<R, E> {
        Ok((self.0)(Scalar::Unsigned(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<R, E> {
        Ok((self.0)(Scalar::Negative(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<R, E> {
        Ok((self.0)(Scalar::Float(number)))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<R, E> {
        Ok((self.0)(Scalar::Bool(truth)))
    }

    fn visit_unit<E>(self) -> Result<R, E> {
        Ok((self.0)(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<R, A::Error> {
        pass_seq(seq)?;
        Ok((self.0)(Scalar::Nested))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<R, A::Error> {
        pass_map(map)?;
        Ok((self.0)(Scalar::Nested))
    }
}

/// Passes over the rest of an array.
pub(super) fn pass_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Passes over the rest of an object.
pub(super) fn pass_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads an object's key.
pub(super) struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cow<'de, str>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Something that takes the entries of an object, or learns that the value was no object.
pub(super) trait TakeObject<'de> {
    /// Takes one entry: must read exactly one value from `map`.
    fn entry<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error>;

    /// The value is something else; `null` says whether it is null.
    fn no_object(&mut self, null: bool);
}

/// Reads any value into a [`TakeObject`].
pub(super) struct ObjectSeed<'t, T>(pub(super) &'t mut T);

impl<'de, T: TakeObject<'de>> DeserializeSeed<'de> for ObjectSeed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<T> ObjectSeed<'_, T> {
    fn other<'de, E>(self, null: bool) -> Result<(), E>
    where
        T: TakeObject<'de>,
    {
        self.0.no_object(null);
        Ok(())
    }
}

impl<'de, T: TakeObject<'de>> Visitor<'de> for ObjectSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed)? {
            self.0.entry(key, &mut map)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        pass_seq(seq)?;
        self.other(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.other(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.other(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.other(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.other(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.other(false)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.other(true)
    }
}
