//! Evidence that is honest, and how a mutation makes it lie.

use serde_json::Value;

use super::sample;
use crate::{
    check::{
        self, contract::Contract, evidence::Evidence, finding::Finding, history::RELEASED,
        normalise::resolve,
    },
    coverage,
    document::{CONTRACT, Document, sha256},
};

/// What the check and the coverage look at.
#[derive(Clone)]
pub(crate) struct Case {
    evidence: Evidence,
    record: Vec<Value>,
}

impl Case {
    /// This workspace as if its contract had just been released and its tests had seen all that it documents.
    pub(crate) fn honest(mut evidence: Evidence) -> Result<Self, String> {
        let text = evidence
            .files
            .get(CONTRACT)
            .cloned()
            .ok_or("there is no contract")?;
        let document = Document::parse(CONTRACT, &text)
            .map_err(|error| format!("{CONTRACT}:{}: {}", error.line, error.reason))?;
        let contract = Contract::new(document);
        evidence.declared = evidence.declared.map(|declared| resolve(&declared));
        evidence.files.retain(|file, _| !file.starts_with(RELEASED));
        let version = contract.version();
        evidence
            .files
            .insert(format!("{RELEASED}{version}.yaml"), text.clone());
        evidence.files.insert(
            format!("{RELEASED}SHA256SUMS"),
            format!("{}  {version}.yaml\n", sha256(&text)),
        );
        evidence.files.insert(
            "CHANGELOG.md".to_owned(),
            format!("# Changelog\n\n## {version} - 2000-01-01\n\n- All of it.\n"),
        );
        evidence.files.entry("README.md".to_owned()).or_default();
        Ok(Self {
            evidence,
            record: sample::exchanges(&contract),
        })
    }

    /// The contract's text.
    pub(crate) fn contract(&self) -> &str {
        &self.evidence.files[CONTRACT]
    }

    /// Everything that check and coverage find.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = check::findings(&self.evidence);
        if let Ok(document) = Document::parse(CONTRACT, self.contract()) {
            findings.extend(coverage::findings(&Contract::new(document), &self.record));
        }
        findings
    }

    /// Changes the evidence as a row of the tables says.
    pub(crate) fn apply(&mut self, mutation: &Value) -> Result<(), String> {
        if let Some(version) = mutation["version"].as_str() {
            let text = self.evidence.files.entry(CONTRACT.to_owned()).or_default();
            let (before, after) = text.split_once("\n  version: ").ok_or("no version")?;
            let after = after.split_once('\n').map_or("", |(_, after)| after);
            *text = format!("{before}\n  version: {version}\n{after}");
        }
        let field = |key: &str| mutation[key].as_str();
        match field("in").ok_or("where?")? {
            "declared" => edit_json(
                self.evidence
                    .declared
                    .as_mut()
                    .map_err(|error| error.clone())?,
                mutation,
            ),
            "server" => {
                self.evidence.declared = Err("it does not run".to_owned());
                Ok(())
            }
            "no-record" => {
                self.record.clear();
                Ok(())
            }
            "record" => self.edit_record(mutation),
            file if mutation["drop"] == true => self
                .evidence
                .files
                .remove(file)
                .map(drop)
                .ok_or("no such file".to_owned()),
            place => {
                let text = self
                    .text(place, field("find"))
                    .ok_or("nothing to find it in")?;
                match (field("find"), field("append")) {
                    (Some(find), _) if text.contains(find) => {
                        *text = text.replacen(find, field("put").unwrap_or(""), 1);
                    }
                    (None, Some(more)) => text.extend(["\n", more, "\n"]),
                    _ => return Err("its text is not there".to_owned()),
                }
                Ok(())
            }
        }
    }

    fn text(&mut self, place: &str, find: Option<&str>) -> Option<&mut String> {
        let wanted = |file: &str, text: &str| match place {
            "contract" => file == CONTRACT,
            "released" => file.starts_with(RELEASED) && file.ends_with("yaml"),
            "tests" => file.contains("tests/") && find.is_some_and(|find| text.contains(find)),
            place => file == place,
        };
        self.evidence
            .files
            .iter_mut()
            .find(|(file, text)| wanted(file, text))
            .map(|(_, text)| text)
    }

    fn edit_record(&mut self, mutation: &Value) -> Result<(), String> {
        let found = self
            .record
            .iter()
            .position(|one| one["status"] == mutation["status"]);
        let index = found.ok_or("no exchange of this status")?;
        if mutation["drop"] == true {
            self.record.remove(index);
            return Ok(());
        }
        if mutation["twice"] == true {
            let mut again = self.record[index].clone();
            again["response"] = Value::Null;
            self.record.push(again);
            return Ok(());
        }
        edit_json(&mut self.record[index], mutation)
    }
}

/// Sets, removes or renames the node that `at` names.
fn edit_json(document: &mut Value, mutation: &Value) -> Result<(), String> {
    let at = mutation["at"].as_str().ok_or("at what?")?;
    let at = if at.starts_with('/') {
        at.to_owned()
    } else {
        format!("/paths/~1v1~1billing~1portal/post/{at}")
    };
    let (parent, key) = at.rsplit_once('/').ok_or("at what?")?;
    let key = key.replace("~1", "/");
    let parent = document.pointer_mut(parent).ok_or("nothing is there")?;
    if let Value::Array(items) = parent {
        let index: usize = key.parse().map_err(|_| "not an index")?;
        *items.get_mut(index).ok_or("no such item")? = mutation["put"].clone();
        return Ok(());
    }
    let map = parent.as_object_mut().ok_or("not an object")?;
    if let (Some(name), Some(to)) = (mutation["rename"].as_str(), mutation["to"].as_str()) {
        let map = map[&key].as_object_mut().ok_or("not an object")?;
        let name = map
            .keys()
            .find(|own| own.eq_ignore_ascii_case(name))
            .cloned()
            .ok_or("nothing is there")?;
        let value = map.remove(&name).unwrap_or_default();
        map.insert(to.to_owned(), value);
        return Ok(());
    }
    match mutation.get("put") {
        Some(value) => drop(map.insert(key, value.clone())),
        None => drop(map.remove(&key).ok_or("nothing to remove")?),
    }
    Ok(())
}
