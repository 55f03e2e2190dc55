//! What a portal configuration must be like: the features that the service turns on and off, and the check of what Stripe
//! returns.

use std::collections::BTreeSet;

use serde_json::Value;

use super::profile::Profile;
use crate::ids::is_stripe_id;

/// The features that the portal must have, whatever the profile.
const REQUIRED_FEATURES: [(&str, &str); 7] = [
    ("features[customer_update][enabled]", "true"),
    ("features[invoice_history][enabled]", "true"),
    ("features[payment_method_update][enabled]", "true"),
    ("features[subscription_cancel][enabled]", "false"),
    ("features[subscription_pause][enabled]", "false"),
    ("features[subscription_update][enabled]", "false"),
    ("login_page[enabled]", "false"),
];

/// The features that may be on. Any other one is a violation, including one that Stripe may add.
const PERMITTED_FEATURES: [&str; 3] = [
    "customer_update",
    "invoice_history",
    "payment_method_update",
];

/// The features that change plans. Stripe must report each as off: a version of its API that does not know a feature
/// leaves it out, whether it is on or off.
const PLAN_FEATURES: [&str; 3] = [
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
];

/// A reason why no portal may be opened with a configuration, such as `subscription_cancel is on`.
type Violation = String;

/// A configuration and its violations.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    /// Stripe's id, `bpc_…`.
    pub id: String,
    /// Whether portals may be opened with it.
    pub ok: bool,
    /// Why no portal may be opened with it.
    pub violations: Vec<Violation>,
}

/// The form of a profile's configuration, with further fields.
pub(super) fn form<const N: usize>(
    profile: &Profile,
    more: [(&str, &str); N],
) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let marker = profile.marker();
    let mark = [
        ("name", marker.as_str()),
        ("metadata[managed_by]", marker.as_str()),
    ];
    let features = mark.into_iter().chain(REQUIRED_FEATURES).map(owned);
    let updates = profile.customer_updates().into_iter().enumerate();
    let updates = updates.map(|(index, update)| {
        let field = format!("features[customer_update][allowed_updates][{index}]");
        (field, update.to_owned())
    });
    let shown = profile.shown();
    let shown = shown.map(|field| (field.parameter.to_owned(), field.value));
    let more = more.into_iter().map(owned);
    features.chain(updates).chain(shown).chain(more).collect()
}

/// Checks the configuration for violations.
pub(super) fn verify(configuration: &Value) -> Verification {
    let mut violations = feature_violations(&configuration["features"]);
    let login_page = &configuration["login_page"];
    if !login_page.is_null() && !is_off(login_page) {
        violations.push("login_page is on".to_owned());
    }
    if configuration["active"] == false {
        violations.push("the configuration is not active".to_owned());
    }
    let id = id_of(configuration).unwrap_or_default().to_owned();
    Verification {
        ok: violations.is_empty() && !id.is_empty(),
        id,
        violations,
    }
}

/// The features that must be off and are on, then those that must be reported and are not.
fn feature_violations(features: &Value) -> Vec<Violation> {
    let is_reported = |name: &str| features[name]["enabled"].is_boolean();
    let must_be_reported = |name: &str| PLAN_FEATURES.contains(&name);
    let on = features.as_object().into_iter().flatten();
    let on = on.filter(|(name, feature)| {
        let is_permitted = PERMITTED_FEATURES.contains(&name.as_str());
        let is_missing = must_be_reported(name) && !is_reported(name);
        !is_permitted && !is_missing && !is_off(feature)
    });
    let missing = PLAN_FEATURES.iter().filter(|name| !is_reported(name));
    let on = on.map(|(name, _)| format!("{name} is on"));
    on.chain(missing.map(|name| format!("{name} is not reported by Stripe")))
        .collect()
}

fn is_off(feature: &Value) -> bool {
    feature["enabled"] == false
}

/// Whether it has the mark of the profile's own configuration.
pub(super) fn is_managed(configuration: &Value, profile: &Profile) -> bool {
    configuration["metadata"]["managed_by"] == *profile.marker()
}

/// Whether it is marked as the profile's own, and the required features are on with exactly the profile's updates.
pub(super) fn is_complete(configuration: &Value, profile: &Profile) -> bool {
    let features = &configuration["features"];
    let all_on = PERMITTED_FEATURES
        .iter()
        .all(|name| features[name]["enabled"] == true);
    let updates = features["customer_update"]["allowed_updates"].as_array();
    let exact = updates.is_none_or(|updates| {
        let allowed: BTreeSet<&str> = updates.iter().filter_map(Value::as_str).collect();
        allowed == profile.customer_updates().into_iter().collect()
    });
    is_managed(configuration, profile) && all_on && exact
}

/// Whether it shows what the profile says. What the profile leaves out may be anything.
pub(super) fn is_current(configuration: &Value, profile: &Profile) -> bool {
    let mut shown = profile.shown();
    shown.all(|field| configuration.pointer(field.pointer) == Some(&Value::from(field.value)))
}

/// The id, if it is one.
pub(super) fn id_of(configuration: &Value) -> Option<&str> {
    let id = configuration["id"].as_str();
    id.filter(|id| is_stripe_id(id, "bpc_"))
}
