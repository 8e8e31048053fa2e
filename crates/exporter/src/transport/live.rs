//! From settings to a client: the plan is checked once, what is read from files may be read again.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use hyper_rustls::{DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;

use super::body::Outgoing;
use super::error::SettingsError;
use super::files::{Files, Prints};
use super::headers::Headers;
use super::route::{Route, Via};
use super::settings::{Protocol, Settings, TlsFiles, USER_AGENT};
use super::{Hop, grpc, tls};
use crate::classify::{Answer, Failed, Failure};

/// Servers close idle connections, many after a minute; a request on one that just closes is lost.
const IDLE: Duration = Duration::from_secs(30);

type HttpClient = Client<HttpsConnector<Route>, Outgoing>;

/// What requests are sent with: all that depends on files, and the connections.
pub(super) struct Live {
    pub(super) client: HttpClient,
    pub(super) headers: HeaderMap,
    /// How the files were when they were read.
    pub(super) prints: Prints,
    tls: Arc<ClientConfig>,
}

/// The settings, checked.
pub(super) struct Plan {
    uri: Uri,
    protocol: Protocol,
    via: Via,
    connect_timeout: Duration,
    headers: Headers,
    tls: TlsFiles,
    server_name: Option<ServerName<'static>>,
    files: Files,
}

impl Plan {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let uri = endpoint(settings)?;
        let is_grpc = settings.protocol == Protocol::Grpc;
        let headers = Headers::new(&settings.headers)?;
        let files = headers.files().chain(tls::files(&settings.tls)).cloned();
        Ok(Self {
            files: Files::new(files),
            via: Via::new(&settings.proxy, &uri, is_grpc)?,
            server_name: tls::server_name(&settings.tls)?,
            protocol: settings.protocol,
            connect_timeout: settings.timeout / 2,
            tls: settings.tls.clone(),
            headers,
            uri,
        })
    }

    /// Where connections are opened to.
    pub(super) fn first_hop(&self) -> Hop {
        let hop = self.via.first_hop(&self.uri);
        let port = if hop.scheme_str() == Some("https") { 443 } else { 80 };
        Hop {
            host: hop.host().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: hop.port_u16().unwrap_or(port),
            is_proxy: !matches!(self.via, Via::Direct),
        }
    }

    /// Where each request goes.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn is_grpc(&self) -> bool {
        self.protocol == Protocol::Grpc
    }

    /// Names the files that a handshake failed with.
    pub(super) fn with_files(&self, answer: Answer) -> Answer {
        let Answer::Failed(failed) = answer else { return answer };
        let Failure::Tls(why) = failed.failure else { return Answer::Failed(failed) };
        let message = format!("{}; {}", failed.message, tls::files_of(&self.tls, why));
        Answer::Failed(Failed { message, ..failed })
    }

    /// How the files are now.
    pub(super) fn prints(&self) -> Prints {
        self.files.prints()
    }

    /// Reads all files. The prints are taken first: a change while reading shows as one at the next look.
    pub(super) fn read(&self) -> Result<Live, SettingsError> {
        let prints = self.prints();
        let tls = Arc::new(self.tls_config()?);
        let mut headers = self.headers.read()?;
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        if let Some(auth) = self.via.authorization() {
            headers.insert(header::PROXY_AUTHORIZATION, auth.clone());
        }
        Ok(Live { client: self.client(tls.clone()), headers, prints, tls })
    }

    /// The same with no connection open.
    pub(super) fn reconnected(&self, live: &Live) -> Live {
        Live {
            client: self.client(live.tls.clone()),
            headers: live.headers.clone(),
            prints: live.prints.clone(),
            tls: live.tls.clone(),
        }
    }

    fn tls_config(&self) -> Result<ClientConfig, SettingsError> {
        match self.uri.scheme_str() {
            Some("https") if self.is_grpc() => tls::config(&self.tls, b"h2"),
            Some("https") => tls::config(&self.tls, b"http/1.1"),
            _ => tls::unused(),
        }
    }

    fn client(&self, tls: Arc<ClientConfig>) -> HttpClient {
        let route = Route::new(self.via.clone(), self.connect_timeout);
        let connector = match &self.server_name {
            Some(name) => {
                HttpsConnector::new(route, tls, false, Arc::new(FixedServerNameResolver::new(name.clone())))
            }
            None => HttpsConnector::new(route, tls, false, Arc::new(DefaultServerNameResolver::default())),
        };
        Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(1)
            .http2_only(self.is_grpc())
            .build(connector)
    }
}

/// Checks the URL; for gRPC its path is the method's.
fn endpoint(settings: &Settings) -> Result<Uri, SettingsError> {
    let uri: Uri = settings.url.parse().map_err(|_| SettingsError::Endpoint)?;
    let authority = uri.authority().ok_or(SettingsError::Endpoint)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(SettingsError::Endpoint);
    }
    if authority.as_str().contains('@') {
        return Err(SettingsError::EndpointCredentials);
    }
    if settings.protocol != Protocol::Grpc {
        return Ok(uri);
    }
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(grpc::path(settings.signal)));
    Uri::from_parts(parts).map_err(|_| SettingsError::Endpoint)
}
