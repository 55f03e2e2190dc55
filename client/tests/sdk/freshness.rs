//! How long a portal's URL can be used, even if the local clock is wrong.

use std::time::Duration;

use billing_portal_client::PortalSession;
use billing_portal_client::chrono::{DateTime, TimeDelta, Utc};

use super::replies::{PORTAL_URL, json, serve, session};
use super::{RETURN_URL, client_of};

/// A session that expires at `expires_at`, answered by a service whose clock shows `date`.
async fn opened(expires_at: DateTime<Utc>, date: Option<DateTime<Utc>>) -> PortalSession {
    let body = session(PORTAL_URL).replace(
        "2026-05-22T12:30:00Z",
        &expires_at.format("%FT%TZ").to_string(),
    );
    let date = date.map(|date| {
        date.format("Date: %a, %d %b %Y %H:%M:%S GMT\r\n")
            .to_string()
    });
    let server = serve([json(200, &date.unwrap_or_default(), &body)]).await;
    let client = client_of(&server).build().expect("valid settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session")
}

#[tokio::test]
async fn freshness_follows_the_services_clock() {
    for skew in [-86_400, -300, 0, 300, 86_400] {
        let service_now = Utc::now() + TimeDelta::seconds(skew);
        let session = opened(service_now + TimeDelta::seconds(300), Some(service_now)).await;
        let url = &session.portal_url;
        assert!(url.is_fresh(Duration::from_secs(295)), "skewed by {skew} s");
        assert!(!url.is_fresh(Duration::from_mins(5)), "skewed by {skew} s");
    }
}

#[tokio::test]
async fn without_a_date_header_freshness_follows_the_local_clock() {
    let session = opened(Utc::now() + TimeDelta::seconds(300), None).await;
    assert!(session.portal_url.is_fresh(Duration::from_secs(295)));
    assert!(!session.portal_url.is_fresh(Duration::from_mins(5)));
}

#[tokio::test]
async fn an_expired_session_is_not_fresh() {
    let session = opened(Utc::now() - TimeDelta::seconds(1), Some(Utc::now())).await;
    assert!(!session.portal_url.is_fresh(Duration::ZERO));
}

/// The time that passes after the answer is subtracted.
#[tokio::test]
async fn freshness_ends_with_time() {
    let session = opened(Utc::now() + TimeDelta::seconds(3), Some(Utc::now())).await;
    assert!(session.portal_url.is_fresh(Duration::from_millis(500)));
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert!(!session.portal_url.is_fresh(Duration::from_millis(500)));
}
