//! The way to the endpoint: straight, or by a proxy.
//!
//! A plain `http` request goes to the proxy itself, with the whole URL in its first line (RFC 9112 §3.2.2);
//! for `https` and for gRPC the proxy is asked for a tunnel with CONNECT (RFC 9110 §9.3.6), through which TLS
//! ends at the endpoint.

mod proxy;
mod stream;
mod tunnel;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

pub(super) use proxy::Via;
pub(super) use stream::Stream;
pub(super) use tunnel::TunnelError;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// How long a connection may be idle before the kernel asks whether the other side is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Opens connections for a client.
#[derive(Clone)]
pub(super) struct Route {
    tcp: HttpConnector<Resolver>,
    via: Via,
}

impl Route {
    /// `connect_timeout` is shared by all addresses of a name, so that one that is silent does not hide the
    /// next.
    pub(super) fn new(via: Via, connect_timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_connect_timeout(Some(connect_timeout));
        Self { tcp, via }
    }
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, endpoint: Uri) -> Self::Future {
        let first = self.via.first_hop(&endpoint);
        let connecting = self.tcp.call(first);
        let via = self.via.clone();
        Box::pin(async move {
            let tcp = connecting.await?;
            match via {
                Via::Direct => Ok(Stream::direct(tcp)),
                Via::Forward { .. } => Ok(Stream::forwarded(tcp)),
                Via::Tunnel { auth, .. } => Ok(Stream::tunnelled(tunnel::open(tcp, &endpoint, auth).await?)),
            }
        })
    }
}

/// The system's resolver; its errors keep their kind.
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

/// A host's name that has no address.
#[derive(Debug)]
pub(super) struct UnknownHost {
    name: String,
    source: std::io::Error,
}

impl std::fmt::Display for UnknownHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.source)
    }
}

impl std::error::Error for UnknownHost {}

impl Service<Name> for Resolver {
    type Response = <GaiResolver as Service<Name>>::Response;
    type Error = UnknownHost;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, UnknownHost>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), UnknownHost>> {
        // The system's resolver is always ready: each call takes a thread of its own.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name.clone());
        Box::pin(
            async move { resolving.await.map_err(|source| UnknownHost { name: name.to_string(), source }) },
        )
    }
}
