//! Mistakes in the configuration, collected so that all are shown at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where something was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Nowhere: a default, or the file as a whole.
    #[default]
    Nowhere,
    /// In this line of the file, from 1.
    Line(usize),
    /// In this environment variable.
    Variable(String),
    /// In this option of the command line.
    Option(&'static str),
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    place: Place,
    key: String,
    message: String,
}

/// All mistakes found in one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Problems {
    path: PathBuf,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), list: Vec::new() }
    }

    /// The one mistake that the file itself is.
    pub(crate) fn of_file(path: &Path, message: &str) -> Self {
        let mut problems = Self::new(path);
        problems.add(&Place::Nowhere, "", message);
        problems
    }

    pub(crate) fn add(&mut self, place: &Place, key: &str, message: impl Into<String>) {
        self.list.push(Problem { place: place.clone(), key: key.to_owned(), message: message.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn write(&self, problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &problem.place {
            Place::Nowhere => write!(f, "{}", self.path.display())?,
            Place::Line(line) => write!(f, "{}:{line}", self.path.display())?,
            Place::Variable(name) => write!(f, "environment variable {name}")?,
            Place::Option(name) => write!(f, "option {name}")?,
        }
        if !problem.key.is_empty() {
            write!(f, ": {}", printable(&problem.key))?;
        }
        write!(f, ": {}", printable(&problem.message))
    }
}

/// A key may have any character, and what is quoted of it must not steer the terminal or look like another line.
fn printable(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

impl fmt::Display for Problems {
    /// A line each: `file:line: key: what is wrong, what is allowed`, in the file's order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list: Vec<&Problem> = self.list.iter().collect();
        list.sort();
        list.dedup();
        for (index, problem) in list.into_iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            self.write(problem, f)?;
        }
        Ok(())
    }
}
