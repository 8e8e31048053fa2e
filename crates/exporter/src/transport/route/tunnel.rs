//! A tunnel through an HTTP proxy, by CONNECT.

use std::fmt;

use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why a proxy opened no tunnel.
#[derive(Debug)]
pub(in crate::transport) enum TunnelError {
    /// It asks for credentials.
    Credentials,
    /// It answered with another status than 200.
    Refused(StatusCode),
    /// It did not answer in HTTP.
    Protocol(hyper::Error),
    /// The endpoint's name can't stand in a request.
    Request(http::Error),
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str("proxy authentication required"),
            Self::Refused(status) => write!(f, "the proxy answered {status}"),
            Self::Protocol(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TunnelError {}

/// Asks for a tunnel to `endpoint`. Dropped before its end, it closes the connection.
pub(super) async fn open(
    tcp: TokioIo<TcpStream>,
    endpoint: &Uri,
    auth: Option<HeaderValue>,
) -> Result<Upgraded, TunnelError> {
    let request = connect_request(endpoint, auth).map_err(TunnelError::Request)?;
    let (mut sender, connection) = http1::handshake(tcp).await.map_err(TunnelError::Protocol)?;
    // It ends with the tunnel, or at once if there is none.
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(TunnelError::Protocol)?;
    match response.status() {
        status if status.is_success() => hyper::upgrade::on(response).await.map_err(TunnelError::Protocol),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(TunnelError::Credentials),
        status => Err(TunnelError::Refused(status)),
    }
}

fn connect_request(endpoint: &Uri, auth: Option<HeaderValue>) -> http::Result<Request<Empty<Bytes>>> {
    let host = endpoint.host().unwrap_or_default();
    let default = if endpoint.scheme_str() == Some("http") { 80 } else { 443 };
    let authority = format!("{host}:{}", endpoint.port_u16().unwrap_or(default));
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&authority)
        .header(header::HOST, &authority)
        .header(header::USER_AGENT, crate::transport::USER_AGENT);
    if let Some(auth) = auth {
        request = request.header(header::PROXY_AUTHORIZATION, auth);
    }
    request.body(Empty::new())
}
