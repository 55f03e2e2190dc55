//! The encrypted way to the faulty Stripe: good certificates of the test's own authority, until the script says
//! otherwise.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::FaultyStripe;
use super::script::Shared;
use super::step::{Kind, Stage};

const HOST: &str = "127.0.0.1";
const AUTHORITY: &str = "authority.pem";

/// It ends when it is dropped.
pub(crate) struct Front {
    pub(crate) api_base: String,
    directory: TempDir,
    _accepting: JoinSet<()>,
}

impl Front {
    /// The file with the authority's certificate, for `SSL_CERT_FILE`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join(AUTHORITY)
    }
}

impl FaultyStripe {
    /// Listens for encrypted connections, too.
    pub(crate) async fn encrypted(&self) -> Front {
        let authority = Authority::new();
        let directory = TempDir::new().expect("a temporary directory");
        let listener = TcpListener::bind((HOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let certificate = authority.0.pem();
        let file = directory.path().join(AUTHORITY);
        std::fs::write(file, certificate).expect("the file can be written");
        let (script, plain) = (self.script.clone(), self.address.port());
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let authority = Arc::new(authority);
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let authority = Arc::clone(&authority);
                connections.spawn(serve(stream, authority, script.clone(), plain));
            }
        });
        Front {
            api_base: format!("https://{HOST}:{port}"),
            directory,
            _accepting: accepting,
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    authority: Arc<Authority>,
    script: Shared,
    plain: u16,
) -> Option<()> {
    let step = script.lock().next(Stage::Handshake);
    let acceptor = match step.map(|step| step.kind) {
        Some(Kind::TlsCut) => {
            client_hello(&mut stream).await?;
            return None;
        }
        Some(Kind::TlsOld) => return answer_in_tls_1_1(stream).await,
        Some(Kind::TlsWrongName) => authority.acceptor("api.stripe.example", false),
        Some(Kind::TlsExpired) => authority.acceptor(HOST, true),
        Some(Kind::TlsSelfSigned) => self_signed(),
        _ => authority.acceptor(HOST, false),
    };
    let mut encrypted = acceptor.accept(stream).await.ok()?;
    let mut behind = TcpStream::connect((HOST, plain)).await.ok()?;
    copy_bidirectional(&mut encrypted, &mut behind)
        .await
        .ok()
        .map(|_| ())
}

/// Reads the client's first record.
async fn client_hello(stream: &mut TcpStream) -> Option<()> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.ok()?;
    let length = u16::from_be_bytes([header[3], header[4]]);
    let mut record = vec![0; length.into()];
    stream.read_exact(&mut record).await.ok().map(|_| ())
}

/// What a server says that knows nothing newer: a `ServerHello` of version 3.2, with a cipher of that time.
async fn answer_in_tls_1_1(mut stream: TcpStream) -> Option<()> {
    client_hello(&mut stream).await?;
    let (version, no_session) = ([3, 2], 0);
    let (ecdhe_rsa_aes_128_sha, no_compression) = ([0xc0, 0x13], 0);
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.push(no_session);
    hello.extend(ecdhe_rsa_aes_128_sha);
    hello.push(no_compression);
    let length = u8::try_from(hello.len()).expect("it is short");
    let mut record = vec![22, 3, 2, 0, length + 4, 2, 0, 0, length];
    record.extend(hello);
    stream.write_all(&record).await.ok()?;
    // The client is to speak next: an alert, or its end.
    stream.read_u8().await.ok().map(|_| ())
}

/// The test's own authority.
struct Authority(rcgen::CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let made = rcgen::CertifiedIssuer::self_signed(params, key());
        Self(made.expect("an authority can be made"))
    }

    fn acceptor(&self, name: &str, is_expired: bool) -> TlsAcceptor {
        let mut params = CertificateParams::new([name.to_owned()]).expect("the name is one");
        if is_expired {
            (params.not_before, params.not_after) =
                (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = key();
        let made = params.signed_by(&key, &self.0);
        acceptor(&made.expect("a certificate can be made"), &key)
    }
}

fn self_signed() -> TlsAcceptor {
    let params = CertificateParams::new([HOST.to_owned()]).expect("the name is one");
    let key = key();
    let made = params.self_signed(&key);
    acceptor(&made.expect("a certificate can be made"), &key)
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn acceptor(certificate: &rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    TlsAcceptor::from(Arc::new(config.expect("the key is the certificate's")))
}
