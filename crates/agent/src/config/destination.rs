//! Where one signal goes, and how: `[export]` with the signal's own section laid over it.

use super::kind::Value;
use super::problem::{Place, Problems};
use super::url::shown;
use super::written::{Found, Written, default_of};
use exporter::transport::{
    self, Compression, Protocol, Proxy, ProxyEnvironment, Signal, TlsFiles, Transport,
};
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
    /// The path under which a key counts: the signal's own if it is written, else the general one.
    fn key(&self, rest: &str) -> String {
        let own = format!("export.{}.{rest}", self.signal);
        if self.written.values.contains_key(&own) { own } else { format!("export.{rest}") }
    }

    fn found(&self, rest: &str) -> Option<&Found> {
        self.written.values.get(&self.key(rest))
    }

    fn value(&self, rest: &str) -> Option<Value> {
        self.found(rest).map(|found| found.value.clone()).or_else(|| default_of(&format!("export.{rest}")))
    }

    fn place(&self, rest: &str) -> Place {
        self.found(rest).map(|found| found.place.clone()).unwrap_or_default()
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

/// What one key says about another, and what the files say that they name.
fn check(view: &View<'_>, transport: &transport::Settings, problems: &mut Problems) {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    check_endpoint(view, transport.protocol, &mut found);
    check_headers(&transport.headers, &mut found);
    check_tls(&transport.tls, &mut found);
    if found.is_empty() {
        // It reads the files, too, and opens nothing.
        let error = Transport::new(transport).err();
        found.extend(error.map(|error| (error.key(), without_key(&error.to_string()))));
    }
    for (rest, message) in found {
        problems.add(&place(view, rest), &view.key(rest), message);
    }
}

/// A proxy that the configuration doesn't name is one of the environment's.
fn place(view: &View<'_>, rest: &str) -> Place {
    match view.place(rest) {
        Place::Nowhere if rest == "proxy" => {
            Place::Variable("HTTPS_PROXY, HTTP_PROXY or ALL_PROXY".to_owned())
        }
        place => place,
    }
}

/// The error's text behind the key that it begins with.
fn without_key(text: &str) -> String {
    text.split_once(": ").map_or(text, |(_, message)| message).to_owned()
}

/// The general endpoint gets each signal's path; what has one already, or a query, would end up nowhere.
fn check_endpoint(view: &View<'_>, protocol: Protocol, found: &mut Vec<(&'static str, String)>) {
    let general = view.written.values.get("export.endpoint").map(|found| &found.value);
    let is_general = view.key("endpoint") == "export.endpoint" && protocol != Protocol::Grpc;
    let Some(Value::Text(url)) = general.filter(|_| is_general) else { return };
    let path = url.trim_end_matches('/');
    if let Some(end) = ["/v1/traces", "/v1/logs", "/v1/metrics"].iter().find(|end| path.ends_with(**end)) {
        let message = format!(
            "{} ends in {end}, which is appended for each signal; leave it out here, or write the URL in the signal's own section",
            shown(url)
        );
        found.push(("endpoint", message));
    } else if url.contains('?') {
        let message = format!(
            "{} has a query, to which no path can be appended; write it in the signals' own sections",
            shown(url)
        );
        found.push(("endpoint", message));
    }
}

fn check_tls(tls: &TlsFiles, found: &mut Vec<(&'static str, String)>) {
    let files =
        [("tls.ca_file", &tls.ca_file), ("tls.cert_file", &tls.cert_file), ("tls.key_file", &tls.key_file)];
    for (rest, file) in files {
        if let Some(path) = file.as_ref().filter(|path| !path.is_file()) {
            found.push((rest, format!("{} is no file", path.display())));
        }
    }
    match (&tls.cert_file, &tls.key_file) {
        (Some(_), None) => found.push(("tls.cert_file", "needs key_file beside it".to_owned())),
        (None, Some(_)) => found.push(("tls.key_file", "needs cert_file beside it".to_owned())),
        _ => {}
    }
}

/// The part of a header's name that is none of its value: people write `"Name: value" = ""`.
fn name_alone(name: &str) -> &str {
    name.split([':', '=', ' ', '\t']).next().unwrap_or_default()
}

fn check_headers(headers: &[(String, String)], found: &mut Vec<(&'static str, String)>) {
    for (name, value) in headers {
        let message = if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            format!("{:?} is no name of a header", name_alone(name))
        } else if let Some(file) = value.strip_prefix("file:") {
            let is_there = file.starts_with('/') && Path::new(file).is_file();
            if is_there {
                continue;
            }
            format!("of {name}: {file} is no file; expected file: and an absolute path")
        } else if http::HeaderValue::from_str(value).is_err() {
            format!("of {name}: the value has characters that a header may not have")
        } else {
            continue;
        };
        found.push(("headers", message));
    }
}
