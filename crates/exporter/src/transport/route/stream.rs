//! A connection, whichever way it took.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::upgrade::Upgraded;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An open connection to the endpoint, or to a proxy that reads requests.
pub(in crate::transport) struct Stream {
    bytes: Bytes,
    /// Then a request names its whole URL.
    forwarded: bool,
}

enum Bytes {
    Tcp(TokioIo<TcpStream>),
    Tunnel(Upgraded),
}

impl Stream {
    pub(super) fn direct(tcp: TokioIo<TcpStream>) -> Self {
        Self { bytes: Bytes::Tcp(tcp), forwarded: false }
    }

    pub(super) fn forwarded(tcp: TokioIo<TcpStream>) -> Self {
        Self { bytes: Bytes::Tcp(tcp), forwarded: true }
    }

    pub(super) fn tunnelled(tunnel: Upgraded) -> Self {
        Self { bytes: Bytes::Tunnel(tunnel), forwarded: false }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Bytes::Tunnel(tunnel) => Pin::new(tunnel).poll_read(cx, buf),
        }
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.bytes {
            Bytes::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Bytes::Tunnel(tunnel) => Pin::new(tunnel).poll_write(cx, buf),
        }
    }

    /// What a connection can't write piece by piece, hyper copies together before.
    fn is_write_vectored(&self) -> bool {
        match &self.bytes {
            Bytes::Tcp(tcp) => tcp.is_write_vectored(),
            Bytes::Tunnel(tunnel) => tunnel.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.bytes {
            Bytes::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, pieces),
            Bytes::Tunnel(tunnel) => Pin::new(tunnel).poll_write_vectored(cx, pieces),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Bytes::Tunnel(tunnel) => Pin::new(tunnel).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Bytes::Tunnel(tunnel) => Pin::new(tunnel).poll_shutdown(cx),
        }
    }
}
