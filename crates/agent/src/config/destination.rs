//! Where one signal goes, and how: `[export]` with the signal's own section laid over it.

use super::kind::Value;
use super::problem::Problems;
use super::written::{Found, Written, default_of};
use exporter::transport::{self, Compression, Protocol, Proxy, ProxyEnvironment, Signal, TlsFiles};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One signal's way out.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// Endpoint, protocol, headers, TLS, proxy.
    pub(crate) transport: transport::Settings,
    pub(crate) max_delay: Duration,
    /// Bytes, encoded, before compression.
    pub(crate) max_request: u64,
}

/// What one signal's keys say: its own first, then those of `[export]`, then defaults.
struct View<'w> {
    written: &'w Written,
    signal: &'static str,
    proxies: &'w ProxyEnvironment,
}

impl View<'_> {
    fn found(&self, rest: &str) -> Option<&Found> {
        let values = &self.written.values;
        values
            .get(&format!("export.{}.{rest}", self.signal))
            .or_else(|| values.get(&format!("export.{rest}")))
    }

    fn value(&self, rest: &str) -> Option<Value> {
        self.found(rest).map(|found| found.value.clone()).or_else(|| default_of(&format!("export.{rest}")))
    }

    fn line(&self, rest: &str) -> usize {
        self.found(rest).map_or(0, |found| found.line)
    }

    fn text(&self, rest: &str) -> Option<String> {
        match self.value(rest)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn duration(&self, rest: &str) -> Duration {
        match self.value(rest) {
            Some(Value::Duration(duration)) => duration,
            _ => Duration::ZERO,
        }
    }

    fn path(&self, rest: &str) -> Option<PathBuf> {
        self.text(rest).map(PathBuf::from)
    }

    fn transport(&self, signal: Signal) -> transport::Settings {
        let protocol = self.protocol();
        transport::Settings {
            signal,
            url: self.url(protocol),
            protocol,
            compression: match self.text("compression").as_deref() {
                Some("none") => Compression::None,
                Some("zstd") => Compression::Zstd,
                _ => Compression::Gzip,
            },
            timeout: self.duration("timeout"),
            headers: match self.value("headers") {
                Some(Value::Map(headers)) => headers,
                _ => Vec::new(),
            },
            tls: TlsFiles {
                ca_file: self.path("tls.ca_file"),
                cert_file: self.path("tls.cert_file"),
                key_file: self.path("tls.key_file"),
                server_name: self.text("tls.server_name"),
            },
            proxy: match self.text("proxy") {
                Some(url) => Proxy::Url(url),
                None => Proxy::Environment(self.proxies.clone()),
            },
        }
    }

    fn protocol(&self) -> Protocol {
        match self.text("protocol").as_deref() {
            Some("grpc") => Protocol::Grpc,
            Some("http/json") => Protocol::HttpJson,
            _ => Protocol::HttpProtobuf,
        }
    }

    /// The URL: the signal's own as it is; the general one with the signal's path; the default for the protocol.
    fn url(&self, protocol: Protocol) -> String {
        let values = &self.written.values;
        let text = |path: String| match values.get(&path).map(|found| &found.value) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let own = text(format!("export.{}.endpoint", self.signal));
        let general = text("export.endpoint".to_owned());
        match (own, general, protocol) {
            (Some(url), _, Protocol::Grpc) | (None, Some(url), Protocol::Grpc) => with_port(&url, 4317),
            (None, None, Protocol::Grpc) => "http://127.0.0.1:4317".to_owned(),
            (Some(url), _, _) => url,
            (None, url, _) => {
                let base = url.or_else(|| self.text("endpoint")).unwrap_or_default();
                format!("{}/v1/{}", base.trim_end_matches('/'), self.signal)
            }
        }
    }
}

/// `url` with `port` where it names none.
fn with_port(url: &str, port: u16) -> String {
    let Ok(uri) = url.parse::<http::Uri>() else { return url.to_owned() };
    match (uri.scheme_str(), uri.host(), uri.port_u16()) {
        (Some(scheme), Some(host), None) => {
            format!("{scheme}://{host}:{port}{}", uri.path().trim_end_matches('/'))
        }
        _ => url.to_owned(),
    }
}

/// The way out of `signal`, or `None` where the configuration leaves it out.
pub(super) fn resolve(
    written: &Written,
    signal: Signal,
    proxies: &ProxyEnvironment,
    problems: &mut Problems,
) -> Option<Destination> {
    let view = View { written, signal: name(signal), proxies };
    let off = written.values.get(&format!("export.{}.enabled", view.signal));
    if off.is_some_and(|found| found.value == Value::Bool(false)) {
        return None;
    }
    let destination = Destination {
        transport: view.transport(signal),
        max_delay: view.duration("max_delay"),
        max_request: match view.value("max_request") {
            Some(Value::Number(bytes)) => bytes,
            _ => 0,
        },
    };
    check(&view, &destination.transport, problems);
    Some(destination)
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "traces",
        Signal::Logs => "logs",
        Signal::Metrics => "metrics",
    }
}

/// What one key says about another.
fn check(view: &View<'_>, transport: &transport::Settings, problems: &mut Problems) {
    check_headers(view, transport, problems);
    let tls = &transport.tls;
    for (rest, file) in
        [("tls.ca_file", &tls.ca_file), ("tls.cert_file", &tls.cert_file), ("tls.key_file", &tls.key_file)]
    {
        if let Some(path) = file.as_ref().filter(|path| !path.is_file()) {
            problems.add(
                view.line(rest),
                &format!("export.{rest}"),
                format!("{} is no file", path.display()),
            );
        }
    }
    match (&tls.cert_file, &tls.key_file) {
        (Some(_), None) => {
            problems.add(view.line("tls.cert_file"), "export.tls.cert_file", "needs key_file beside it")
        }
        (None, Some(_)) => {
            problems.add(view.line("tls.key_file"), "export.tls.key_file", "needs cert_file beside it")
        }
        _ => {}
    }
}

fn check_headers(view: &View<'_>, transport: &transport::Settings, problems: &mut Problems) {
    let line = view.line("headers");
    for (name, value) in &transport.headers {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            problems.add(line, "export.headers", format!("{name:?} is no name of a header"));
        }
        let problem = match value.strip_prefix("file:") {
            Some(file) if !Path::new(file).is_file() => Some(format!("of {name}: {file} is no file")),
            Some(_) => None,
            None if http::HeaderValue::from_str(value).is_err() => {
                Some(format!("of {name}: the value has characters that a header may not have"))
            }
            None => None,
        };
        if let Some(problem) = problem {
            problems.add(line, "export.headers", problem);
        }
    }
}
