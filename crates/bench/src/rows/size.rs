//! The binary, as it is shipped.

use super::{MEGABYTE, float};
use crate::Result;
use crate::options::Options;
use crate::report::Report;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let size = std::fs::metadata(&options.binary)?.len();
    report.at_most("binary, stripped", float(size) / float(MEGABYTE), 8.0, "MB");
    Ok(())
}
