//! Mistakes in the configuration, collected so that all are shown at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    /// The line in the file, from 1; 0 where there is none (environment, defaults).
    line: usize,
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
        problems.add(0, "", message);
        problems
    }

    pub(crate) fn add(&mut self, line: usize, key: &str, message: impl Into<String>) {
        self.list.push(Problem { line, key: key.to_owned(), message: message.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl fmt::Display for Problems {
    /// A line each: `file:line: key: what is wrong, what is allowed`, in the file's order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = self.list.clone();
        list.sort();
        list.dedup();
        for (index, problem) in list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.path.display())?;
            if problem.line > 0 {
                write!(f, ":{}", problem.line)?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}
