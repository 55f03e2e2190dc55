//! S6: a mistyped log filter is refused instead of turning the log off.

use super::config_check::{check, run};
use crate::harness::log::lines;
use crate::harness::process::Process;
use crate::harness::service::Service;

#[tokio::test]
async fn s6_levels_and_known_targets_are_accepted() {
    for filter in [
        "off",
        "error",
        "warn",
        "warning",
        "info",
        "debug",
        "trace",
        "INFO",
        "Warning",
        "info,sqlx=debug",
        "warning, hyper=trace , reqwest=off",
        "info,hyper_util::client=debug",
        "billing_portal_server=debug",
        "info,billing_portal_server::stripe=trace",
        "info,billing_portal_server::stripe::attempt=trace",
        "audit=info",
        "info,sqlx=warning",
        "billing_portal_server[request]=debug",
        "info,[request{path=x}]=trace",
    ] {
        check(&[("LOG", filter)]).await.assert_clean(filter);
    }
}

#[tokio::test]
async fn s6_a_mistyped_log_filter_is_refused_with_the_nearest() {
    #[rustfmt::skip]
    let rows = [
        ("warnign", "\"warnign\" is not a level: off, error, warn, info, debug or trace; did you mean warning?"),
        ("inof", "\"inof\" is not a level: off, error, warn, info, debug or trace; did you mean info?"),
        ("debgu", "\"debgu\" is not a level: off, error, warn, info, debug or trace; did you mean debug?"),
        ("errors", "\"errors\" is not a level: off, error, warn, info, debug or trace; did you mean error?"),
        ("verbose", "\"verbose\" is not a level: off, error, warn, info, debug or trace"),
        ("3", "\"3\" is not a level: off, error, warn, info, debug or trace"),
        ("sqlx", "\"sqlx\" is not a level: off, error, warn, info, debug or trace; for one module write sqlx=debug"),
        ("info,hyper=debgu", "\"debgu\" is not a level: off, error, warn, info, debug or trace; did you mean debug?"),
        ("info,hyper=", "\"\" is not a level: off, error, warn, info, debug or trace"),
        ("info,sqlz=debug", "\"sqlz\" is not a module of this program or a crate that it is built of; did you mean sqlx?"),
        ("billing_portal_sever=debug",
            "\"billing_portal_sever\" is not a module of this program or a crate that it is built of; \
             did you mean billing_portal_server?"),
        ("billing_portal=debug",
            "\"billing_portal\" is not a module of this program or a crate that it is built of; \
             did you mean billing_portal_server?"),
        ("hyper-util=debug",
            "\"hyper-util\" is not a module of this program or a crate that it is built of; did you mean hyper_util?"),
        ("billing_portal_server::strpe=debug",
            "\"billing_portal_server::strpe\" is not a module of this program or a crate that it is built of; \
             did you mean billing_portal_server::stripe?"),
        ("am_live_unseen=debug", "\"[redacted]\" is not a module of this program or a crate that it is built of"),
        (",", "must be a level, or levels for modules, such as info or info,sqlx=debug, not \",\""),
    ];
    for (filter, expected) in rows {
        assert_eq!(check(&[("LOG", filter)]).await.problem("log"), expected);
    }
    let report = check(&[("LOG", "inof,sqlz=debug,hyper=trace")]).await;
    assert_eq!(report.problems.len(), 2, "all at once: {report:?}");
    let (code, _) = run(&["serve"], &[("LOG", "warnign")]).await;
    assert_eq!(code, Some(1), "it does not start");
}

#[tokio::test]
async fn s6_warning_is_the_level_warn() {
    let service = Service::start().await;
    // The service says where it listens in a line of the level info, and warns about an unknown variable.
    let settings = [
        ("LOG", "info,billing_portal_server::stripe=warning"),
        ("CHART", "7"),
    ];
    let process = Process::beside(&service, &settings).await;
    process.terminate().await;
    let (_, log) = process.end().await;
    let lines = lines(&log);
    let unusual = lines.iter().find(|line| line["event"] == "unusual_setting");
    assert_eq!(unusual.expect("it is logged")["level"], "WARN");
    let of_stripe = |target: &str| target.starts_with("billing_portal_server::stripe");
    let hidden = lines
        .iter()
        .filter(|line| line["target"].as_str().is_some_and(of_stripe));
    assert!(
        hidden
            .filter(|line| line["level"] == "INFO")
            .all(|line| line["alert"] == true)
    );
}
