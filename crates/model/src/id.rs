//! Trace, span and host ids.

use std::fmt;

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// It is empty or longer than the id.
    Length,
    /// It has a character that is no hexadecimal digit.
    NotHex,
    /// All its digits are zero: OTLP holds such an id to be absent.
    Zero,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "an id is empty or too long",
            Self::NotHex => "an id has a character that is no hexadecimal digit",
            Self::Zero => "an id is zero",
        })
    }
}

impl std::error::Error for IdError {}

/// Reads 1 to 2·N hexadecimal digits of either case, left-padded with zeros.
fn from_hex<const N: usize>(text: &[u8]) -> Result<[u8; N], IdError> {
    if text.is_empty() || text.len() > 2 * N {
        return Err(IdError::Length);
    }
    let mut bytes = [0u8; N];
    for (place, &digit) in text.iter().rev().enumerate() {
        let value = (digit as char).to_digit(16).ok_or(IdError::NotHex)?;
        if let Some(byte) = bytes.get_mut(N - 1 - place / 2) {
            *byte |= u8::try_from(value).unwrap_or(0) << (4 * (place % 2));
        }
    }
    Ok(bytes)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// A trace id: 16 bytes, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// A span id: 8 bytes, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

macro_rules! hex_id {
    ($name:ident, $n:literal) => {
        impl $name {
            /// Reads 1 to 2·N hexadecimal digits, left-padded (Zipkin's ids may be short).
            ///
            /// # Errors
            /// [`IdError`] for an empty, too long, non-hexadecimal or zero id.
            pub fn from_hex(text: &[u8]) -> Result<Self, IdError> {
                Self::from_bytes(from_hex::<$n>(text)?).ok_or(IdError::Zero)
            }

            /// The id of these bytes, big-endian; `None` if they are all zero.
            #[must_use]
            pub fn from_bytes(bytes: [u8; $n]) -> Option<Self> {
                (bytes != [0; $n]).then_some(Self(bytes))
            }

            /// The id's bytes, big-endian, as OTLP carries them.
            #[must_use]
            pub fn bytes(&self) -> &[u8; $n] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }
    };
}

hex_id!(TraceId, 16);
hex_id!(SpanId, 8);

/// A UUID as XAPI writes it: 36 characters with hyphens, lower case. Used for hosts and pools.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Reads the 36-character form, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let hyphens = [8, 13, 18, 23];
        if bytes.len() != 36 || hyphens.iter().any(|&at| bytes.get(at) != Some(&b'-')) {
            return None;
        }
        let mut digits = [0u8; 32];
        let hex = bytes.iter().enumerate().filter(|(at, _)| !hyphens.contains(at)).map(|(_, byte)| byte);
        digits.iter_mut().zip(hex).for_each(|(to, from)| *to = *from);
        from_hex::<16>(&digits).ok().map(Self)
    }

    /// The 16 bytes, big-endian.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The UUID of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_left_padded() {
        let id = TraceId::from_hex(b"0123456789abcde0").unwrap();
        assert_eq!(id.to_string(), "00000000000000000123456789abcde0");
        assert_eq!(SpanId::from_hex(b"1234").unwrap().to_string(), "0000000000001234");
        assert_eq!(SpanId::from_hex(b"ABC").unwrap().to_string(), "0000000000000abc");
    }

    #[test]
    fn bad_ids_say_why() {
        let cases: [(&[u8], IdError); 4] = [
            (b"", IdError::Length),
            (b"12345678901234567", IdError::Length),
            (b"12x4", IdError::NotHex),
            (b"0000", IdError::Zero),
        ];
        for (text, error) in cases {
            assert_eq!(SpanId::from_hex(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn uuids_read_and_write() {
        let text = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";
        assert_eq!(Uuid::parse(text).unwrap().to_string(), text);
        assert_eq!(Uuid::parse(&text.to_uppercase()).unwrap().to_string(), text);
        for bad in ["", "cb043a219c514418a1e8e7079ac6dc1a", "cb043a21-9c51-4418-a1e8-e7079ac6dc1g"] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }
}
