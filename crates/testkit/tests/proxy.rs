//! The proxy's modes, seen from a client's socket in front of an echo.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panic")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::proxy::{Mode, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for a loaded machine; reached only by a test that fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// Gives back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.addr()).await.unwrap()
}

/// What comes back for these bytes, until as many came or the other side closed.
async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    let mut taken = stream.take(bytes.len() as u64);
    tokio::time::timeout(DEADLINE, taken.read_to_end(&mut answer)).await.unwrap()?;
    Ok(answer)
}

#[tokio::test]
async fn bytes_pass_in_order() {
    let proxy = Proxy::start(echo().await).unwrap();
    let bytes: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let mut stream = connect(&proxy).await;
    let (mut from, mut to) = stream.split();
    let mut answer = vec![0; bytes.len()];
    let (sent, read) = tokio::join!(to.write_all(&bytes), from.read_exact(&mut answer));
    sent.unwrap();
    read.unwrap();
    assert!(answer == bytes);
    let all = bytes.len() as u64;
    proxy.wait(|stats| (stats.connections, stats.up, stats.down) == (1, all, all), DEADLINE).await.unwrap();
}

#[tokio::test]
async fn a_black_hole_holds_everything_until_it_passes_again() {
    let proxy = Proxy::start(echo().await).unwrap();
    let mut open = connect(&proxy).await;
    assert_eq!(ask(&mut open, b"one").await.unwrap(), b"one");
    proxy.set(Mode::BlackHole);
    let mut new = connect(&proxy).await;
    proxy.wait(|stats| stats.connections == 2, DEADLINE).await.unwrap();
    open.write_all(b"two").await.unwrap();
    let mut byte = [0];
    let silent = tokio::time::timeout(Duration::from_millis(50), open.read(&mut byte)).await;
    assert!(silent.is_err(), "{silent:?}");
    proxy.set(Mode::Pass);
    let mut answer = [0; 3];
    open.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"two");
    assert_eq!(ask(&mut new, b"three").await.unwrap(), b"three");
}

#[tokio::test]
async fn a_half_closed_connection_ends_for_the_reader_alone() {
    let proxy = Proxy::start(echo().await).unwrap();
    let mut stream = connect(&proxy).await;
    assert_eq!(ask(&mut stream, b"one").await.unwrap(), b"one");
    proxy.set(Mode::HalfClose);
    assert_eq!(ask(&mut stream, b"two").await.unwrap(), b"");
    proxy.wait(|stats| (stats.up, stats.down) == (6, 3), DEADLINE).await.unwrap();
}

#[tokio::test]
async fn open_and_new_connections_are_reset() {
    let proxy = Proxy::start(echo().await).unwrap();
    let mut open = connect(&proxy).await;
    assert_eq!(ask(&mut open, b"one").await.unwrap(), b"one");
    proxy.set(Mode::Reset);
    let mut byte = [0];
    assert_eq!(open.read(&mut byte).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    // The reset may be there before the client knows that it is connected.
    let reset = match TcpStream::connect(proxy.addr()).await {
        Ok(mut new) => new.read(&mut byte).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes() {
    let proxy = Proxy::start(echo().await).unwrap();
    proxy.set(Mode::CutAfter(5));
    let mut stream = connect(&proxy).await;
    let _ = ask(&mut stream, b"0123456789").await;
    proxy.wait(|stats| stats.up == 5, DEADLINE).await.unwrap();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(proxy.stats().up, 5);
}

#[tokio::test]
async fn a_delayed_answer_is_late() {
    let proxy = Proxy::start(echo().await).unwrap();
    proxy.set(Mode::Delay(Duration::from_millis(20)));
    let start = tokio::time::Instant::now();
    assert_eq!(ask(&mut connect(&proxy).await, b"one").await.unwrap(), b"one");
    assert!(start.elapsed() >= Duration::from_millis(40), "{:?}", start.elapsed());
}

#[tokio::test]
async fn nobody_listens_until_it_passes_again() {
    let proxy = Proxy::start(echo().await).unwrap();
    let mut open = connect(&proxy).await;
    assert_eq!(ask(&mut open, b"one").await.unwrap(), b"one");
    proxy.set(Mode::Refuse);
    open.read(&mut [0]).await.unwrap_err();
    let refused = async {
        while TcpStream::connect(proxy.addr()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, refused).await.unwrap();
    proxy.set(Mode::Pass);
    let accepted = async {
        loop {
            match TcpStream::connect(proxy.addr()).await {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let mut stream = tokio::time::timeout(DEADLINE, accepted).await.unwrap();
    assert_eq!(ask(&mut stream, b"two").await.unwrap(), b"two");
}
