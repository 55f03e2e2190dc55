//! The checks of the settings and the database.

use std::path::PathBuf;

use super::check::Check;
use crate::{
    config::{Config, Environment, Problem, Problems},
    ids::Mode,
    store::{CustomerConflict, IfMissing, Store, StoreError, permissions_of_others},
};

pub(super) const CONFIGURATION: &str = "configuration";
pub(super) const STRIPE_SECRET: &str = "stripe_secret";

pub(super) const DATABASE: &str = "database";
pub(super) const DATABASE_URL: &str = "database_url";
const ALLOW_LIST: &str = "return_url_allow_list";
const SECRET_KEY: &str = "stripe_secret_key";
const WEBHOOK_SECRET: &str = "stripe_webhook_secret";

/// All problems of one setting in one text; `None` if there are none.
pub(super) fn problem_of(problems: &Problems, setting: &str) -> Option<String> {
    let wrong = problems.0.iter().filter(|one| one.setting == setting);
    let wrong: Vec<&str> = wrong.map(|one| one.problem.as_str()).collect();
    (!wrong.is_empty()).then(|| format!("{setting} {}", wrong.join("; ")))
}

/// The failed check because of which Stripe is not called. While a setting about Stripe is wrong, the secret could be
/// sent to the wrong server.
pub(super) fn blocking_check(problems: &Problems) -> Option<&'static str> {
    let is_about_stripe = |problem: &&Problem| {
        problem.setting.starts_with("stripe_") && problem.setting != WEBHOOK_SECRET
    };
    let mut about_stripe = problems.0.iter().filter(is_about_stripe);
    if problem_of(problems, SECRET_KEY).is_some() {
        return Some(STRIPE_SECRET);
    }
    about_stripe.next().map(|_| CONFIGURATION)
}

/// Everything that `config check` reports.
pub(super) fn configuration(config: Option<&Config>, problems: &Problems) -> Check {
    let line = |problems: &Problems| problems.to_string().replace('\n', "; ");
    if !problems.0.is_empty() {
        let fix = "correct what is named in the configuration file or the variables; billing-portal config schema \
                   explains every setting";
        return Check::failed(CONFIGURATION, line(problems), fix);
    }
    match config.map(Config::warnings) {
        Some(warnings) if !warnings.0.is_empty() => {
            let detail = format!("every setting is valid, but: {}", line(warnings));
            Check::passed(CONFIGURATION, detail).with_fix("remove or correct what is named")
        }
        _ => Check::passed(CONFIGURATION, "every setting is valid"),
    }
}

/// Whether the database opens, has the tables of this version, and can be read and written.
pub(super) async fn database(config: Option<&Config>, problems: &Problems) -> Check {
    const NAME: &str = DATABASE;
    let Some(config) = config else {
        return Check::skipped(NAME, CONFIGURATION);
    };
    if let Some(problem) = problem_of(problems, DATABASE_URL) {
        return Check::failed(NAME, problem, "correct database_url");
    }
    match answers(config).await {
        Ok(path) => usable(NAME, path),
        Err(
            error @ (StoreError::Migration(_)
            | StoreError::Newer { .. }
            | StoreError::OtherTables(_)),
        ) => {
            let fix = "use the newest version of billing-portal that has used this database, or restore a backup";
            Check::failed(NAME, error.to_string(), fix)
        }
        Err(error @ (StoreError::File { .. } | StoreError::Missing(_))) => Check::failed(
            NAME,
            error.to_string(),
            "correct database_url, or remove what the detail names",
        ),
        Err(error) => Check::failed(
            NAME,
            error.to_string(),
            "check that the database runs and accepts database_url, or, for a file, that this user may write in its folder \
             and that the disk is not full; if it is damaged, restore a backup",
        ),
    }
}

/// The database can be used. A warning if other users can read or write its file.
fn usable(name: &'static str, path: Option<PathBuf>) -> Check {
    const USABLE: &str = "it opens, has the tables of this version, and can be read and written";
    let mode = |path: PathBuf| Some((permissions_of_others(&path)?, path));
    let Some((mode, path)) = path.and_then(mode) else {
        return Check::passed(name, USABLE);
    };
    let path = path.display();
    Check::passed(
        name,
        format!("{USABLE}; warning: other users may use {path} (mode {mode:04o})"),
    )
    .with_fix(format!("run chmod 600 {path}*"))
}

/// The path of the database, if it is a file.
async fn answers(config: &Config) -> Result<Option<PathBuf>, StoreError> {
    let Ok(url) = config.database_url() else {
        return Ok(None); // Its problem is known by now.
    };
    let store = Store::open(url.expose(), IfMissing::Fail).await?;
    let answer = match store.ping().await {
        Ok(()) => store.check_write().await,
        error => error,
    };
    store.close().await;
    answer.map(|()| store.path().map(ToOwned::to_owned))
}

