//! The reference of all keys, made from the table of keys.

use super::environment::EXPORT;
use super::keys::{KEYS, Key};
use super::kind::Kind;
use super::units::{show_duration, show_size};
use std::fmt::Write as _;

const HEAD: &str = r#"<!-- Made from crates/agent/src/config/keys.rs: UPDATE_DOCS=1 cargo test -p xapi-observer config -->

# Configuration

The agent reads `/etc/xapi-observer/xapi-observer.toml`, or the file that `--config` names. The default file may be
absent, a named one may not. It is [TOML](https://toml.io); every key has a default, so an empty file is valid.

```sh
xapi-observer check                      # lists every mistake; 0: good, 2: not
xapi-observer check --sample             # prints every key with its default
systemctl reload xapi-observer           # SIGHUP: reads it again
```

- All keys can be changed by a reload. A bad file is refused, and the agent goes on with the one it has.
- A key that is not in the tables below is an error. Nothing is accepted and ignored.
- All mistakes are listed at once: `xapi-observer.toml:12: limits.memory: 64 has no unit; expected a size from …`
- Certificates, keys and header files that are renewed are used without a restart or reload.

**Values.** A duration is a whole number and a unit, `"500ms"`, `"30s"`, `"10m"`, `"2h"`, `"6d"`. A size is one with `B`, `KiB`,
`MiB`, `GiB` (1024) or `kB`, `MB`, `GB` (1000): `"64KiB"`. In a glob `*` stands for any text and `?` for one character. Regular
expressions are those of the [regex crate](https://docs.rs/regex/latest/regex/#syntax); write them in single quotes, where
TOML leaves backslashes alone. Of Unicode they know letters, case and general categories (`\p{Lu}`), but no scripts.
"#;

/// What stands before or behind a section's table.
const NOTES: [(&str, &str); 4] = [
    (
        "logs[]",
        "\
One `[[logs]]` for each file. Without any, `/var/log/xensource.log` is read; a list of your own replaces that, and `logs =
[]` reads none. Rotated and compressed siblings (`.1`, `.2.gz`, `-20260219`) belong to the log and are read to their end
after a rotation, but not if they are older than the agent's first start.

| format | lines | taken out of them |
|---|---|---|
| `xensource` | a syslog header, then XAPI's bracket; lines of other programs between are read as `syslog` | all that [mapping.md](mapping.md) lists |
| `audit` | the same, with a time in the bracket | the same, with milliseconds |
| `smlog` | a syslog header, then `[pid] text` or `[pid] - LEVEL - text` | process, level |
| `syslog` | a syslog header and text | program, process; a bracket where there is one |
| `regex` | what `pattern` matches | the groups `time`, `severity`, `body`, `trace_id`, `span_id`; other groups become attributes of their name. A line that does not match is shipped whole, as text |

A syslog header is `Jan  2 15:04:05 host program[pid]: ` or the same with an RFC 3339 time. `time` of a `regex` may be either, or
seconds since 1970. `drop` is tried on the whole line as `grep` would; `min_severity` lets lines without a level pass.
",
    ),
    (
        "export",
        "\
For `http/protobuf` and `http/json` the endpoint is where OTLP begins: `/v1/traces` and so on are appended. Loki's is
`http://loki:3100/otlp`. Header values may be secrets: keep the file at mode 0600, or write `\"file:/path\"`. `check` warns of
files with secrets that others can read, and of headers that go over `http://` to another host. Redirects are not
followed.
",
    ),
    (
        "redact",
        "\
What is redacted without any pattern is in [mapping.md](mapping.md#redaction). A pattern's whole match is replaced. Patterns make
the agent look closely at every text: a few cost little, dozens show.
",
    ),
    (
        "limits",
        "\
`memory` is shared: half for joining, an eighth for each signal's requests, the rest for reading. A request is at most a
quarter of its signal's share, whatever `max_request` says: 1 MiB of the default 32 MiB.
",
    ),
];

const SIGNALS: &str = r#"
## One signal alone

`[export.traces]`, `[export.logs]` and `[export.metrics]` take all keys of `[export]` and, as `[export.logs.tls]`, of
`[export.tls]`; each wins over the general one for its signal. Two things are different:

| key | takes | default | meaning |
|---|---|---|---|
| `endpoint` | URL | `[export]`'s, with `/v1/<signal>` | used as it is: write the whole path. With `grpc` the path does not matter |
| `enabled` | `true`, `false` | `true` | `false` leaves the signal out. Trace files are read all the same, for the lines' sake, unless `traces.enabled` is false |

`[export.metrics]` is for the agent's own metrics ([telemetry.md](telemetry.md)). Where traces and logs have endpoints of their
own and neither `[export]` nor `[export.metrics]` names one, they are not sent.

```toml
[export.traces]
endpoint = "http://tempo:4318/v1/traces"

[export.logs]
endpoint = "http://loki:3100/otlp/v1/logs"
headers  = { "X-Scope-OrgID" = "dom0" }
```

## Environment

OpenTelemetry's variables fill what the file leaves unset; an empty one counts as unset. `OTEL_EXPORTER_OTLP_TRACES_…`,
`…_LOGS_…` and `…_METRICS_…` do so for one signal, unless the file has the general key.

| variable | key | note |
|---|---|---|
"#;

const ENVIRONMENT: &str = "\
| `OTEL_EXPORTER_OTLP_INSECURE` | – | an `ENDPOINT` for `grpc` may be `host:port` alone: `true` means `http://`, else `https://` |
| `OTEL_RESOURCE_ATTRIBUTES` | `resource.attributes` | `a=1,b=2`, percent-encoded; those of the file win; `service.name` is passed over |
| `OTEL_SERVICE_NAME` | – | the `service.name` of the agent's own metrics; never that of a span or a line |
| `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` | `export.proxy` | as curl understands them; small letters do, too |
| `MALLOC_…`, `GLIBC_TUNABLES` | – | of glibc's allocator: `run` sets `MALLOC_ARENA_MAX=1` and two others for less memory, unless one is set |
";

/// `docs/configuration.md`.
pub(super) fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for key in KEYS {
        let (own, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if own != section {
            open_section(&mut text, own);
            section = own;
        }
        row(&mut text, name, key);
    }
    text.push_str(SIGNALS);
    for (suffix, key) in EXPORT {
        let note = variable_note(suffix);
        let _ = writeln!(text, "| `OTEL_EXPORTER_OTLP_{suffix}` | `export.{key}` | {note} |");
    }
    text.push_str(ENVIRONMENT);
    text
}

fn variable_note(suffix: &str) -> &'static str {
    match suffix {
        "HEADERS" => "`a=1,b=2`, values percent-encoded",
        "TIMEOUT" => "milliseconds, without a unit",
        _ => "",
    }
}

fn open_section(text: &mut String, section: &str) {
    let title = match section.strip_suffix("[]") {
        Some(array) => format!("[[{array}]]"),
        None => format!("[{section}]"),
    };
    let _ = write!(text, "\n## `{title}`\n\n");
    if let Some((_, note)) = NOTES.iter().find(|(name, _)| *name == section) {
        let _ = writeln!(text, "{note}");
    }
    text.push_str("| key | takes | default | meaning |\n|---|---|---|---|\n");
}

fn row(text: &mut String, name: &str, key: &Key) {
    let default = match key.default {
        Ok(default) => format!("`{default}`"),
        Err(example) => format!("none; e.g. `{example}`"),
    };
    let cells = [takes(key.kind), default, key.doc.to_owned()].map(|cell| cell.replace('|', "\\|"));
    let _ = writeln!(text, "| `{name}` | {} |", cells.join(" | "));
}

fn takes(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true`, `false`".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Path => "absolute path".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Proxy => "`http://` address".to_owned(),
        Kind::Zone => "IANA time zone".to_owned(),
        Kind::Address => "IP address and port".to_owned(),
        Kind::Duration { min, max } => format!("duration, {} to {}", show_duration(min), show_duration(max)),
        Kind::Size { min, max } => format!("size, {} to {}", show_size(min), show_size(max)),
        Kind::Count { min, max } => format!("number, {min} to {max}"),
        Kind::OneOf(allowed) => {
            let quoted: Vec<String> = allowed.iter().map(|text| format!("`{text:?}`")).collect();
            quoted.join(", ")
        }
        Kind::Pattern => "regular expression".to_owned(),
        Kind::Patterns => "list of regular expressions".to_owned(),
        Kind::Globs => "list of globs".to_owned(),
        Kind::Map => "table of texts".to_owned(),
    }
}
