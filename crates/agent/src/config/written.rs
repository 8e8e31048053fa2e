//! The configuration as written: each key of the file found in the table, its value checked, with its line.

use super::keys::{self, Key};
use super::kind::{Kind, Value, article};
use super::problem::{Place, Problems};
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// A checked value and where it stood.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// The values of one table, by dotted path.
pub(crate) type Values = BTreeMap<String, Found>;

/// What the file says, before defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) values: Values,
    /// The entries of `[[logs]]`, with the line each begins at; `None` if the file has none.
    pub(crate) logs: Option<Vec<(Place, Values)>>,
}

/// Reads the file's text. Mistakes go to `problems`; what is right is kept.
pub(crate) fn read(text: &str, problems: &mut Problems) -> Written {
    let (root, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::new(text);
    for error in &errors {
        let place = error.span().map_or(Place::Nowhere, |span| lines.at(span.start));
        problems.add(&place, "", format!("not TOML: {}", error.message().replace('\n', " ")));
    }
    let mut reader = Reader { lines, problems, written: Written::default() };
    reader.table(root.get_ref(), "");
    reader.written
}

/// Line numbers from byte offsets.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let after_newlines =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    fn at(&self, offset: usize) -> Place {
        Place::Line(self.starts.partition_point(|start| *start <= offset))
    }
}

struct Reader<'p> {
    lines: Lines,
    problems: &'p mut Problems,
    written: Written,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in table {
            let path = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            self.entry(&path, value.get_ref(), self.lines.at(name.span().start));
        }
    }

    fn entry(&mut self, path: &str, value: &DeValue<'_>, place: Place) {
        match (keys::find(path), value) {
            (Some(key), value) => {
                if let Some(found) = self.value(key, path, value, place) {
                    self.written.values.insert(path.to_owned(), found);
                }
            }
            (None, DeValue::Array(entries)) if path == "logs" => self.logs(entries, &place),
            (None, DeValue::Table(inner)) if is_section(path) => self.table(inner, path),
            (None, other) if is_section(path) || path == "logs" => {
                let (what, meant) = (article(other.type_str()), header(path));
                self.problems.add(&place, path, format!("is {what} here; it is a section: write {meant}"));
            }
            (None, DeValue::Table(_)) => self.unknown_section(path, &place),
            (None, DeValue::Array(entries)) if entries.iter().any(|entry| entry.get_ref().is_table()) => {
                self.unknown_section(path, &place);
            }
            (None, _) => self.unknown_key(path, &place),
        }
    }

    fn logs(&mut self, entries: &[toml::Spanned<DeValue<'_>>], place: &Place) {
        let mut list = Vec::new();
        for entry in entries {
            let at = self.lines.at(entry.span().start).max(place.clone());
            match entry.get_ref() {
                DeValue::Table(table) => list.push((at, self.log_entry(table))),
                other => {
                    let what = article(other.type_str());
                    self.problems.add(&at, "logs", format!("{what} is no log; write [[logs]] and its keys"));
                }
            }
        }
        self.written.logs = Some(list);
    }

    fn log_entry(&mut self, table: &DeTable<'_>) -> Values {
        let mut values = Values::new();
        for (name, value) in table {
            let path = format!("logs[].{}", name.get_ref());
            let place = self.lines.at(name.span().start);
            match keys::find(&path) {
                Some(key) => {
                    if let Some(found) = self.value(key, &path, value.get_ref(), place) {
                        values.insert(path, found);
                    }
                }
                None => self.unknown_key(&path, &place),
            }
        }
        values
    }

    fn value(&mut self, key: Key, path: &str, value: &DeValue<'_>, place: Place) -> Option<Found> {
        let checked = key.kind.check(value);
        match checked {
            Ok(value) => Some(Found { value, place }),
            Err(message) => {
                self.problems.add(&place, path, message);
                None
            }
        }
    }

    fn unknown_key(&mut self, path: &str, place: &Place) {
        let known = keys::all_paths();
        let hint = nearest(path, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        self.problems.add(place, path, format!("there is no such key{hint}"));
    }

    fn unknown_section(&mut self, path: &str, place: &Place) {
        let known = keys::tables();
        let hint =
            nearest(path, &known).map(|near| format!("; did you mean {}?", header(near))).unwrap_or_default();
        self.problems.add(place, path, format!("there is no such section{hint}"));
    }
}

/// A section as it is written.
fn header(path: &str) -> String {
    if path == "logs" { "[[logs]]".to_owned() } else { format!("[{path}]") }
}

fn is_section(path: &str) -> bool {
    let prefix = format!("{path}.");
    keys::all_paths().iter().any(|known| known.starts_with(&prefix))
}

/// The one of `known` that is most like `path`, if one is near enough to be meant.
fn nearest<'k>(path: &str, known: &'k [String]) -> Option<&'k String> {
    let scored = known.iter().map(|known| (closeness(path, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.6).then_some(best.1)
}

/// From 0 to 1. The last part counts most: a right key in the wrong section is likely meant.
fn closeness(path: &str, known: &str) -> f64 {
    let last = |path: &str| path.rsplit(['.', ']']).next().unwrap_or_default().to_owned();
    let leaf = strsim::normalized_damerau_levenshtein(&last(path), &last(known));
    let whole = strsim::normalized_damerau_levenshtein(path, known);
    0.6 * leaf + 0.4 * whole
}

/// The default of the key at `path`, checked like a written one.
pub(crate) fn default_of(path: &str) -> Option<Value> {
    let key = keys::find(path)?;
    let text = format!("v = {}", key.default.ok()?);
    let table = DeTable::parse(&text).ok()?;
    let (_, value) = table.get_ref().iter().next()?;
    key.kind.check(value.get_ref()).ok()
}

/// The kind of the key at `path`.
pub(crate) fn kind_of(path: &str) -> Option<Kind> {
    keys::find(path).map(|key| key.kind)
}
