//! A service behind TLS, with certificates that clients must not accept.

use std::net::SocketAddr;
use std::sync::Arc;

use billing_portal_client::reqwest;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate authority of the tests.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// An HTTP client that trusts this authority alone.
    pub(crate) fn client(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_der(self.0.der()).expect("a certificate");
        let builder = reqwest::Client::builder().tls_certs_only([root]);
        // Where both are built in, OpenSSL would be used. It does not say what is wrong with a certificate.
        #[cfg(feature = "rustls")]
        let builder = builder.tls_backend_rustls();
        builder.build().expect("a client")
    }

    /// The settings of a server whose certificate is for this name, valid until the end of this year.
    pub(crate) fn server(&self, name: &str, last_year: i32) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("settings")
    }
}

/// A server behind TLS. It stops when it is dropped.
pub(crate) struct TlsServer {
    address: SocketAddr,
    accepting: JoinSet<usize>,
}

/// What a server does with each connection.
#[derive(Clone)]
pub(crate) enum Handshake {
    /// TLS with these settings, then an empty answer with status 500.
    Tls(Arc<ServerConfig>),
    /// These bytes instead of TLS, and the end of the connection.
    Bytes(&'static [u8]),
}

impl TlsServer {
    pub(crate) async fn start(handshake: Handshake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, handshake));
        Self { address, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were made. Connects once more to end the server.
    pub(crate) async fn connections(mut self) -> usize {
        drop(TcpStream::connect(self.address).await);
        let count = self.accepting.join_next().await.expect("a task");
        count.expect("the server does not panic")
    }
}

/// Serves until a client closes its connection without a word, and returns the number of connections before that.
async fn accept(listener: TcpListener, handshake: Handshake) -> usize {
    let mut count = 0;
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut first = [0];
        if stream.peek(&mut first).await.unwrap_or(0) == 0 {
            return count;
        }
        count += 1;
        // The client may close the connection at any time.
        let _ = serve(stream, &handshake).await;
    }
}

async fn serve(mut stream: TcpStream, handshake: &Handshake) -> std::io::Result<()> {
    match handshake {
        Handshake::Tls(settings) => {
            let mut stream = TlsAcceptor::from(Arc::clone(settings))
                .accept(stream)
                .await?;
            stream.read_u8().await?;
            stream
                .write_all(b"HTTP/1.1 500 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                .await?;
            stream.shutdown().await
        }
        Handshake::Bytes(bytes) => {
            stream.read_buf(&mut Vec::with_capacity(4096)).await?;
            stream.write_all(bytes).await?;
            stream.shutdown().await
        }
    }
}
