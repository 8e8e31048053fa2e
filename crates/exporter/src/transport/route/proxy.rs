//! Which proxy is between us and the endpoint, if any.

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::transport::error::SettingsError;
use crate::transport::settings::{Proxy, ProxyEnvironment};

/// How the endpoint is reached.
#[derive(Clone)]
pub(in crate::transport) enum Via {
    /// Without a proxy.
    Direct,
    /// The proxy reads the request, and sends it on.
    Forward {
        /// The proxy.
        proxy: Uri,
        /// The value of `Proxy-Authorization`, if its URL has a user.
        auth: Option<HeaderValue>,
    },
    /// The proxy passes bytes.
    Tunnel {
        /// The proxy.
        proxy: Uri,
        /// As above.
        auth: Option<HeaderValue>,
    },
}

impl Via {
    /// Decides it for `endpoint`. gRPC always takes a tunnel: a proxy that reads requests speaks HTTP/1.1.
    pub(in crate::transport) fn new(
        proxy: &Proxy,
        endpoint: &Uri,
        grpc: bool,
    ) -> Result<Self, SettingsError> {
        let Some(found) = find(proxy, endpoint)? else { return Ok(Self::Direct) };
        if found.uri().scheme_str() != Some("http") {
            return Err(SettingsError::Proxy);
        }
        let proxy = found.uri().clone();
        let auth = found.basic_auth().cloned().map(|mut auth| {
            auth.set_sensitive(true);
            auth
        });
        let plain = endpoint.scheme_str() == Some("http") && !grpc;
        Ok(if plain { Self::Forward { proxy, auth } } else { Self::Tunnel { proxy, auth } })
    }

    /// Where the TCP connection goes.
    pub(in crate::transport) fn first_hop(&self, endpoint: &Uri) -> Uri {
        match self {
            Self::Direct => endpoint.clone(),
            Self::Forward { proxy, .. } | Self::Tunnel { proxy, .. } => proxy.clone(),
        }
    }

    /// What each request must carry for the proxy.
    pub(in crate::transport) fn authorization(&self) -> Option<&HeaderValue> {
        match self {
            Self::Forward { auth, .. } => auth.as_ref(),
            Self::Direct | Self::Tunnel { .. } => None,
        }
    }
}

fn find(proxy: &Proxy, endpoint: &Uri) -> Result<Option<Intercept>, SettingsError> {
    match proxy {
        Proxy::Url(url) => {
            let found = Matcher::builder().all(url.as_str()).build().intercept(endpoint);
            found.map(Some).ok_or(SettingsError::Proxy)
        }
        Proxy::Environment(environment) => Ok(matcher(environment).intercept(endpoint)),
    }
}

fn matcher(environment: &ProxyEnvironment) -> Matcher {
    let value = |variable: &Option<String>| variable.clone().unwrap_or_default();
    Matcher::builder()
        .all(value(&environment.all))
        .http(value(&environment.http))
        .https(value(&environment.https))
        .no(value(&environment.no))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(https: &str, http: &str, no: &str) -> Proxy {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Proxy::Environment(ProxyEnvironment { https: some(https), http: some(http), all: None, no: some(no) })
    }

    fn shown(proxy: &Proxy, endpoint: &str, grpc: bool) -> String {
        match Via::new(proxy, &endpoint.parse().unwrap(), grpc) {
            Ok(Via::Direct) => "direct".to_owned(),
            Ok(Via::Forward { proxy, auth }) => format!("forward {proxy} {}", auth.is_some()),
            Ok(Via::Tunnel { proxy, auth }) => format!("tunnel {proxy} {}", auth.is_some()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_way_follows_from_proxy_scheme_and_protocol() {
        let url = |text: &str| Proxy::Url(text.to_owned());
        let refused = "proxy: expected http://host:port";
        let cases = [
            (url("http://p:3128"), "http://c:4318/v1/traces", false, "forward http://p:3128/ false"),
            (url("http://p:3128"), "https://c/v1/traces", false, "tunnel http://p:3128/ false"),
            (url("http://p:3128"), "http://c:4317", true, "tunnel http://p:3128/ false"),
            (url("http://user:pass@p:3128"), "http://c:4318", false, "forward http://p:3128/ true"),
            (url("p:3128"), "http://c:4318", false, "forward http://p:3128/ false"),
            (url("socks5://p:1080"), "http://c:4318", false, refused),
            (url("https://p:3128"), "http://c:4318", false, refused),
            (url(""), "http://c:4318", false, refused),
            (environment("", "", ""), "http://c:4318", false, "direct"),
            (
                environment("http://s:1", "http://p:2", ""),
                "http://c:4318",
                false,
                "forward http://p:2/ false",
            ),
            (
                environment("http://s:1", "http://p:2", ""),
                "https://c:4318",
                false,
                "tunnel http://s:1/ false",
            ),
            (environment("http://s:1", "", ""), "http://c:4318", false, "direct"),
            (environment("http://s:1", "http://p:2", "c,10.0.0.0/8"), "http://c:4318", false, "direct"),
            (environment("http://s:1", "http://p:2", "c,10.0.0.0/8"), "https://10.1.2.3", true, "direct"),
            (
                environment("http://s:1", "http://p:2", "c,10.0.0.0/8"),
                "https://d",
                true,
                "tunnel http://s:1/ false",
            ),
        ];
        for (proxy, endpoint, grpc, expected) in cases {
            assert_eq!(shown(&proxy, endpoint, grpc), expected, "{proxy:?} to {endpoint}");
        }
    }
}
