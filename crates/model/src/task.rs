//! XAPI's task ids.

use std::fmt;

const MAX: usize = 15;

/// A task id as it stands in log lines and in the tag `xs.xapi.task.id`: `R:3e35c13ce76f` (a row of the Task
/// table), `D:…` (a dummy, never in the database) or `O:…` with up to 12 other characters.
///
/// The text is compared literally, as XAPI writes the very same string in both places (xen-api
/// `ocaml/xapi-types/ref.ml:137`, `ocaml/xapi/context.ml:309`). `NULL` is no id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    length: u8,
    text: [u8; MAX],
}

impl TaskId {
    /// Reads an id; `None` if the text is none.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (kind, rest) = text.split_first_chunk::<2>()?;
        let fits = match kind {
            b"R:" | b"D:" => rest.first_chunk().is_some_and(|digits| rest.len() == 12 && are_hex(digits)),
            b"O:" => (1..=12).contains(&rest.len()) && rest.iter().all(u8::is_ascii_graphic),
            _ => false,
        };
        if !fits {
            return None;
        }
        let mut bytes = [0; MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { length: u8::try_from(text.len()).ok()?, text: bytes })
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes: ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Whether all are hexadecimal digits: without a branch for each, as each second line asks.
fn are_hex(digits: &[u8; 12]) -> bool {
    digits.iter().fold(true, |all, digit| all & digit.is_ascii_hexdigit())
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::TaskId;

    #[test]
    fn ids_are_literal() {
        for text in ["R:3e35c13ce76f", "D:a53289ce0d41", "O:abc", "O:twelve-chars"] {
            assert_eq!(TaskId::parse(text.as_bytes()).unwrap().as_str(), text);
        }
        for bad in
            ["", "R:", "R:3e35c13ce76", "R:3e35c13ce76fa", "D:xyz289ce0d41", "X:a53289ce0d41", "O:", "NULL"]
        {
            assert_eq!(TaskId::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
