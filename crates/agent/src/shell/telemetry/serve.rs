//! `GET /metrics`, at the address of `telemetry.prometheus`.

use super::{Source, prometheus};
use crate::shell::listener::{Listener, Port};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::runtime::Handle;

const TEXT: &str = "text/plain; version=0.0.4";

/// What is served.
#[derive(Clone)]
struct Page {
    source: Source,
    resource: Arc<Vec<(String, String)>>,
}

/// Serves until it is stopped.
pub(crate) fn serve(
    port: Port,
    runtime: &Handle,
    resource: Vec<(String, String)>,
    source: Source,
) -> Listener {
    let page = Page { source, resource: Arc::new(resource) };
    Listener::start(port, runtime, move |request| answer(request, page.clone()))
}

async fn answer(request: Request<Incoming>, page: Page) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => metrics(page).await,
        (_, "/metrics") => {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET it\n".to_owned());
            refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            refused
        }
        _ => plain(StatusCode::NOT_FOUND, "there is /metrics\n".to_owned()),
    }
}

async fn metrics(page: Page) -> Response<Full<Bytes>> {
    let Page { source, resource } = page;
    // The engine may take a moment, and the source blocks until it answers.
    let text =
        tokio::task::spawn_blocking(move || source().map(|status| prometheus::text(&status, &resource)));
    match text.await {
        Ok(Some(text)) => plain(StatusCode::OK, text),
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "the agent does not answer\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(TEXT));
    response
}
