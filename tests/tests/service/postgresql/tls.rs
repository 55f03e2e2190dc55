//! An encrypted connection to the server, whose certificate is verified.

use std::fs;

use billing_portal_tests::postgresql::Cluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::setup::{cluster, run};

const CREATE: [&str; 4] = ["org", "create", "--name", "Acme"];

/// The server accepts only encrypted connections, with a certificate for this host by the authority in the file.
fn encrypt(cluster: &mut Cluster, host: &str, authority: &CertifiedIssuer<'_, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new([host.to_owned()]).expect("a host");
    let certificate = certificate.signed_by(&key, authority).expect("signed");
    let write = |name: &str, content: &str| {
        let file = cluster
            .add_file(name, content)
            .expect("the file is written");
        file.display().to_string()
    };
    let certificate = write("server.crt", &certificate.pem());
    let key = write("server.key", &key.serialize_pem());
    let (certificate, key) = (
        format!("ssl_cert_file={certificate}"),
        format!("ssl_key_file={key}"),
    );
    cluster
        .restart_with(&["ssl=on", &certificate, &key])
        .expect("it starts again");
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_certificate_is_verified_in_full_where_the_url_says_so() {
    let mut cluster = cluster(&[]);
    let (ours, others) = (authority(), authority());
    let directory = TempDir::new().expect("a directory");
    let file = |name: &str, content: String| {
        let file = directory.path().join(name);
        fs::write(&file, content).expect("the file is written");
        file.display().to_string()
    };
    let (ours_file, others_file) = (
        file("ours.pem", ours.pem()),
        file("others.pem", others.pem()),
    );
    let plain = cluster.url("postgres");
    let url = |authority: &str| format!("{plain}?sslmode=verify-full&sslrootcert={authority}");

    // Without encryption there is nothing to verify, and the connection is not made.
    let (code, text) = run(&CREATE, &url(&ours_file)).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("TLS"), "{text}");

    encrypt(&mut cluster, "127.0.0.1", &ours);
    let (code, text) = run(&CREATE, &url(&ours_file)).await;
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(&CREATE, &url(&others_file)).await;
    assert_eq!(code, Some(1), "another authority: {text}");

    encrypt(&mut cluster, "db.example.com", &ours);
    let (code, text) = run(&CREATE, &url(&ours_file)).await;
    assert_eq!(code, Some(1), "another host: {text}");
}
