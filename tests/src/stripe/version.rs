//! The version of Stripe's API that a call names: an older one neither shows nor accepts what is newer.

use serde_json::Value;

use super::form::SUBSCRIPTION_PAUSE_FIELD;
use super::refusal::Refusal;

/// The first version whose portal configurations have `subscription_pause`.
const FIRST_WITH_SUBSCRIPTION_PAUSE: &str = "2026-10-28";

/// Whether configurations have `subscription_pause`. A version is a date and a name, such as `2026-10-28.endive`.
fn has_subscription_pause(version: &str) -> bool {
    let date = version.split('.').next().unwrap_or_default();
    date >= FIRST_WITH_SUBSCRIPTION_PAUSE
}

/// Refuses a field of a form that the version does not have.
pub(super) fn require_known(fields: &[(String, String)], version: &str) -> Result<(), Refusal> {
    let has_field = fields
        .iter()
        .any(|(name, _)| name == SUBSCRIPTION_PAUSE_FIELD);
    if has_field && !has_subscription_pause(version) {
        return Err(Refusal::unknown_parameter(SUBSCRIPTION_PAUSE_FIELD));
    }
    Ok(())
}

/// The object, or each object of a list, as the version shows it.
pub(super) fn shown(mut object: Value, version: &str) -> Value {
    if has_subscription_pause(version) {
        return object;
    }
    hide_subscription_pause(&mut object);
    for one in object["data"].as_array_mut().into_iter().flatten() {
        hide_subscription_pause(one);
    }
    object
}

fn hide_subscription_pause(configuration: &mut Value) {
    if let Some(features) = configuration
        .get_mut("features")
        .and_then(Value::as_object_mut)
    {
        features.remove("subscription_pause");
    }
}
