//! Checks the log filter. The library accepts every word: what is not a level is a module for it, so that a mistyped
//! level would turn the log off.

use std::borrow::Cow;

use tracing_subscriber::EnvFilter;

use super::expected::{must_be_not, quotes_hint, shown};
use crate::nearest::nearest;

/// The levels, from nothing to everything; `warning` is another name of `warn`.
const LEVELS: [&str; 7] = ["off", "error", "warn", "warning", "info", "debug", "trace"];

/// The target of audit events; `log` has the same constant, and imports this module's parent.
const AUDIT_TARGET: &str = "audit";

/// Crates that earlier releases were built of: a filter that names one must not keep the service from starting.
const FORMER_CRATES: [&str; 1] = ["reqwest"];

/// Our own modules begin so.
const OUR_CRATE: &str = env!("CARGO_CRATE_NAME");

/// Reads the filter. The error has one text for each part that is wrong.
pub(super) fn parse(text: &str) -> Result<EnvFilter, Vec<String>> {
    let parts: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let problem = || must_be_not("log", text);
    if parts.is_empty() {
        return Err(vec![problem()]);
    }
    let checked: Vec<_> = parts.into_iter().map(checked_part).collect();
    let problems: Vec<String> = checked
        .iter()
        .filter_map(|part| part.clone().err())
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let parts: Vec<String> = checked.into_iter().filter_map(Result::ok).collect();
    parts.join(",").parse().map_err(|_| vec![problem()])
}

/// `LEVEL`, `TARGET=LEVEL` or `TARGET[SPAN]=LEVEL`, as the library reads it.
fn checked_part(part: &str) -> Result<String, String> {
    let end = part.find(['[', '=']);
    let Some(end) = end else {
        return Ok(level(part)?.to_owned());
    };
    let (target, rest) = part.split_at(end);
    require_target(target)?;
    // The level is after the span, which may contain `=`.
    let span_end = rest.rfind(']').map_or(0, |end| end + 1);
    let (span, rest) = rest.split_at(span_end);
    let level = match rest.strip_prefix('=') {
        Some(word) => level(word.trim())?,
        None if rest.is_empty() && !span.is_empty() => "trace",
        None => return Err(must_be_not("log", part)),
    };
    Ok(format!("{target}{span}={level}"))
}

fn level(word: &str) -> Result<&'static str, String> {
    let known = LEVELS.iter().find(|level| level.eq_ignore_ascii_case(word));
    match known {
        Some(&"warning") => Ok("warn"),
        Some(level) => Ok(level),
        None => {
            let hint = match nearest(word, LEVELS) {
                Some(level) => format!("; did you mean {level}?"),
                None if is_target(word) => format!("; for one module write {word}=debug"),
                None => String::new(),
            };
            let (word, quotes) = (shown(word), quotes_hint(word));
            let levels = "off, error, warn, info, debug or trace";
            Err(format!("{word} is not a level: {levels}{hint}{quotes}"))
        }
    }
}

fn require_target(target: &str) -> Result<(), String> {
    // A span alone, of any module.
    if target.is_empty() || is_target(target) {
        return Ok(());
    }
    let hint = nearest_target(target).map(|meant| format!("; did you mean {meant}?"));
    let (target, quotes) = (shown(target), quotes_hint(target));
    let problem =
        format!("{target} is not a module of this program or a crate that it is built of");
    Err(format!("{problem}{}{quotes}", hint.unwrap_or_default()))
}

/// Whether events can have this target: a module of ours, or anything in a crate of others.
fn is_target(target: &str) -> bool {
    let (crate_name, module) = target.split_once("::").unwrap_or((target, ""));
    if crate_name == OUR_CRATE {
        return module.is_empty() || modules().any(|known| known == module);
    }
    target == AUDIT_TARGET
        || FORMER_CRATES.contains(&crate_name)
        || crates().any(|known| known == crate_name)
}

fn nearest_target(target: &str) -> Option<Cow<'static, str>> {
    let in_ours = target
        .strip_prefix(OUR_CRATE)
        .and_then(|rest| rest.strip_prefix("::"));
    match in_ours {
        Some(module) => {
            nearest(module, modules()).map(|module| format!("{OUR_CRATE}::{module}").into())
        }
        None => nearest(target, crates().chain([OUR_CRATE, AUDIT_TARGET])).map(Into::into),
    }
}

/// The crates that the program is built of; the build script lists them.
fn crates() -> impl Iterator<Item = &'static str> {
    env!("LOG_CRATES").split(',')
}

/// Our modules, without the crate's name; the build script lists them.
fn modules() -> impl Iterator<Item = &'static str> {
    env!("LOG_MODULES").split(',')
}
