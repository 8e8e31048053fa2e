//! Endpoints and proxies as text: what is wrong with one, and what was likely meant.
//!
//! No message shows a text with an `@`, for what stands before it is a password, nor a query, which may be a token.

use http::Uri;

/// A URL as messages show it: quoted, without its query.
pub(super) fn shown(text: &str) -> String {
    match text.split_once(['?', '#']) {
        Some((before, _)) => format!("{:?}", format!("{before}?…")),
        None => format!("{text:?}"),
    }
}

/// Checks the URL of an endpoint.
///
/// # Errors
/// What is wrong, for the one who wrote it.
pub(super) fn check_endpoint(text: &str) -> Result<(), String> {
    if text.contains('@') {
        return Err("a user name or password belongs into headers, as Authorization".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else { return Err(without_scheme(text)) };
    if !matches!(scheme, "http" | "https") {
        let meant = if scheme.starts_with("grpc") { ", with protocol = \"grpc\"" } else { "" };
        return Err(format!("{} does not begin with http:// or https://{meant}", shown(text)));
    }
    if rest.contains('#') {
        return Err(format!("{} has a \"#\" in it, which no server would see", shown(text)));
    }
    match text.parse::<Uri>() {
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => check_port(text, &uri),
        _ => Err(format!("{} is no URL such as \"http://host:4318\" or \"https://host/path\"", shown(text))),
    }
}

fn without_scheme(text: &str) -> String {
    let meant = format!("http://{text}");
    let is_url = meant.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let hint = if is_url { format!("; did you mean {}?", shown(&meant)) } else { String::new() };
    format!("{} does not begin with http:// or https://{hint}", shown(text))
}

/// `http::Uri` takes any digits for a port, and none.
fn check_port(text: &str, uri: &Uri) -> Result<(), String> {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let behind_host = authority.rsplit(']').next().unwrap_or_default();
    match behind_host.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port != 0) => Ok(()),
        Some((_, port)) => Err(format!("{} has {port:?} where a port from 1 to 65535 belongs", shown(text))),
        None => Ok(()),
    }
}

/// Checks the address of a proxy: `http://host:port`, perhaps with `user:password@` before the host.
///
/// # Errors
/// What is wrong, for the one who wrote it.
pub(super) fn check_proxy(text: &str) -> Result<(), String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let place = rest.rsplit('@').next().unwrap_or_default();
    if scheme != "http" {
        return Err(format!("\"{scheme}://{place}\" is no proxy that is spoken to over http://"));
    }
    check_endpoint(&format!("http://{place}")).map_err(|_| format!("{place:?} is no address of a proxy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_apart_from_what_is_none() {
        let good = ["http://h", "https://h:4318", "http://[::1]:4318", "http://10.0.0.1/otlp/v1/logs?x=y"];
        for text in good {
            assert_eq!(check_endpoint(text), Ok(()), "{text}");
        }
        let bad = [
            ("localhost:4317", "did you mean \"http://localhost:4317\"?"),
            ("collector", "did you mean \"http://collector\"?"),
            ("", "does not begin with http://"),
            ("/v1/traces", "\"/v1/traces\" does not begin with http:// or https://"),
            ("grpc://h:4317", "with protocol = \"grpc\""),
            ("tcp://h:4317", "does not begin with http://"),
            ("http://", "is no URL"),
            ("http:// h", "is no URL"),
            ("http://h:99999", "a port from 1 to 65535"),
            ("http://h:", "a port from 1 to 65535"),
            ("http://h:0", "a port from 1 to 65535"),
            ("http://h/#logs", "\"#\""),
        ];
        for (text, said) in bad {
            let found = check_endpoint(text).unwrap_err();
            assert!(found.contains(said), "{text}: {found}");
        }
    }

    #[test]
    fn passwords_are_not_repeated() {
        for text in ["http://me:hunter2@h", "me:hunter2@h:4318", "ftp://me:hunter2@h"] {
            assert!(!check_endpoint(text).unwrap_err().contains("hunter2"), "{text}");
        }
        for text in ["socks5://me:hunter2@h", "http://me:hunter2@h:port", "http://me:hunter2@"] {
            assert!(!check_proxy(text).unwrap_err().contains("hunter2"), "{text}");
        }
        for text in [
            "h:4318/?token=hunter2",
            "grpc://h:4317?token=hunter2",
            "http://h/?token=hunter2#x",
            "http:// h?token=hunter2",
            "http://h:0?token=hunter2",
            "?token=hunter2",
        ] {
            assert!(!check_endpoint(text).unwrap_err().contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn proxies_may_have_a_password_and_no_scheme() {
        for text in ["http://proxy:3128", "proxy:3128", "http://me:hunter2@proxy:3128"] {
            assert_eq!(check_proxy(text), Ok(()), "{text}");
        }
        for text in ["https://proxy:3128", "socks5://proxy:1080", "", "http://"] {
            assert!(check_proxy(text).is_err(), "{text}");
        }
    }
}
