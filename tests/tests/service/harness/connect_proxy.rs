//! A proxy between the service and Stripe: opens tunnels, or treats the request for one as the test says.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use billing_portal_tests::http_message::TestRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The longest head of a request that is read, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What the proxy does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Opens the tunnel.
    Open,
    /// Answers with this and closes the connection.
    Answer(&'static str),
    /// Does not answer.
    Silent,
}

/// It ends when it is dropped.
pub(crate) struct ConnectProxy {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<TestRequest>>>,
    _accepting: JoinSet<()>,
}

impl ConnectProxy {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, manner, Arc::clone(&received)));
            }
        });
        Self {
            address,
            requests,
            _accepting: accepting,
        }
    }

    /// The heads of the requests that arrived, the oldest first.
    pub(crate) fn requests(&self) -> Vec<TestRequest> {
        lock(&self.requests).clone()
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, received: Arc<Mutex<Vec<TestRequest>>>) {
    let Ok(head) = read_head(&mut stream).await else {
        return;
    };
    let request = TestRequest::from_head(&head).expect("a request");
    let target = request.path.clone();
    lock(&received).push(request);
    // The service may give up at any time.
    _ = match manner {
        Manner::Open => tunnel(stream, &target).await,
        Manner::Answer(bytes) => stream.write_all(bytes.as_bytes()).await,
        Manner::Silent => stream.read_u8().await.map(drop),
    };
}

async fn tunnel(mut stream: TcpStream, target: &str) -> io::Result<()> {
    let mut behind = TcpStream::connect(target).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut stream, &mut behind).await.map(drop)
}

/// Byte by byte: what follows the head belongs to the tunnel.
async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// A connection that panics fails its test by itself.
fn lock(requests: &Mutex<Vec<TestRequest>>) -> MutexGuard<'_, Vec<TestRequest>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
