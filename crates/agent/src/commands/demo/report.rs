//! A sample status report, for those who have none at hand.

use crate::cli::Failure;
use std::path::Path;
use testkit::samples;

/// Writes it; gives what to do with it.
///
/// # Errors
/// What the disk says.
pub(super) fn write(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Running(format!("{}: {error}", path.display()));
    let folder = tempfile::tempdir().map_err(failed)?;
    let pool = samples::pool(folder.path()).map_err(failed)?;
    samples::zip_of_reports(pool.hosts(), path).map_err(failed)?;
    let (calls, failures) = samples::CALLS;
    let path = path.display();
    Ok(format!(
        "\
Written: {path}, the status reports of {} hosts of a pool that is played: {calls} operations over a New Year, {failures} of
them failed. To look at it:
  xapi-observer show {path} --errors
  xapi-observer show {path} --html report.html
  xapi-observer import {path} --shift-to-now --endpoint http://127.0.0.1:4318
",
        pool.hosts().len()
    ))
}
