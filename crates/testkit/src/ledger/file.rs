//! Ledger and arrivals as JSON lines.
//!
//! `{"hosts":[…]}` once, then `{"span":{…}}` and `{"line":{…}}`, with the fields of the structs under their own
//! names; ids are hex text. The lines of what arrived have the same form.

use super::{Arrived, ArrivedLine, ArrivedSpan, Ledger, WrittenLine, WrittenSpan};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, BufRead, Write};

/// Why JSON lines could not be read or written.
#[derive(Debug)]
pub enum LedgerError {
    /// The file itself.
    Io(io::Error),
    /// A line that is not of this form.
    Line {
        /// Its number, from 1.
        number: usize,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(source) => write!(f, "{source}"),
            Self::Line { number, source } => write!(f, "line {number}: {source}"),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<io::Error> for LedgerError {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry<S, L> {
    Hosts(Vec<String>),
    Span(S),
    Line(L),
}

type Written<'a> = Entry<&'a WrittenSpan, &'a WrittenLine>;

impl Ledger {
    /// Writes it as JSON lines.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn save(&self, mut to: impl Write) -> io::Result<()> {
        write_line(&mut to, &Written::Hosts(self.hosts.clone()))?;
        self.spans.iter().try_for_each(|span| write_line(&mut to, &Written::Span(span)))?;
        self.lines.iter().try_for_each(|line| write_line(&mut to, &Written::Line(line)))?;
        to.flush()
    }

    /// Reads what [`Ledger::save`] wrote.
    ///
    /// # Errors
    /// Those of the reader, and the first line that is none.
    pub fn load(from: impl BufRead) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        read_lines(from, |entry| match entry {
            Entry::Hosts(hosts) => ledger.hosts = hosts,
            Entry::Span(span) => ledger.spans.push(span),
            Entry::Line(line) => ledger.lines.push(line),
        })?;
        Ok(ledger)
    }
}

impl Arrived {
    /// Reads a decoder's JSON lines: `{"span":{"trace":…,"id":…,"service":…}}` and
    /// `{"line":{"marker":…,"trace":…,"span":…,"service":…}}`, absent or null where there is none.
    ///
    /// # Errors
    /// Those of the reader, and the first line that is none.
    pub fn load(from: impl BufRead) -> Result<Self, LedgerError> {
        let mut arrived = Self::default();
        read_lines(from, |entry: Entry<ArrivedSpan, ArrivedLine>| match entry {
            Entry::Hosts(_) => {}
            Entry::Span(span) => arrived.spans.push(span),
            Entry::Line(line) => arrived.lines.push(line),
        })?;
        Ok(arrived)
    }
}

fn write_line(to: &mut impl Write, entry: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, entry)?;
    to.write_all(b"\n")
}

fn read_lines<T: DeserializeOwned>(from: impl BufRead, mut take: impl FnMut(T)) -> Result<(), LedgerError> {
    for (index, line) in from.lines().enumerate() {
        let entry =
            serde_json::from_str(&line?).map_err(|source| LedgerError::Line { number: index + 1, source })?;
        take(entry);
    }
    Ok(())
}
