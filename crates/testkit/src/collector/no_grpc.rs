//! Stands in for gRPC where the feature is off: HTTP/1 alone.

use super::Shared;
use super::exchange::Cutter;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::sync::Arc;
use tonic::body::Body;

/// Serves one connection to its end.
pub(crate) async fn connection<I, S>(io: I, service: S)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    S: hyper::service::Service<http::Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
}

/// gRPC without HTTP/2 is no gRPC.
pub(crate) async fn serve(_: &Arc<Shared>, _: &Cutter, _: http::Request<Incoming>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}
