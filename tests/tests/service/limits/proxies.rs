//! Which address a limit counts behind proxies.

use crate::harness::service::Service;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_last_one_that_no_proxy_reported() {
    let bad = |forwarded: &str| {
        TestRequest::portal("nonsense", RETURN_URL).with_header("X-Forwarded-For", forwarded)
    };
    let trusting = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "1")
        .set("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")
        .start()
        .await;
    #[rustfmt::skip]
    let rows = [
        ("203.0.113.1", "UNAUTHORIZED", "the first failure of this address"),
        ("203.0.113.2", "UNAUTHORIZED", "another address behind the same proxy"),
        ("203.0.113.1", "RATE_LIMITED", "the second failure"),
        ("203.0.113.1, 10.0.0.7", "RATE_LIMITED", "behind a second proxy of ours"),
        ("203.0.113.3, 203.0.113.1", "RATE_LIMITED", "what the caller made up does not count"),
        ("203.0.113.1, 203.0.113.4", "UNAUTHORIZED", "only what our proxy saw counts"),
        ("2001:db8:0:1::1", "UNAUTHORIZED", "an address of version 6"),
        ("2001:db8:0:1::2", "RATE_LIMITED", "its neighbour in the same /64"),
    ];
    for (forwarded, code, why) in rows {
        println!("{why}");
        trusting.send(&bad(forwarded)).await.assert_error(code);
    }
    let mut two_headers = bad("203.0.113.5");
    let second = ("X-Forwarded-For".to_owned(), "203.0.113.1".to_owned());
    two_headers.headers.push(second);
    trusting
        .send(&two_headers)
        .await
        .assert_error("RATE_LIMITED");

    // The proxy added its line to one that is no text: what stands before it is the caller's invention.
    for invented in ["203.0.113.6", "203.0.113.7"] {
        let mut unreadable = bad(invented);
        let line = ("X-Forwarded-For".to_owned(), "é, 10.0.0.7".to_owned());
        unreadable.headers.push(line);
        let answer = trusting.send(&unreadable).await;
        let expected = if invented.ends_with('6') {
            "UNAUTHORIZED"
        } else {
            "RATE_LIMITED"
        };
        answer.assert_error(expected);
    }

    let direct = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "1")
        .start()
        .await;
    direct
        .send(&bad("203.0.113.1"))
        .await
        .assert_error("UNAUTHORIZED");
    direct
        .send(&bad("203.0.113.2"))
        .await
        .assert_error("RATE_LIMITED");
}
