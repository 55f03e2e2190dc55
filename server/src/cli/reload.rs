//! `reload`: has the running service read its settings again.

pub(super) mod socket;

use std::{io, net::SocketAddr};

use serde_json::{Value, json};

use super::{
    context::{CliError, Context},
    report::Report,
};
use crate::{
    config::{Problems, VARIABLE_PREFIX},
    service::Reloaded,
};

/// Succeeds if the service of this configuration uses its changed settings now.
pub(super) async fn reload(context: &Context<'_>) -> Result<Report, CliError> {
    let operations = operations_listen(context)?;
    let answer = socket::request_reload(operations).await;
    let answer = answer.map_err(|error| CliError::Other(explain(operations, &error)))?;
    Ok(report(answer))
}

/// What the service answers.
pub(super) fn answer(reloaded: &Result<Reloaded, Problems>, generation: u64) -> Value {
    match reloaded {
        Ok(Reloaded {
            generation,
            changed,
            restart_needed,
        }) => json!({
            "ok": true,
            "generation": generation,
            "changed": changed,
            "restart_needed": restart_needed,
        }),
        Err(problems) => json!({ "ok": false, "generation": generation, "problems": problems }),
    }
}

/// Where the service listens. If the file cannot be read, only the variable says it: then the service is asked all the same,
/// so that it logs the alert. Any other address might be that of another service.
fn operations_listen(context: &Context<'_>) -> Result<SocketAddr, CliError> {
    let (config, problems) = context.readable_config();
    if let Some(config) = config {
        return Ok(config.settings().operations_listen);
    }
    let variable = context
        .variables
        .get(&format!("{VARIABLE_PREFIX}OPERATIONS_LISTEN"));
    let address = variable.and_then(|address| address.trim().parse().ok());
    address.ok_or(CliError::Configuration(problems))
}

fn report(answer: Value) -> Report {
    let texts = |field: &str| -> Vec<&str> {
        let items = answer[field].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).collect()
    };
    let generation = &answer["generation"];
    let ok = answer["ok"] == true;
    let mut lines = vec![format!("generation {generation} of the settings is in use")];
    for (field, what) in [
        ("changed", "changed"),
        ("restart_needed", "needs a restart"),
    ] {
        if !texts(field).is_empty() {
            lines.push(format!("{what}: {}", texts(field).join(", ")));
        }
    }
    let problems = answer["problems"].as_array().into_iter().flatten();
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let failures = problems
        .map(|one| format!("{}: {}", text(&one["setting"]), text(&one["problem"])))
        .collect();
    Report {
        failed: !ok,
        failures,
        ..Report::new(answer, lines.join("\n"))
    }
}

fn explain(operations: SocketAddr, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "no service runs here with this operations_listen".to_owned()
        }
        io::ErrorKind::ConnectionAborted => {
            "the service did not answer: run the command as its user or as root".to_owned()
        }
        _ => error.to_string(),
    };
    format!("{operations}: {reason}; `kill -HUP` to the service's process reloads too")
}
