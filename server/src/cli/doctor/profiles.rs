//! The check of the profiles that organizations have.

use std::collections::BTreeMap;

use super::{
    check::Check,
    settings::{CONFIGURATION, DATABASE, DATABASE_URL, problem_of},
};
use crate::{
    config::{Config, Problems},
    store::{IfMissing, Store, StoreError},
};

/// Whether the settings have each profile that an organization has. Otherwise its portals do not open.
pub(super) async fn portal_profiles(config: Option<&Config>, problems: &Problems) -> Check {
    const NAME: &str = "portal_profiles";
    let Some(config) = config else {
        return Check::skipped(NAME, CONFIGURATION);
    };
    let in_use = match problem_of(problems, DATABASE_URL) {
        Some(_) => None,
        None => in_use(config).await.ok(),
    };
    let Some(mut unknown) = in_use else {
        return Check::skipped(NAME, DATABASE);
    };
    unknown.retain(|name, _| !config.settings().portal_profiles.contains_key(name));
    let Some(first) = unknown.keys().next() else {
        return Check::passed(NAME, "the settings have every profile in use");
    };
    let each = unknown
        .iter()
        .map(|(name, organizations)| format!("{name} (organizations: {organizations})"));
    let each: Vec<String> = each.collect();
    let detail = format!(
        "the settings do not have these profiles, whose organizations have no portal: {}",
        each.join(", ")
    );
    let fix = format!(
        "add [portal_profiles.{first}] to the configuration file and reload, or run billing-portal org set ORG \
         --profile with a profile that the settings have"
    );
    Check::failed(NAME, detail, fix)
}

/// How many organizations have each profile.
async fn in_use(config: &Config) -> Result<BTreeMap<String, i64>, StoreError> {
    let Ok(url) = config.database_url() else {
        return Ok(BTreeMap::new()); // Reported by another check.
    };
    let store = Store::open(url.expose(), IfMissing::Fail).await?;
    let in_use = store.count_portal_profiles().await;
    store.close().await;
    in_use
}
