//! One caller calls once.

use super::super::assertions;
use super::super::case::Case;
use super::super::setup::Setup;
use crate::harness::log::{self, Log};

pub(super) async fn one_call(case: &Case, log: &Log) {
    assert!(case.is_one_call(), "the case needs a scenario");
    let mut setup = Setup::of(case, log).await;
    if case.reuses_a_connection() {
        assert_eq!(setup.call().await.0.status, 200);
    }
    setup.faulty.play(&case.steps()).await;
    let (answer, elapsed) = setup.call().await;
    assertions::assert_response(case, &answer, elapsed);

    let (attempts, calls) = (setup.faulty.attempts(), setup.faulty.calls());
    let expected = case.expect.attempts().expect("the case has one call");
    assert!(expected.contains(&attempts), "{attempts} attempts");
    let first = calls.first();
    assert!(!case.reuses_a_connection() || first.is_some_and(|call| call.is_reused));
    let key = assertions::assert_same_request(&calls, &setup.faulty.simulated.secret());
    let strangers = setup.faulty.hosts().into_iter();
    let strangers: Vec<_> = strangers.filter(|host| host != "localhost").collect();
    assert!(strangers.is_empty(), "{strangers:?} were looked up");
    assert_ne!(case.expect.evil_host_contacted, Some(true));

    let unavailable = setup.unavailable().await;
    let text = setup.end().await;
    assertions::assert_log(case, &text);
    let mut lines = log::lines(&text);
    lines.retain(|line| line["span"]["request_id"] == answer.request_id());
    assertions::assert_logged_attempts(&lines, attempts, key.as_deref());
    if answer.status == 502 {
        assertions::assert_cause(case, &lines, &calls, &unavailable);
    } else {
        assert!(unavailable.is_empty(), "{unavailable:?}");
    }
}
