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
            b"R:" | b"D:" => rest.len() == 12 && rest.iter().all(u8::is_ascii_hexdigit),
            b"O:" => (1..=12).contains(&rest.len()) && rest.iter().all(u8::is_ascii_graphic),
            _ => false,
        };
        if !fits {
            return None;
        }
        let mut bytes = [0; MAX];
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        Some(Self { length: u8::try_from(text.len()).ok()?, text: bytes })
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.text.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
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
