//! Files of the documentation are compressed for those who accept that, and are not sent twice.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{TestRequest, TestResponse};

const FILES: [&str; 5] = [
    "/docs/",
    "/docs/reference",
    "/docs/swagger-ui-bundle.js",
    "/openapi.json",
    "/openapi.yaml",
];

async fn get(service: &Service, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let request = headers
        .iter()
        .fold(TestRequest::get(path), |request, (name, value)| {
            request.with_header(name, *value)
        });
    send(service.api(), &request).await
}

fn decompressed(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

#[tokio::test]
async fn file_is_compressed_if_the_client_accepts_it() {
    let service = Service::start().await;
    for path in FILES {
        let plain = get(&service, path, &[]).await;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        #[rustfmt::skip]
        let rows = [
            ("gzip", true), ("gzip, deflate, br, zstd", true), ("br;q=1.0, GZIP;q=0.5", true), ("*", true),
            ("gzip;q=0", false), ("gzip; q=0.0, *", false), ("identity", false), ("br", false), ("", false),
            ("*;q=0", false), ("gzip;q=x", false), ("x-gzip-not", false),
        ];
        for (accepted, is_compressed) in rows {
            let answer = get(&service, path, &[("Accept-Encoding", accepted)]).await;
            let coding = answer.header("content-encoding");
            assert_eq!(coding, is_compressed.then_some("gzip"), "{path} {accepted}");
            answer.assert_header("vary", "Accept-Encoding");
            let body = if is_compressed {
                assert!(answer.body.len() * 10 < plain.body.len() * 7, "{path}");
                decompressed(&answer.body)
            } else {
                answer.body.clone()
            };
            assert!(body == plain.body, "{path} {accepted}");
        }
    }
}

#[tokio::test]
async fn file_that_the_client_has_is_not_sent_again() {
    let service = Service::start().await;
    for path in FILES {
        for coding in ["identity", "gzip"] {
            let accept = ("Accept-Encoding", coding);
            let first = get(&service, path, &[accept]).await;
            first.assert_header("cache-control", "no-cache");
            let etag = first.header("etag").expect("a tag").to_owned();
            let weak = format!("W/{etag}");
            let several = format!("\"other\", {etag}");
            for known in [etag.as_str(), &weak, &several, "*"] {
                let again = get(&service, path, &[accept, ("If-None-Match", known)]).await;
                assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
                again.assert_header("etag", &etag);
            }
            let other = get(&service, path, &[accept, ("If-None-Match", "\"other\"")]).await;
            assert_eq!(other.status, 200, "{path}");
        }
    }
}

/// A page names the hash of each file, so that a browser may keep the file for ever.
#[tokio::test]
async fn file_that_is_named_with_its_hash_is_kept_for_ever() {
    let service = Service::start().await;
    let page = get(&service, "/docs/", &[]).await;
    let files = page.text().split('"').filter(|text| text.contains("?v="));
    let mut count = 0;
    for file in files {
        let path = format!("/docs/{file}");
        let forever = "public, max-age=31536000, immutable";
        get(&service, &path, &[])
            .await
            .assert_header("cache-control", forever);
        let (name, _) = path.split_once('?').expect("a version");
        for other in [name.to_owned(), format!("{name}?v=0"), format!("{name}?v=")] {
            get(&service, &other, &[])
                .await
                .assert_header("cache-control", "no-cache");
        }
        count += 1;
    }
    assert!(count >= 5);
}

#[tokio::test]
async fn answers_of_the_api_are_never_stored() {
    let service = Service::start().await;
    for path in ["/nothing", "/v1/billing/portal", "/docs/nothing"] {
        get(&service, path, &[])
            .await
            .assert_header("cache-control", "no-store");
    }
}
