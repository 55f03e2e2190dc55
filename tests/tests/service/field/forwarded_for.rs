//! `X-Forwarded-For` as proxies write it: with ports, brackets, white space and empty entries.

use crate::harness::log;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

fn bad_key(forwarded: &str) -> TestRequest {
    TestRequest::portal("nonsense", RETURN_URL).with_header("X-Forwarded-For", forwarded)
}

async fn behind_a_proxy() -> Service {
    Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "1")
        .set(
            "TRUSTED_PROXIES",
            "127.0.0.0/8,10.0.0.0/8,2001:db8:ffff::/48",
        )
        .start()
        .await
}

#[tokio::test]
async fn s7_one_address_in_all_its_spellings_is_one_client() {
    let service = behind_a_proxy().await;
    let clients: [(&str, &[&str]); 3] = [
        (
            "203.0.113.7",
            &[
                "203.0.113.7:51234",
                "[203.0.113.7]:51234",
                "[203.0.113.7]",
                " 203.0.113.7 ",
                "203.0.113.7,",
                "203.0.113.7 , ,",
                ",203.0.113.7",
                "198.51.100.9, 203.0.113.7:51234, 10.0.0.1:80",
                "::ffff:203.0.113.7",
                "[::ffff:203.0.113.7]:51234",
                "203.0.113.7:51234, [2001:db8:ffff::1]:443",
            ],
        ),
        (
            "2001:db8:0:1::1",
            &[
                "[2001:db8:0:1::1]",
                "[2001:db8:0:1::1]:51234",
                "2001:db8:0:1:0:0:0:1:51234",
                "\t[2001:db8:0:1::2]:1\t,",
                "2001:DB8:0:1::1, 10.0.0.1",
            ],
        ),
        ("198.51.100.20:1", &["198.51.100.20:2", "198.51.100.20"]),
    ];
    for (first, spellings) in clients {
        let answer = service.send(&bad_key(first)).await;
        answer.assert_error("UNAUTHORIZED");
        for spelling in spellings {
            println!("{spelling:?}");
            let answer = service.send(&bad_key(spelling)).await;
            answer.assert_error("RATE_LIMITED");
        }
    }
}

#[tokio::test]
async fn s7_what_cannot_be_read_is_counted_and_logged_once_a_minute() {
    let service = behind_a_proxy().await;
    let process = Process::beside(&service, &[("RATE_LIMIT_FAILED_AUTH", "0")]).await;
    let unreadable = [
        "unknown",
        "_hidden",
        "203.0.113.7:port",
        "203.0.113.7:99999",
        "203.0.113",
        "[2001:db8::1",
        "[2001:db8::1]51234",
        "203.0.113.7;10.0.0.1",
        "for=203.0.113.7",
        concat!("whsec", "_Zk3v9TqLmX7RbY2N"),
    ];
    for forwarded in unreadable {
        send(process.api, &bad_key(forwarded))
            .await
            .assert_error("UNAUTHORIZED");
    }
    for readable in ["203.0.113.7:51234", "203.0.113.7,", ""] {
        send(process.api, &bad_key(readable))
            .await
            .assert_error("UNAUTHORIZED");
    }
    let metrics = send(process.operations, &TestRequest::get("/metrics")).await;
    let counted = format!(
        "\nbilling_portal_forwarded_for_unreadable_total {}\n",
        unreadable.len()
    );
    assert!(metrics.text().contains(&counted), "{}", metrics.text());
    process.terminate().await;
    let (_, text) = process.end().await;
    let warnings: Vec<_> = log::lines(&text)
        .into_iter()
        .filter(|line| line["event"] == "forwarded_for_unreadable")
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0]["level"], "WARN");
    assert_eq!(warnings[0]["proxy"], "127.0.0.1");
}

#[tokio::test]
async fn s7_the_header_of_a_client_that_is_no_proxy_is_not_read() {
    let service = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "1")
        .start()
        .await;
    let answer = service.send(&bad_key("203.0.113.7:51234")).await;
    answer.assert_error("UNAUTHORIZED");
    let answer = service.send(&bad_key("unknown")).await;
    answer.assert_error("RATE_LIMITED");
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let none = "\nbilling_portal_forwarded_for_unreadable_total 0\n";
    assert!(metrics.text().contains(none));
}
