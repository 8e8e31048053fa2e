//! Which lines are not shipped.
//!
//! Promises: the answer names the rule, so that what is left out can be counted by rule. A line that is left out is
//! read like any other, and its evidence counts.

use super::parts::Parts;
use crate::glob::Glob;
use model::Severity;
use regex::bytes::{Regex, RegexSet};
use std::fmt;

/// The rule by which a line is not shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropRule {
    /// It is below `min_severity`.
    MinSeverity,
    /// It matches this one of `drop`, counted from 0.
    Pattern(usize),
    /// Its module fits this one of `drop_modules`, counted from 0.
    Module(usize),
}

/// Why one of `drop` is no regular expression.
#[derive(Clone, Debug)]
pub struct PatternError {
    /// Which one, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub source: regex::Error,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "drop[{}] is no regular expression", self.index)
    }
}

impl std::error::Error for PatternError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The rules of one log. The default drops nothing.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    min_severity: Option<Severity>,
    patterns: RegexSet,
    modules: Vec<Glob>,
}

impl Filters {
    /// Makes the rules. The expressions of `drop` are tried on the whole line as it stands in the file, so that
    /// what `grep` finds is what is dropped. A line without a level is never below `min_severity`.
    ///
    /// # Errors
    /// The first of `drop` that is no regular expression, or the last if all are too large together.
    pub fn new(
        min_severity: Option<Severity>,
        drop: &[impl AsRef<str>],
        drop_modules: &[impl AsRef<str>],
    ) -> Result<Self, PatternError> {
        for (index, pattern) in drop.iter().enumerate() {
            Regex::new(pattern.as_ref()).map_err(|source| PatternError { index, source })?;
        }
        let last = drop.len().saturating_sub(1);
        let patterns = RegexSet::new(drop).map_err(|source| PatternError { index: last, source })?;
        let modules = drop_modules.iter().map(|glob| Glob::new(glob.as_ref())).collect();
        Ok(Self { min_severity, patterns, modules })
    }

    /// The first rule that leaves the line out.
    pub(crate) fn rule(
        &self,
        parts: &Parts<'_>,
        severity: Option<Severity>,
        line: &[u8],
    ) -> Option<DropRule> {
        self.below(severity).or_else(|| self.module(parts.module)).or_else(|| self.pattern(line))
    }

    fn below(&self, severity: Option<Severity>) -> Option<DropRule> {
        let below = severity.zip(self.min_severity).is_some_and(|(severity, least)| severity < least);
        below.then_some(DropRule::MinSeverity)
    }

    fn module(&self, module: &str) -> Option<DropRule> {
        if module.is_empty() {
            return None;
        }
        self.modules.iter().position(|glob| glob.matches(module)).map(DropRule::Module)
    }

    fn pattern(&self, line: &[u8]) -> Option<DropRule> {
        if self.patterns.is_empty() {
            return None;
        }
        self.patterns.matches(line).iter().next().map(DropRule::Pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(module: &'static str, severity: Option<Severity>, line: &str, expected: Option<DropRule>) {
        let rules =
            Filters::new(Some(Severity::Info), &["stunnel start$", r"\bnoise\b"], &["http*", "db"]).unwrap();
        let parts = Parts { module, ..Parts::default() };
        assert_eq!(rules.rule(&parts, severity, line.as_bytes()), expected, "{module} {line}");
    }

    #[test]
    fn rules() {
        check("xapi", Some(Severity::Info), "text", None);
        check("xapi", Some(Severity::Debug), "text", Some(DropRule::MinSeverity));
        check("xapi", None, "text", None);
        check("httpd", Some(Severity::Error), "text", Some(DropRule::Module(0)));
        check("db", None, "text", Some(DropRule::Module(1)));
        check("db_write", None, "x: stunnel start", Some(DropRule::Pattern(0)));
        check("", None, "some noise here", Some(DropRule::Pattern(1)));
    }

    #[test]
    fn mistakes_are_named() {
        let error = Filters::new(None, &["fine", "("], &[""; 0]).unwrap_err();
        assert_eq!(error.index, 1);
    }
}
