//! S17: settings that change while the service runs, and the signals of service managers.

mod accepted;
mod command;
mod notify;
mod profiles;
mod refused;
mod signals;
mod stripe_settings;
mod under_load;

use serde_json::Value;

/// The events of a log with this name.
fn events<'a>(log: &'a [Value], name: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["event"] == name).collect()
}
