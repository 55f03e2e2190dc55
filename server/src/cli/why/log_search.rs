//! Finds the lines of one request in a log of any size. The id is searched as bytes, so that only lines that have it
//! are parsed.

use std::io::{self, BufRead, Read};

use memchr::memmem::Finder;
use serde_json::Value;

use super::encoding::Encoding;
use crate::log::AUDIT_TARGET;

/// The longest line that is read whole. A line of the service is shorter; a longer one is skipped.
const MAX_LINE_BYTES: u64 = 1024 * 1024;
/// Where container runtimes and journald put the line of a program.
const WRAPPERS: [&str; 2] = ["log", "MESSAGE"];
/// The module of every event that this program reports, apart from the audit.
const OUR_CRATE: &str = env!("CARGO_CRATE_NAME");
/// How the names of the audit's events begin.
const AUDIT_EVENTS: &str = "portal_session_";
const LEVELS: [&str; 5] = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

/// The lines of a request.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Those that are JSON objects of the request, in the order of the log.
    pub(super) lines: Vec<Value>,
    /// How many others have the id in them.
    pub(super) others: usize,
    /// In what the log begins, if it is not text that can be searched.
    pub(super) encoding: Option<Encoding>,
}

/// Searches a log to its end.
pub(super) fn search(mut log: impl BufRead, request_id: &str) -> io::Result<Found> {
    let finder = Finder::new(request_id);
    let mut found = Found::default();
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        let read = (&mut log)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(found);
        }
        if std::mem::take(&mut is_first) {
            found.encoding = Encoding::of(&line);
        }
        if finder.find(&line).is_some() {
            match parse(&line).filter(|line| is_ours(line) && is_of(line, request_id)) {
                Some(line) => found.lines.push(line),
                None => found.others += 1,
            }
        }
    }
}

/// The object of a line, without what a log collector put before or around it.
fn parse(line: &[u8]) -> Option<Value> {
    let begin = line.iter().position(|byte| *byte == b'{')?;
    let object: Value = serde_json::from_slice(line[begin..].trim_ascii()).ok()?;
    let wrapped = WRAPPERS.iter().find_map(|name| object[name].as_str());
    match wrapped {
        Some(inner) => serde_json::from_str(inner.trim()).ok(),
        None => Some(object),
    }
}

/// Whether the service wrote the line. Other programs that know the id may log it in a field of the same name, beside
/// an organization or a reason of their own.
fn is_ours(line: &Value) -> bool {
    let is_level = |level: &str| LEVELS.contains(&level);
    let target = line["target"].as_str().unwrap_or_default();
    let (root, _) = target.split_once("::").unwrap_or((target, ""));
    let is_audit = || {
        let event = line["event"].as_str();
        target == AUDIT_TARGET && event.is_some_and(|event| event.starts_with(AUDIT_EVENTS))
    };
    line["timestamp"].is_string()
        && line["level"].as_str().is_some_and(is_level)
        && (root == OUR_CRATE || is_audit())
}

fn is_of(line: &Value, request_id: &str) -> bool {
    line["request_id"] == request_id || line["span"]["request_id"] == request_id
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01JTBQH2FZ8K1RXC0WJ4Z9P3VM";

    #[test]
    fn lines_are_found_whatever_a_collector_put_around_them() {
        let head = r#""timestamp":"2026-11-28T12:00:00.000000Z","level":"INFO""#;
        let plain = format!(
            r#"{{{head},"event":"answered","target":"billing_portal_server::request_layer","span":{{"request_id":"{ID}"}}}}"#
        );
        let audit = format!(
            r#"{{{head},"event":"portal_session_created","request_id":"{ID}","target":"audit"}}"#
        );
        let quoted = Value::from(plain.clone());
        #[rustfmt::skip]
        let rows = [
            (plain.clone(), 1, 0, "the service's own"),
            (format!("{plain}\r"), 1, 0, "a file with CRLF"),
            (format!("Nov 28 12:00:00 host billing-portal[7]: {plain}"), 1, 0, "syslog"),
            (format!("api-1  | {plain}"), 1, 0, "a compose project"),
            (format!(r#"{{"log":{quoted},"stream":"stderr"}}"#), 1, 0, "a container's file"),
            (format!(r#"{{"MESSAGE":{quoted}}}"#), 1, 0, "journalctl -o json"),
            (audit.clone(), 1, 0, "an audit event"),
            (audit.replace("portal_session_created", "login"), 0, 1, "another program's audit"),
            (plain.replace("billing_portal_server", "billing_portal_server_of_another"), 0, 1, "another crate"),
            (plain.replace("INFO", "info"), 0, 1, "another program's level"),
            (plain.replace("timestamp", "time"), 0, 1, "no time"),
            (format!(r#"{{"event":"x","request_id":"{ID}"}}"#), 0, 1, "an event of another program"),
            (format!("INFO request request_id={ID}: answered"), 0, 1, "text"),
            (format!(r#"{{"referer":"{ID}"}}"#), 0, 1, "another program's line about it"),
            (plain.replace("VM", "VN"), 0, 0, "another request"),
            (format!("{}{plain}", "x".repeat(2 << 20)), 1, 0, "after a line that is too long"),
            (String::new(), 0, 0, "nothing"),
        ];
        for (log, lines, others, why) in rows {
            let found = search(log.as_bytes(), ID).expect("memory can be read");
            assert_eq!((found.lines.len(), found.others), (lines, others), "{why}");
        }
    }
}
