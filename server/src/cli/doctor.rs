//! `doctor`: reports what would fail now, why, and how to fix it.
//!
//! Every check is always reported, in the same order. A check that was skipped because an earlier one failed has not
//! passed: it names the earlier one. The valid settings are used, so that one mistake does not hide another.

mod check;
mod mapping_times;
mod profiles;
mod settings;
mod stripe;

use serde_json::json;

use super::{
    context::Context,
    report::Report,
    terminal::{Colour, Highlights},
};
use check::Check;
use stripe::NotAsked;

const HIGHLIGHTS: Highlights = &[
    ("ok ", Colour::Green),
    ("FAIL", Colour::Red),
    ("fix:", Colour::Yellow),
];

/// Makes every check.
pub(super) async fn examine(context: &Context<'_>) -> Report {
    let (config, problems) = context.readable_config();
    let mut checks = vec![
        settings::configuration(config.as_ref(), &problems),
        settings::database(config.as_ref(), &problems).await,
        settings::return_url_allow_list(config.as_ref(), &problems),
        settings::stripe_secret(config.as_ref(), &problems),
        settings::webhook_secret(config.as_ref(), &problems),
    ];
    let conflicts = settings::customer_conflicts(config.as_ref(), &problems).await;
    let now = context.clock.now();
    let mapping_times = mapping_times::mapping_times(config.as_ref(), &problems, now).await;
    let profiles = profiles::portal_profiles(config.as_ref(), &problems).await;
    let names = stripe::profile_names(config.as_ref());
    let asked = match (config, settings::blocking_check(&problems)) {
        (Some(config), None) => stripe::ask(context, &config).await,
        (Some(_), Some(blocking_check)) => Err(NotAsked::After(blocking_check)),
        (None, _) => Err(NotAsked::After(settings::CONFIGURATION)),
    };
    checks.extend(stripe::checks(asked, &names));
    checks.extend([conflicts, mapping_times, profiles]);
    report(&checks)
}

fn report(checks: &[Check]) -> Report {
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| check.name.as_ref())
        .collect();
    let ok = failed.is_empty();
    let lines: Vec<String> = checks.iter().map(Check::line).collect();
    let verdict = if ok {
        format!("all {} checks passed", checks.len())
    } else {
        let (failures, all) = (failed.len(), checks.len());
        format!("{failures} of {all} checks failed: {}", failed.join(", "))
    };
    let text = format!("{}\n{verdict}", lines.join("\n"));
    Report {
        failed: !ok,
        highlights: HIGHLIGHTS,
        ..Report::new(json!({ "ok": ok, "checks": checks }), text)
    }
}
