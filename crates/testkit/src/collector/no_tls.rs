//! Stands in for TLS where the feature is off.

use super::Options;
use std::convert::Infallible;
use std::io;
use tokio::net::TcpStream;

/// Never made.
#[derive(Clone)]
pub(crate) struct Acceptor(Infallible);

impl Acceptor {
    pub(crate) async fn accept(&self, _: TcpStream) -> io::Result<TcpStream> {
        match self.0 {}
    }
}

pub(crate) fn acceptor(_: &Options) -> io::Result<Option<Acceptor>> {
    Ok(None)
}
