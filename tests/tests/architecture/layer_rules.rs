//! The layers of the workspace, as rules that the tests check.

use crate::layers::Rule;

/// What may use what.
pub(crate) const RULES: &[Rule] = &[
    // HTTP plumbing knows nothing of billing.
    Rule::ImportOnlyFrom {
        files: &["server/src/http"],
        from: &["server/src/http"],
    },
    Rule::NeverImportFrom {
        files: &["server/src/store", "server/src/stripe"],
        from: &[
            "server/src/app",
            "server/src/auth",
            "server/src/cli",
            "server/src/extract",
            "server/src/http",
            "server/src/portal",
            "server/src/request_layer",
            "server/src/service",
            "server/src/webhooks",
        ],
    },
    Rule::NeverImportFrom {
        files: &["server/src/store"],
        from: &["server/src/stripe"],
    },
    Rule::NeverImportFrom {
        files: &["server/src/metrics", "server/src/log"],
        from: &[
            "server/src/app",
            "server/src/auth",
            "server/src/cli",
            "server/src/http",
            "server/src/portal",
            "server/src/service",
            "server/src/store",
            "server/src/stripe",
            "server/src/webhooks",
        ],
    },
    // The policy of return URLs is pure.
    Rule::ImportOnlyFrom {
        files: RETURN_URL,
        from: RETURN_URL,
    },
    Rule::UseOnlyCrates {
        files: RETURN_URL,
        crates: &["std", "url"],
    },
    only_in(&["sqlx"], &["server/src/store"]),
    only_in(
        &["hyper_rustls", "hyper_util::client", "reqwest"],
        &["server/src/stripe", "server/src/traces/collector"],
    ),
    only_in(&["*::StatusCode"], &["server/src/http"]),
    only_in(&["std::env"], &["server/src/main.rs"]),
    only_in(CLOCK, &["server/src/clock"]),
    // How long a wait lasted by the runtime's timer; it is no point in time that a test would set.
    only_in(
        &["tokio::time::Instant::now"],
        &[
            "server/src/clock",
            "server/src/http/connection",
            "server/src/http/sampling",
            "server/src/cli/customer/import",
            "server/src/lease_watch",
            "server/src/store/change_watch",
            "server/src/store/changes",
            "server/src/stripe/call_limiter",
        ],
    ),
    // No XML is parsed: deny.toml accepts two advisories of quick-xml for that reason.
    only_in(&["quick_xml", "*::Xml"], &[]),
    // The simulated Stripe runs beside a server that is a process of its own.
    Rule::OnlyIn {
        within: "tests/src/",
        used: &["billing_portal_server"],
        files: &[],
    },
];

const RETURN_URL: &[&str] = &["server/src/return_url"];

/// The time and randomness.
const CLOCK: &[&str] = &[
    "chrono::Local::now",
    "chrono::Utc::now",
    "fastrand",
    "getrandom",
    "rand",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "ulid::Ulid::generate",
    "ulid::Ulid::new",
    "uuid",
];

const fn only_in(used: &'static [&'static str], files: &'static [&'static str]) -> Rule {
    Rule::OnlyIn {
        within: "server/src/",
        used,
        files,
    }
}
