//! The names of trace files.
//!
//! `<service>-<host uuid>-<time>.ndjson` from the OCaml services (xen-api `ocaml/libs/tracing/tracing_export.ml`,
//! `make_file_name`), `<service>-<host uuid>-<tracestate>-<time>.ndjson` from Python (`observer.py`); `.json` before
//! v23.30.0; `.zst` appended once compressed. Service names hold hyphens, so a name is read from the right.

use chrono::DateTime;
use model::Uuid;

/// What a trace file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName<'a> {
    /// The service, as in its spans.
    pub service: &'a str,
    /// The host; `None` where it was not known yet (`localhost`).
    pub host: Option<Uuid>,
    /// When the file was made, in microseconds since the epoch.
    pub created_unix_micros: u64,
}

/// Reads the last component of a trace file's path; `None` if it is no such name.
#[must_use]
pub fn file_name(name: &str) -> Option<FileName<'_>> {
    let name = name.strip_suffix(".zst").unwrap_or(name);
    let stem = name.strip_suffix(".ndjson").or_else(|| name.strip_suffix(".json"))?;
    let (rest, created_unix_micros) = split_time(stem)?;
    let (service, host) = split_host(rest)?;
    (!service.is_empty()).then_some(FileName { service, host, created_unix_micros })
}

/// Splits `…-2026-02-19T20:46:15.393923-00:00` before the hyphen that the time follows.
fn split_time(stem: &str) -> Option<(&str, u64)> {
    let date_at = stem.rfind('T')?.checked_sub("2026-02-19".len())?;
    let time = DateTime::parse_from_rfc3339(stem.get(date_at..)?).ok()?;
    let rest = stem.get(..date_at)?.strip_suffix('-')?;
    Some((rest, u64::try_from(time.timestamp_micros()).ok()?))
}

/// Splits off the host, and a trace state behind it.
fn split_host(rest: &str) -> Option<(&str, Option<Uuid>)> {
    const LENGTH: usize = 36;
    for (hyphen, _) in rest.rmatch_indices('-') {
        let behind = rest.get(hyphen + 1..)?;
        let ends = behind.len() == LENGTH || behind.as_bytes().get(LENGTH) == Some(&b'-');
        let uuid = behind.get(..LENGTH).filter(|_| ends).and_then(Uuid::parse);
        if uuid.is_some() {
            return Some((rest.get(..hyphen)?, uuid));
        }
    }
    rest.strip_suffix("-localhost").map(|service| (service, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "6e7e2f49-3168-465e-a22c-93f68f1c31ab";

    fn check(name: &str, service: &str, host: Option<&str>, created: u64) {
        let expected = FileName { service, host: host.and_then(Uuid::parse), created_unix_micros: created };
        assert_eq!(file_name(name), Some(expected), "{name}");
    }

    #[test]
    fn names_are_read_from_the_right() {
        let time = 1_771_533_975_393_923;
        for end in [".ndjson", ".ndjson.zst", ".json", ".json.zst"] {
            check(&format!("xapi-{HOST}-2026-02-19T20:46:15.393923-00:00{end}"), "xapi", Some(HOST), time);
        }
        let clusterd = format!("xapi-clusterd-{HOST}-2026-02-19T20:46:15.393923Z.ndjson");
        check(&clusterd, "xapi-clusterd", Some(HOST), time);
        let smapi = format!("smapi-{HOST}-unknown-2026-02-19T20:46:15.393923+00:00.ndjson");
        check(&smapi, "smapi", Some(HOST), time);
        let state = format!("smapi-{HOST}-a=b-c-2026-02-19T20:46:15+00:00.ndjson");
        check(&state, "smapi", Some(HOST), 1_771_533_975_000_000);
        check("xapi-localhost-2026-02-19T20:46:15.393923-00:00.ndjson", "xapi", None, time);
    }

    #[test]
    fn other_names_are_none() {
        let at = "2026-02-19T20:46:15.393923-00:00";
        for name in [
            "",
            "x.ndjson",
            "xensource.log",
            &format!("xapi-{HOST}-{at}"),
            &format!("xapi-{HOST}.ndjson"),
            &format!("{HOST}-{at}.ndjson"),
            &format!("-{HOST}-{at}.ndjson"),
            &format!("xapi-{HOST}-2026-13-19T20:46:15-00:00.ndjson"),
            "é-2026-02-1T9.ndjson",
        ] {
            assert_eq!(file_name(name), None, "{name}");
        }
    }
}
