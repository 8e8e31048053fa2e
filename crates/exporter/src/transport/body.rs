//! Bodies: one that tells when it is taken for sending, and the reading of answers with a limit.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::buf::Chain;
use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The most bytes of an answer that are kept.
pub(super) const ANSWER_LIMIT: usize = 64 * 1024;

/// Whether a request's body was handed to a connection: from then on the server may have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<AtomicBool>);

impl Sent {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request's body: a head (gRPC's frame header, else nothing) and the payload, without a copy.
pub(super) struct Outgoing {
    bytes: Full<Chain<Bytes, Bytes>>,
    sent: Sent,
}

impl Outgoing {
    pub(super) fn new(head: Bytes, payload: Bytes, sent: Sent) -> Self {
        Self { bytes: Full::new(head.chain(payload)), sent }
    }
}

impl Body for Outgoing {
    type Data = Chain<Bytes, Bytes>;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.sent.0.store(true, Ordering::Relaxed);
        Pin::new(&mut self.bytes).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}

/// What was read of an answer.
pub(super) struct Received {
    /// Its first bytes, [`ANSWER_LIMIT`] at most.
    pub(super) bytes: Bytes,
    /// Whether there were more.
    pub(super) is_cut: bool,
    /// The headers after the body.
    pub(super) trailers: Option<HeaderMap>,
    /// Why it ended too early, if it did.
    pub(super) error: Option<hyper::Error>,
}

/// Reads an answer to its end; what goes beyond the limit is thrown away. The caller bounds the time.
pub(super) async fn receive(mut body: Incoming) -> Received {
    let mut kept = BytesMut::new();
    let mut received = Received { bytes: Bytes::new(), is_cut: false, trailers: None, error: None };
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => {
                let room = ANSWER_LIMIT.saturating_sub(kept.len());
                received.is_cut |= data.len() > room;
                kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            }
            Ok(Err(frame)) => received.trailers = frame.into_trailers().ok(),
            Err(error) => {
                received.error = Some(error);
                break;
            }
        }
    }
    received.bytes = kept.freeze();
    received
}
