//! The network between the service and Stripe: passes everything on, or breaks as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How connections are treated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Manner {
    /// As if it were not there.
    Passes,
    /// Resets each connection.
    Resets,
    /// Accepts, and never responds.
    Hangs,
    /// Responds with these bytes to whatever it gets.
    Responds(&'static [u8]),
}

/// It ends when it is dropped.
pub(super) struct Network {
    pub(super) address: SocketAddr,
    manner: watch::Sender<Manner>,
    _accepting: JoinSet<()>,
}

impl Network {
    /// A network before the server with this URL.
    pub(super) async fn before(url: &str) -> Self {
        let behind = url.trim_start_matches("http://").parse();
        let behind: SocketAddr = behind.expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (manner, watched) = watch::channel(Manner::Passes);
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serve(stream, behind, watched.clone());
                let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
                connections.spawn(serving);
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            manner,
            _accepting: accepting,
        }
    }

    /// From now on it does this, also with the connections that are open.
    pub(super) fn set(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }
}

async fn serve(mut stream: TcpStream, behind: SocketAddr, mut watched: watch::Receiver<Manner>) {
    loop {
        let manner = *watched.borrow_and_update();
        let changed = async { watched.changed().await.is_ok() };
        tokio::select! {
            () = treat(&mut stream, behind, manner) => return,
            true = changed => {}
            else => return,
        }
        if matches!(manner, Manner::Passes) {
            // It broke in the middle.
            _ = stream.set_zero_linger();
            return;
        }
    }
}

async fn treat(stream: &mut TcpStream, behind: SocketAddr, manner: Manner) {
    match manner {
        Manner::Passes => {
            if let Ok(mut behind) = TcpStream::connect(behind).await {
                _ = copy_bidirectional(stream, &mut behind).await;
            }
        }
        Manner::Resets => _ = stream.set_zero_linger(),
        Manner::Hangs => std::future::pending().await,
        Manner::Responds(bytes) => {
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                _ = stream.write_all(bytes).await;
            }
        }
    }
}
