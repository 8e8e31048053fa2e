//! What is allowed but unwise; `check` and `doctor` show it.

use super::settings::{Export, Settings};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Warnings about the configuration that was read from `path`, a sentence each.
pub(crate) fn warnings(path: &Path, settings: &Settings) -> Vec<String> {
    readable_secrets(path, &settings.export).into_iter().chain(bare_headers(&settings.export)).collect()
}

fn destinations(export: &Export) -> impl Iterator<Item = (&'static str, &super::Destination)> {
    let all = [("traces", &export.traces), ("logs", &export.logs), ("metrics", &export.metrics)];
    all.into_iter().filter_map(|(signal, destination)| Some((signal, destination.as_ref()?)))
}

/// Headers hold tokens: a file that others can read gives them away.
fn readable_secrets(path: &Path, export: &Export) -> Option<String> {
    let secret = destinations(export)
        .flat_map(|(_, to)| &to.transport.headers)
        .any(|(_, value)| !value.starts_with("file:"));
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (secret && mode & 0o077 != 0).then(|| {
        format!(
            "{} holds header values and others can read it (mode {:o}); run: chmod 600 {0}",
            path.display(),
            mode & 0o777
        )
    })
}

fn bare_headers(export: &Export) -> Vec<String> {
    let bare = |(signal, to): (&str, &super::Destination)| {
        let uri: http::Uri = to.transport.url.parse().ok()?;
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let loopback =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let open = uri.scheme_str() == Some("http") && !loopback && !to.transport.headers.is_empty();
        open.then(|| {
            format!("export.{signal}: headers go to {host} over http://, readable on the way; use https://")
        })
    };
    destinations(export).filter_map(bare).collect()
}