/// Conflicts that an operator has to resolve. Portals open all the same, so the check passes.
pub(super) async fn customer_conflicts(config: Option<&Config>, problems: &Problems) -> Check {
    const NAME: &str = "customer_conflicts";
    let Some(config) = config else {
        return Check::skipped(NAME, CONFIGURATION);
    };
    let conflicts = match problem_of(problems, DATABASE_URL) {
        Some(_) => None,
        None => list_conflicts(config).await.ok(),
    };
    let Some(conflicts) = conflicts else {
        return Check::skipped(NAME, DATABASE);
    };
    let Some(first) = conflicts.first() else {
        return Check::passed(NAME, "none");
    };
    let detail = format!(
        "{} not resolved; the first: organization {}, customer {}, {} {}",
        conflicts.len(),
        first.org,
        first.customer,
        first.reason,
        first.other,
    );
    let fix = "list them with billing-portal customer conflicts, then run billing-portal customer link --org ORG with \
               the customer that the organization should have";
    Check::passed(NAME, detail).with_fix(fix)
}

async fn list_conflicts(config: &Config) -> Result<Vec<CustomerConflict>, StoreError> {
    let Ok(url) = config.database_url() else {
        return Ok(Vec::new()); // Reported by another check.
    };
    let store = Store::open(url.expose(), IfMissing::Fail).await?;
    let conflicts = store.list_conflicts().await;
    store.close().await;
    conflicts
}

/// Whether at least one origin is listed.
pub(super) fn return_url_allow_list(config: Option<&Config>, problems: &Problems) -> Check {
    const FIX: &str = "list the origins of your own pages in return_url_allow_list, such as https://app.example.com";
    let Some(config) = config else {
        return Check::skipped(ALLOW_LIST, CONFIGURATION);
    };
    if let Some(problem) = problem_of(problems, ALLOW_LIST) {
        return Check::failed(ALLOW_LIST, problem, FIX);
    }
    match config.settings().return_url_allow_list.as_slice() {
        // Development starts so, and then refuses every request.
        [] => Check::failed(
            ALLOW_LIST,
            "the list is empty: every return URL is refused",
            FIX,
        ),
        origins => Check::passed(ALLOW_LIST, origins.join(", ")),
    }
}

/// Whether the secret is set and has the form of a Stripe key.
pub(super) fn stripe_secret(config: Option<&Config>, problems: &Problems) -> Check {
    let Some(config) = config else {
        return Check::skipped(STRIPE_SECRET, CONFIGURATION);
    };
    let fix = "put a restricted key (rk_…) of Stripe's dashboard, with the permission Customer portal: Write, into \
               stripe_secret_key or the file that stripe_secret_key_file names";
    if let Some(problem) = problem_of(problems, SECRET_KEY) {
        return Check::failed(STRIPE_SECRET, problem, fix);
    }
    let Ok(mode) = config.mode() else {
        return Check::failed(STRIPE_SECRET, "stripe_secret_key is not valid", fix);
    };
    let secret = config.settings().stripe_secret_key.as_ref();
    let restricted = secret.is_some_and(|secret| secret.expose().starts_with("rk_"));
    let kind = if restricted {
        "restricted"
    } else {
        "unrestricted"
    };
    let detail = format!("{mode} mode, {kind}", mode = mode.as_str());
    let production = config.settings().environment == Environment::Production;
    if production && mode == Mode::Test {
        let warning = format!("{detail}; production with a test secret: nobody can pay");
        return Check::passed(STRIPE_SECRET, warning)
            .with_fix("set stripe_secret_key to the live key before customers pay");
    }
    Check::passed(STRIPE_SECRET, detail)
}

/// Whether webhooks are received. Without a secret the check passes, because they are optional.
pub(super) fn webhook_secret(config: Option<&Config>, problems: &Problems) -> Check {
    const NAME: &str = "webhook_secret";
    let Some(config) = config else {
        return Check::skipped(NAME, CONFIGURATION);
    };
    if let Some(problem) = problem_of(problems, WEBHOOK_SECRET) {
        let fix = "copy the endpoint's signing secret, whsec_…, from Stripe's dashboard into stripe_webhook_secret";
        return Check::failed(NAME, problem, fix);
    }
    match config.settings().stripe_webhook_secret.len() {
        0 => Check::passed(
            NAME,
            "none: the service does not receive webhooks, and only commands link customers",
        )
        .with_fix(
            "add a webhook endpoint for /webhooks/stripe in Stripe's dashboard, and put its whsec_… into \
             stripe_webhook_secret",
        ),
        1 => Check::passed(NAME, "one secret"),
        count => Check::passed(
            NAME,
            format!("{count} secrets; remove the old one after the replacement"),
        ),
    }
}
