//! `doctor`: which of the operation's outcomes would fail today, why, and what to do.
//!
//! Every check is always told, in one order. One that could not be made because an earlier one failed is no pass: it
//! says what it waits for. The settings are used as far as they are good, so that one mistake does not hide another.

mod settings;
mod stripe;

use serde::Serialize;
use serde_json::json;

use super::{context::Context, report::Report};

/// Something that must be so for portals to open, and whether it is.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn passed(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            detail: detail.into(),
            fix: None,
        }
    }

    fn failed(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            ok: false,
            ..Self::passed(name, detail).with_fix(fix)
        }
    }

    /// It could not be made before another one passes.
    fn waits(name: &'static str, other: &str) -> Self {
        let detail = format!("not checked: it waits for {other}");
        Self::failed(name, detail, format!("mend {other} first"))
    }

    /// What a person might still want to do.
    fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    fn line(&self) -> String {
        let verdict = if self.ok { "ok" } else { "FAIL" };
        let line = format!("{verdict:<4}  {:<21}  {}", self.name, self.detail);
        match &self.fix {
            Some(fix) => format!("{line}\n      fix: {fix}"),
            None => line,
        }
    }
}

/// Makes every check.
pub(super) async fn examine(context: &Context<'_>) -> Report {
    let (config, problems) = context.readable_config();
    let mut checks = vec![
        settings::configuration(&problems),
        settings::database(config.as_ref(), &problems).await,
        settings::return_url_allow_list(config.as_ref(), &problems),
        settings::stripe_secret(config.as_ref(), &problems),
        settings::webhook_secret(config.as_ref(), &problems),
    ];
    let asked = match (config, settings::hindrance(&problems)) {
        (Some(config), None) => stripe::ask(context, &config).await,
        (Some(_), Some(hindrance)) => Err(hindrance),
        (None, _) => Err(settings::CONFIGURATION),
    };
    checks.extend(stripe::checks(asked));
    report(&checks)
}

fn report(checks: &[Check]) -> Report {
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| check.name)
        .collect();
    let ok = failed.is_empty();
    let lines: Vec<String> = checks.iter().map(Check::line).collect();
    let verdict = if ok {
        "all is well: portals open".to_owned()
    } else {
        let (failures, all) = (failed.len(), checks.len());
        format!("{failures} of {all} checks failed: {}", failed.join(", "))
    };
    let text = format!("{}\n{verdict}", lines.join("\n"));
    Report {
        failed: !ok,
        ..Report::new(json!({ "ok": ok, "checks": checks }), text)
    }
}
