//! The check of the times that are recorded with mappings.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    check::Check,
    settings::{CONFIGURATION, DATABASE, DATABASE_URL, problem_of},
};
use crate::{
    config::{Config, Problems},
    ids::OrganizationId,
    store::{IfMissing, Store, StoreError},
};

/// How far the clock of another machine may be ahead. The service accepts events that are dated as far ahead.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(5);

/// Whether a mapping has a time in the future. Portals open all the same, so the check passes.
pub(super) async fn mapping_times(
    config: Option<&Config>,
    problems: &Problems,
    now: DateTime<Utc>,
) -> Check {
    const NAME: &str = "mapping_times";
    let Some(config) = config else {
        return Check::skipped(NAME, CONFIGURATION);
    };
    let organizations = match problem_of(problems, DATABASE_URL) {
        Some(_) => None,
        None => decided_in_the_future(config, now).await.ok(),
    };
    let Some(organizations) = organizations else {
        return Check::skipped(NAME, DATABASE);
    };
    let Some(first) = organizations.first() else {
        return Check::passed(NAME, "none is in the future");
    };
    let detail = format!(
        "{} in the future, because a clock was ahead; the first: organization {first}; until then no event of Stripe \
         changes its customer",
        organizations.len(),
    );
    let fix = "correct the clock of the machine that ran the command, then run billing-portal customer link --org ORG \
               with the customer that the organization should have";
    Check::passed(NAME, detail).with_fix(fix)
}

async fn decided_in_the_future(
    config: &Config,
    now: DateTime<Utc>,
) -> Result<Vec<OrganizationId>, StoreError> {
    let Ok(url) = config.database_url() else {
        return Ok(Vec::new()); // Reported by another check.
    };
    let store = Store::open(url.expose(), IfMissing::Fail).await?;
    let latest = now + MAX_CLOCK_DIFFERENCE;
    let organizations = store.organizations_decided_after(latest).await;
    store.close().await;
    organizations
}
