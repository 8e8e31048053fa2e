//! What is allowed but unwise; `check` and `doctor` show it.

use super::destination::Destination;
use super::settings::{Export, Settings};
use exporter::transport::Protocol;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Warnings about the configuration that was read from `path`, a sentence each.
pub(crate) fn warnings(path: &Path, settings: &Settings) -> Vec<String> {
    let secrets = secret_files(path, settings).into_iter().filter_map(|file| readable_secret(&file));
    let ways = destinations(&settings.export).flat_map(|(signal, to)| way(signal, to));
    let mut all: Vec<String> =
        secrets.chain(ways).chain(sources(settings)).chain(open_ports(settings)).collect();
    all.dedup();
    all
}

fn destinations(export: &Export) -> impl Iterator<Item = (&'static str, &Destination)> {
    let all = [("traces", &export.traces), ("logs", &export.logs), ("metrics", &export.metrics)];
    all.into_iter().filter_map(|(signal, destination)| Some((signal, destination.as_ref()?)))
}

/// The files that hold secrets: headers hold tokens, a proxy's URL may hold a password.
fn secret_files(path: &Path, settings: &Settings) -> Vec<PathBuf> {
    let own = settings.secrets_in_file.then(|| path.to_path_buf());
    let named = destinations(&settings.export).flat_map(|(_, to)| {
        let headers = to.transport.headers.iter().filter_map(|(_, value)| value.strip_prefix("file:"));
        headers.map(PathBuf::from).chain(to.transport.tls.key_file.clone())
    });
    let mut files: Vec<PathBuf> = own.into_iter().chain(named).collect();
    files.sort();
    files.dedup();
    files
}

/// A file that others can read gives its secrets away.
fn readable_secret(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let path = path.display();
    (mode & 0o077 != 0).then(|| {
        format!("{path} holds secrets and others can read it (mode {mode:o}); run: chmod 600 {path}")
    })
}

fn way(signal: &str, to: &Destination) -> Vec<String> {
    let Ok(uri) = to.transport.url.parse::<http::Uri>() else { return Vec::new() };
    let found = [bare_headers(&uri, to), idle_tls(&uri, to), odd_port(&uri, to), odd_path(&uri, signal, to)];
    found.into_iter().flatten().map(|found| format!("export.{signal}: {found}")).collect()
}

fn bare_headers(uri: &http::Uri, to: &Destination) -> Option<String> {
    let host = uri.host()?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let open = uri.scheme_str() == Some("http") && !loopback && !to.transport.headers.is_empty();
    open.then(|| format!("headers go to {host} over http://, readable on the way; use https://"))
}

fn idle_tls(uri: &http::Uri, to: &Destination) -> Option<String> {
    let set = to.transport.tls != exporter::transport::TlsFiles::default();
    (set && uri.scheme_str() == Some("http"))
        .then(|| format!("the keys of tls have no effect, as {} is not https://", to.transport.url))
}

/// The registered ports: 4317 for gRPC, 4318 for HTTP.
fn odd_port(uri: &http::Uri, to: &Destination) -> Option<String> {
    match (uri.port_u16()?, to.transport.protocol) {
        (4317, Protocol::HttpProtobuf | Protocol::HttpJson) => {
            Some("port 4317 usually speaks grpc; set protocol = \"grpc\", or use port 4318".to_owned())
        }
        (4318, Protocol::Grpc) => Some(
            "port 4318 usually speaks http/protobuf, not grpc; use port 4317, or another protocol".to_owned(),
        ),
        _ => None,
    }
}

fn odd_path(uri: &http::Uri, signal: &str, to: &Destination) -> Option<String> {
    let bare = uri.path() == "/" && to.transport.protocol != Protocol::Grpc;
    bare.then(|| {
        let url = to.transport.url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        format!("{url} is used as it is, without a path; did you mean {url}/v1/{signal}?")
    })
}

/// dom0 is to have no open port: the metrics name the host's files, and anybody could send spans.
fn open_ports(settings: &Settings) -> impl Iterator<Item = String> {
    let ports = [("telemetry.prometheus", settings.telemetry.prometheus), ("zipkin.listen", settings.zipkin)];
    ports.into_iter().filter_map(|(key, address)| {
        let address = address.filter(|address| !address.ip().is_loopback())?;
        Some(format!(
            "{key}: {address} is open to the network, without encryption or password; 127.0.0.1 is not"
        ))
    })
}

fn sources(settings: &Settings) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(traces) = settings.traces.as_ref().filter(|traces| traces.directory.is_file()) {
        all.push(format!("traces.directory: {} is a file", traces.directory.display()));
    }
    for log in settings.logs.iter().filter(|log| log.path.is_dir()) {
        all.push(format!("logs[].path: {} is a directory; expected a file", log.path.display()));
    }
    for (name, format) in [("SMlog", "smlog"), ("audit.log", "audit")] {
        let named = |path: &Path| path.file_name().is_some_and(|file| file == name);
        let mut logs = settings.logs.iter();
        if let Some(log) = logs.find(|log| named(&log.path) && log.format == "xensource") {
            all.push(format!("logs[].format: {} is usually in format {format:?}", log.path.display()));
        }
    }
    if settings.traces.is_none() && settings.logs.is_empty() {
        all.push("nothing is read: traces.enabled is false, and there are no [[logs]]".to_owned());
    }
    if settings.export.traces.is_none() && settings.export.logs.is_none() {
        all.push("nothing is sent: export.traces.enabled and export.logs.enabled are false".to_owned());
    }
    all
}
