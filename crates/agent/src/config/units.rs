//! Durations and sizes as text: a whole number and a unit.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// `"90s"` as a duration.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let millis = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    number.checked_mul(millis).map(Duration::from_millis)
}

/// `"16MiB"` in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    number.checked_mul(SIZES.iter().find(|(name, _)| *name == unit)?.1)
}

/// Whether the text is a number and nothing else.
pub(crate) fn lacks_unit(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

/// The duration in its largest whole unit.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = |unit: u64| millis > 0 && millis.is_multiple_of(unit.into());
    match UNITS.iter().rev().find(|(_, unit)| fits(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / u128::from(*unit)),
        None => "0s".to_owned(),
    }
}

/// The size in its largest whole binary unit.
pub(crate) fn show_size(bytes: u64) -> String {
    let fits = |unit: u64| bytes >= unit && bytes.is_multiple_of(unit);
    match SIZES.iter().take(3).rev().find(|(_, unit)| fits(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read() {
        let durations = [
            ("500ms", 500),
            ("75s", 75_000),
            ("10m", 600_000),
            ("0s", 0),
            ("6d", 518_400_000),
            ("5184000000ms", 5_184_000_000),
        ];
        for (text, millis) in durations {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "-1s", "1.5s", "1 fortnight", "9999999999999d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        let sizes = [("64KiB", 65_536), ("4 MiB", 4 << 20), ("32 MB", 32_000_000), ("7B", 7)];
        for (text, bytes) in sizes {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["16", "16M", "16mib", "1.5MiB", "-1B", "99999999999GiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_and_sizes_show_in_their_largest_unit() {
        let cases = [(0, "0s"), (500, "500ms"), (75_000, "75s"), (600_000, "10m"), (518_400_000, "6d")];
        for (millis, text) in cases {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(show_size(32 << 20), "32MiB");
        assert_eq!(show_size(1000), "1000B");
    }
}
