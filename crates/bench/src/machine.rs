//! What was measured, where and when.

use crate::Result;
use crate::options::Options;
use std::fmt::Write as _;

/// A paragraph: date, machine, sizes, command.
pub(crate) fn describe(options: &Options) -> Result<String> {
    let size = std::fs::metadata(&options.binary)
        .map_err(|error| {
            format!("{}: {error} (cargo build --profile dist -p xapi-observer)", options.binary.display())
        })?
        .len();
    let mut text = String::new();
    writeln!(
        text,
        "Measured on {} with {}, {} processors, Linux {}; binary of {} bytes; medians of {}; size {} of the full one.",
        date(),
        processor(),
        std::thread::available_parallelism()?,
        kernel(),
        size,
        options.runs,
        options.scale,
    )?;
    Ok(text)
}

fn date() -> String {
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// Days since 1970 as a date of the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (month, day) =
        (if shifted < 10 { shifted + 3 } else { shifted - 9 }, day_of_year - (153 * shifted + 2) / 5 + 1);
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "an unnamed processor".to_owned(), |(_, name)| name.trim().to_owned())
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn dates() {
        for (days, date) in [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (20_453, (2025, 12, 31))] {
            assert_eq!(civil(days), date, "{days}");
        }
    }
}
