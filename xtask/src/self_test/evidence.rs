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
    pub(crate) fn apply(&mut self, change: &Value) -> Result<(), String> {
        if let Some(version) = change["version"].as_str() {
            let text = self.evidence.files.entry(CONTRACT.to_owned()).or_default();
            let (before, after) = text.split_once("\n  version: ").ok_or("no version")?;
            let (_, after) = after.split_once('\n').ok_or("no version")?;
            *text = format!("{before}\n  version: {version}\n{after}");
        }
        match change["in"].as_str().ok_or("where?")? {
            "server" => self.evidence.declared = Err("it does not run".to_owned()),
            "no-record" => self.record.clear(),
            "declared" => edit_json(
                self.evidence.declared.as_mut().map_err(|e| e.clone())?,
                change,
            )?,
            "record" => self.edit_record(change)?,
            file if change["drop"] == true => drop(self.evidence.files.remove(file)),
            place => {
                let find = change["find"].as_str();
                let text = self.text(place, find).ok_or("nothing to find it in")?;
                match (find, change["append"].as_str()) {
                    (Some(find), None) if text.contains(find) => {
                        *text = text.replacen(find, change["put"].as_str().unwrap_or_default(), 1);
                    }
                    (None, Some(more)) => text.extend(["\n", more, "\n"]),
                    _ => return Err("its text is not there".to_owned()),
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, place: &str, find: Option<&str>) -> Option<&mut String> {
        let wanted = |file: &str, text: &str| match place {
            "contract" => file == CONTRACT,
            "released" => file.starts_with(RELEASED) && file.ends_with("yaml"),
            "tests" => file.contains("tests/") && find.is_some_and(|find| text.contains(find)),
            place => file == place,
        };
        let mut files = self.evidence.files.iter_mut();
        files
            .find(|(file, text)| wanted(file, text))
            .map(|(_, text)| text)
    }

    fn edit_record(&mut self, change: &Value) -> Result<(), String> {
        let index = self
            .record
            .iter()
            .position(|one| one["status"] == change["status"]);
        let index = index.ok_or("no exchange of this status")?;
        if change["drop"] == true {
            self.record.remove(index);
        } else if change["twice"] == true {
            let mut again = self.record[index].clone();
            again["response"].take();
            self.record.push(again);
        } else {
            edit_json(&mut self.record[index], change)?;
        }
        Ok(())
    }
}

/// Sets, removes or renames the node that `at` names.
fn edit_json(document: &mut Value, change: &Value) -> Result<(), String> {
    let at = change["at"].as_str().ok_or("at what?")?;
    let operation = if at.starts_with('/') {
        ""
    } else {
        "/paths/~1v1~1billing~1portal/post/"
    };
    let at = format!("{operation}{at}");
    let (parent, key) = at.rsplit_once('/').ok_or("at what?")?;
    let key = key.replace("~1", "/");
    let node = document.pointer_mut(parent).ok_or("nothing is there")?;
    if let Value::Array(items) = node {
        let index: usize = key.parse().map_err(|_| "not an index")?;
        items[index] = change["put"].clone();
        return Ok(());
    }
    let mut map = node.as_object_mut().ok_or("not an object")?;
    if let (Some(name), Some(to)) = (change["rename"].as_str(), change["to"].as_str()) {
        map = map[&key].as_object_mut().ok_or("not an object")?;
        let own = map
            .keys()
            .find(|own| own.eq_ignore_ascii_case(name))
            .cloned();
        let value = map.remove(&own.ok_or("nothing is there")?);
        map.extend(value.map(|value| (to.to_owned(), value)));
    } else if let Some(value) = change.get("put") {
        map.insert(key, value.clone());
    } else {
        map.remove(&key).ok_or("nothing to remove")?;
    }
    Ok(())
}
