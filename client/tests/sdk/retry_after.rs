//! Every form of `Retry-After` that RFC 9110 allows, and values that are in no such form.

use std::time::{Duration, Instant};

use billing_portal_client::Error;

use super::replies::{opened, refusal, serve};
use super::{RETURN_URL, client_of};

/// Thirteen seconds before the dates below, by a clock that is wrong by decades.
const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:24 GMT\r\n";

/// What a refused call asks to wait, and the number of requests that a client with one retry made. Its deadline is
/// shorter than any wait here but zero, so nothing is waited for.
async fn refused(headers: &str) -> (Error, usize) {
    let server = serve([refusal(503, "SERVICE_UNAVAILABLE", headers)]).await;
    let client = client_of(&server)
        .timeout(Duration::from_millis(900))
        .max_retries(1)
        .build()
        .expect("valid settings");
    let error = client
        .create_portal_session(RETURN_URL)
        .await
        .expect_err("refused");
    (error, server.requests().len())
}

async fn retry_after(headers: &str) -> Option<Duration> {
    refused(headers).await.0.retry_after()
}

#[tokio::test]
async fn k2_seconds_are_read_and_fractions_rounded_up() {
    let cases = [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("0000000000000000000000000000000012", 12),
        ("  5  ", 5),
        ("1.5", 2),
        ("0.001", 1),
        ("2.0", 2),
        ("2.000000000000000000000000000000000000000000001", 3),
        ("29.9", 30),
    ];
    for (value, seconds) in cases {
        let found = retry_after(&format!("Retry-After: {value}\r\n")).await;
        assert_eq!(found, Some(Duration::from_secs(seconds)), "{value:?}");
    }
}

#[tokio::test]
async fn k2_dates_are_read_in_all_three_forms() {
    let cases = [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ];
    for value in cases {
        let found = retry_after(&format!("{DATE}Retry-After: {value}\r\n")).await;
        assert_eq!(found, Some(Duration::from_secs(13)), "{value}");
    }
    for date in cases {
        let headers = format!("Date: {date}\r\nRetry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n");
        let found = retry_after(&headers).await;
        assert_eq!(found, Some(Duration::from_secs(10)), "Date: {date}");
    }
    let past = retry_after(&format!("{DATE}Retry-After: Sun Nov  6 08:00:00 1994\r\n")).await;
    assert_eq!(past, Some(Duration::ZERO));
}

/// Two digits mean the year that is at most 50 years ahead.
#[tokio::test]
async fn k2_two_digits_of_a_year_are_read_as_rfc_9110_says() {
    let now = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
    for (value, is_past) in [
        ("Saturday, 01-Jan-94 00:00:00 GMT", true),
        ("Sunday, 01-Jan-23 00:00:00 GMT", true),
        ("Thursday, 01-Jan-70 00:00:00 GMT", false),
        ("Monday, 01-Jan-50 00:00:00 GMT", false),
    ] {
        let wait = retry_after(&format!("{now}Retry-After: {value}\r\n")).await;
        assert_eq!(wait.map(|wait| wait.is_zero()), Some(is_past), "{value}");
    }
}

#[tokio::test]
async fn k2_a_wait_that_is_too_long_is_not_started() {
    for value in [
        "31",
        "30.1",
        "86400",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "99999999999999999999.5",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Friday, 31-Dec-49 23:59:59 GMT",
        "Fri Dec 31 23:59:59 9999",
    ] {
        let server = serve([refusal(
            429,
            "RATE_LIMITED",
            &format!("Retry-After: {value}\r\n"),
        )])
        .await;
        let client = client_of(&server)
            .timeout(Duration::from_mins(5))
            .build()
            .expect("valid settings");
        let error = client
            .create_portal_session(RETURN_URL)
            .await
            .expect_err("refused");
        assert_eq!(server.requests().len(), 1, "{value}");
        let requested = error.retry_after();
        assert!(
            requested > Some(Duration::from_secs(30)),
            "{value}: {requested:?}"
        );
    }
}

/// The call is retried after the SDK's own pause, as without the header.
#[tokio::test]
async fn k2_a_value_in_no_form_of_rfc_9110_counts_as_absent() {
    for value in [
        "soon",
        "-1",
        "-0",
        "+1",
        "1e3",
        "0x10",
        ".5",
        "1.",
        "1,5",
        "1.5.0",
        "1 2",
        "1s",
        "",
        "é",
        "2026-05-22T12:30:00Z",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Someday, 06-Nov-94 25:49:37 GMT",
        "Sun Nov 6",
    ] {
        let (error, requests) = refused(&format!("Retry-After: {value}\r\n")).await;
        assert_eq!(error.retry_after(), None, "{value:?}");
        assert_eq!(requests, 2, "{value:?} was not retried");
    }
}

#[tokio::test]
async fn k2_the_wait_is_waited_for() {
    for value in ["1", "0.2", "Sunday, 06-Nov-94 08:49:25 GMT"] {
        let headers = format!("{DATE}Retry-After: {value}\r\n");
        let server = serve([refusal(503, "SERVICE_UNAVAILABLE", &headers), opened()]).await;
        let client = client_of(&server).build().expect("valid settings");
        let started = Instant::now();
        let call = client.create_portal_session(RETURN_URL);
        call.await.expect("the second try succeeds");
        let waited = started.elapsed();
        assert!(waited >= Duration::from_secs(1), "{value}: {waited:?}");
    }
}
