//! What is wrong with the portal profiles of the settings.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;
use url::Url;

use super::{
    Problems,
    expected::shown,
    portal_profile::{DEFAULT_PROFILE, PortalProfile},
};
use crate::ids::is_stripe_id;

/// The setting.
pub(super) const SETTING: &str = "portal_profiles";

/// The longest name of a profile, in bytes. It is a part of a metadata value at Stripe, which has at most 500.
const MAX_NAME_LENGTH: usize = 32;

/// The longest headline, in characters: Stripe's limit.
const MAX_HEADLINE_CHARS: usize = 60;

/// What is wrong with the types and the names in the setting.
pub(super) fn problems_of_tables(value: &Value) -> Vec<String> {
    let Value::Table(profiles) = value else {
        return vec![
            "must be tables in the configuration file, such as [portal_profiles.emea]".to_owned(),
        ];
    };
    let read = |(name, profile): (&String, &Value)| {
        let profile = profile.clone().try_into::<PortalProfile>();
        let error = profile.err()?;
        // The text of the error has the names that are known.
        Some(format!("{name}: {}", error.message().trim()))
    };
    profiles.iter().filter_map(read).collect()
}

/// Requires that Stripe can take every profile.
pub(super) fn require_profiles(
    profiles: &BTreeMap<String, PortalProfile>,
    named_configuration: Option<&String>,
) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for (name, profile) in profiles {
        for problem in profile_problems(name, profile) {
            problems.add(SETTING, format!("{name}: {problem}"));
        }
    }
    if named_configuration.is_some() && profiles.contains_key(DEFAULT_PROFILE) {
        let problem = "default: the service never changes the configuration that stripe_portal_configuration names; remove \
                       one of the two";
        problems.add(SETTING, problem);
    }
    problems.none_or(())
}

fn profile_problems(name: &str, profile: &PortalProfile) -> Vec<String> {
    let mut problems = Vec::new();
    if !is_name(name) {
        let problem =
            format!("the name of a profile must be 1 to {MAX_NAME_LENGTH} of a-z 0-9 _ -");
        problems.push(problem);
    }
    let headline = profile.headline.as_ref();
    if headline.is_some_and(|text| !(1..=MAX_HEADLINE_CHARS).contains(&text.chars().count())) {
        problems.push(format!(
            "headline must have 1 to {MAX_HEADLINE_CHARS} characters"
        ));
    }
    for (field, url) in urls(profile) {
        if url.is_some_and(|url| !is_https(url)) {
            let url = shown(url.map_or("", String::as_str));
            problems.push(format!(
                "{field} must be an https URL without credentials, such as https://example.com/{field}, not {url}"
            ));
        }
    }
    if profile
        .customer_updates
        .as_ref()
        .is_some_and(BTreeSet::is_empty)
    {
        problems.push("customer_updates must have at least one item, such as name".to_owned());
    }
    let payment_methods = profile.payment_method_configuration.as_ref();
    if let Some(id) = payment_methods.filter(|id| !is_stripe_id(id, "pmc_")) {
        problems.push(format!(
            "payment_method_configuration must be the id of one, such as pmc_1MAhNDLkdIwHu7ix, not {}",
            shown(id)
        ));
    }
    problems
}

fn urls(profile: &PortalProfile) -> [(&'static str, Option<&String>); 3] {
    [
        ("privacy_policy_url", profile.privacy_policy_url.as_ref()),
        (
            "terms_of_service_url",
            profile.terms_of_service_url.as_ref(),
        ),
        ("default_return_url", profile.default_return_url.as_ref()),
    ]
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=MAX_NAME_LENGTH).contains(&name.len()) && name.bytes().all(is_allowed)
}

fn is_https(text: &str) -> bool {
    let url = Url::parse(text).ok();
    url.is_some_and(|url| {
        url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
    })
}
