//! Inputs without a finding, and how a mutation changes them.

use anyhow::{Context, Result, bail};
use billing_portal_tests::contract::{Contract, Document, document::CONTRACT, resolve::resolve};
use serde_json::Value;

use super::sample;
use crate::contract::{
    check::{
        self,
        finding::Finding,
        history::RELEASED,
        inputs::{Declared, Inputs},
    },
    coverage,
    files::{parse, sha256},
    generate::{GENERATED_FILES, Header},
};

/// What stands for `{random}` in a mutation: behind a prefix it looks like a real secret.
const RANDOM: &str = "q7Zx0Lm4Vb9Rt2Kc8Wn5Hd1Jf6Gs3PyEoAuT";

/// What the check and the coverage read.
#[derive(Clone)]
pub(crate) struct Case {
    inputs: Inputs,
    record: Vec<Value>,
}

impl Case {
    /// This workspace as if its contract had just been released and its tests had seen all that it documents.
    pub(crate) fn clean(mut inputs: Inputs) -> Result<Self> {
        let text = inputs.files.get(CONTRACT).context(CONTRACT)?.clone();
        let contract = Contract::new(parse(CONTRACT, &text)?);
        if let Declared::Document(declared) = &mut inputs.declared {
            *declared = resolve(declared);
        }
        "2000-01-01".clone_into(&mut inputs.today);
        let version = contract.version();
        let sums = format!("{}  {version}.yaml\n", sha256(&text));
        let changelog = format!("# Changelog\n\n## {version} - 2000-01-01\n\n- All of it.\n");
        let files = &mut inputs.files;
        files.retain(|file, _| !file.starts_with(RELEASED));
        files.insert(format!("{RELEASED}{version}.yaml"), text);
        files.insert(format!("{RELEASED}SHA256SUMS"), sums);
        files.insert("CHANGELOG.md".to_owned(), changelog);
        let record = sample::exchanges(&contract);
        Ok(Self { inputs, record })
    }

    /// The same with the contract as it is now released, generated and recorded.
    pub(crate) fn settled(&self) -> Result<Self> {
        let mut inputs = self.inputs.clone();
        let contract = Contract::new(parse(CONTRACT, self.contract())?);
        for file in GENERATED_FILES {
            let present = inputs.files.get(file.path).context(file.path)?;
            let (_, body) = Header::read(present);
            let body = if file.in_process {
                (file.body)(&contract)?
            } else {
                body.to_owned()
            };
            let text = Header::of(file, &contract, &body).write(&body);
            inputs.files.insert(file.path.to_owned(), text);
        }
        Self::clean(inputs)
    }

    /// The contract's text.
    pub(crate) fn contract(&self) -> &str {
        &self.inputs.files[CONTRACT]
    }

    /// Everything that check and coverage find.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = check::findings(&self.inputs);
        if let Ok(document) = Document::parse(CONTRACT, self.contract()) {
            findings.extend(coverage::findings(&Contract::new(document), &self.record));
        }
        findings
    }

    /// Makes the changes of a row: its own, and those of its list `and`.
    pub(crate) fn apply(&mut self, row: &Value) -> Result<()> {
        self.apply_one(row)?;
        let mut more = row["and"].as_array().into_iter().flatten();
        more.try_for_each(|change| self.apply_one(change))
    }

    fn apply_one(&mut self, change: &Value) -> Result<()> {
        if let Some(size) = change["version"].as_str() {
            let document = parse(CONTRACT, self.contract())?;
            let version = larger(document.value["info"]["version"].as_str(), size)?;
            let text = document.with_scalar("/info/version", &version);
            let text = text.context("the contract has no version")?;
            self.inputs.files.insert(CONTRACT.to_owned(), text);
        }
        match change["in"].as_str().context("`in` is missing")? {
            "server" => self.inputs.declared = Declared::Unavailable("it does not run".to_owned()),
            "no-record" => self.record.clear(),
            "declared" => match &mut self.inputs.declared {
                Declared::Document(declared) => edit_json(declared, change)?,
                Declared::Unavailable(reason) => bail!("{reason}"),
            },
            "record" => self.edit_record(change)?,
            "all files" => self.end_lines_as_windows_does(),
            place => self.edit_text(place, change)?,
        }
        Ok(())
    }

    fn edit_text(&mut self, place: &str, change: &Value) -> Result<()> {
        if change["drop"] == true {
            self.inputs.files.remove(place);
            return Ok(());
        }
        if change["latin-1"] == true {
            let text = self.inputs.files.get(place).context("no such file")?;
            let bytes = [text.as_bytes(), b"caf\xe9"].concat();
            self.inputs.set(place, bytes);
            return Ok(());
        }
        if let Some(whole) = change["text"].as_str() {
            self.inputs.files.insert(place.to_owned(), whole.to_owned());
            return Ok(());
        }
        if let Some(header) = change["move"].as_str() {
            let text = self.text(place, Some(header)).context("nothing to move")?;
            *text = moved(text, header, change)?;
            return Ok(());
        }
        let find = change["find"].as_str();
        let text = self
            .text(place, find)
            .context("no such file, or its text is not there")?;
        let written = |key: &str| {
            change[key]
                .as_str()
                .map(|text| text.replace("{random}", RANDOM))
        };
        match (find, written("append")) {
            (Some(find), None) => {
                *text = text.replacen(find, &written("put").unwrap_or_default(), 1);
            }
            (None, Some(more)) => text.extend(["\n", &more, "\n"]),
            _ => bail!("either `find` or `append`"),
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
        let mut files = self.inputs.files.iter_mut();
        let (_, text) = files.find(|(file, text)| wanted(file, text))?;
        find.is_none_or(|find| text.contains(find)).then_some(text)
    }

    /// Every file as git writes it on Windows.
    fn end_lines_as_windows_does(&mut self) {
        for (file, text) in self.inputs.files.clone() {
            self.inputs
                .set(&file, text.replace('\n', "\r\n").into_bytes());
        }
    }

    fn edit_record(&mut self, change: &Value) -> Result<()> {
        let index = self
            .record
            .iter()
            .position(|one| one["status"] == change["status"]);
        let index = index.context("no exchange of this status")?;
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

/// The text with the block below the line `header` before the line `to`, below `as`, indented by `indent` more.
fn moved(text: &str, header: &str, change: &Value) -> Result<String> {
    let (before, after) = text.split_once(header).context("nothing to move")?;
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_below = |line: &&str| line.trim().is_empty() || depth(line) > depth(header);
    let block: Vec<&str> = after.lines().take_while(is_below).collect();
    let rest: Vec<&str> = after.lines().skip(block.len()).collect();
    let indent = change["indent"].as_i64().unwrap_or_default();
    let indented = block.iter().map(|line| {
        let depth = i64::try_from(depth(line)).unwrap_or_default() + indent;
        " ".repeat(usize::try_from(depth).unwrap_or_default()) + line.trim_start() + "\n"
    });
    let [to, heading] = ["to", "as"].map(|key| change[key].as_str().unwrap_or_default());
    let whole = before.to_owned() + &rest.join("\n") + "\n";
    let inserted = heading.to_owned() + &indented.collect::<String>() + to;
    Ok(whole.replacen(to, &inserted, 1))
}

/// A version that is larger by as much as `size` says, or `size` itself.
fn larger(version: Option<&str>, size: &str) -> Result<String> {
    let mut parts = version.context("no version")?.split('.');
    let (major, minor) = (
        parts.next().context("no major")?,
        parts.next().context("no minor")?,
    );
    Ok(match size {
        "patch" => format!("{major}.{minor}.999"),
        "minor" => format!("{major}.999.0"),
        "major" => "999.0.0".to_owned(),
        version => version.to_owned(),
    })
}

/// Sets, removes or renames the node that `at` names.
fn edit_json(document: &mut Value, change: &Value) -> Result<()> {
    let at = change["at"].as_str().context("at what?")?;
    let operation = if at.starts_with('/') {
        ""
    } else {
        "/paths/~1v1~1billing~1portal/post/"
    };
    let at = format!("{operation}{at}");
    let (parent, key) = at.rsplit_once('/').context("at what?")?;
    let key = key.replace("~1", "/");
    let node = document.pointer_mut(parent).context("nothing is there")?;
    if let Value::Array(items) = node {
        let index: usize = key.parse().context("not an index")?;
        items[index] = change["put"].clone();
        return Ok(());
    }
    let mut map = node.as_object_mut().context("not an object")?;
    if let (Some(name), Some(to)) = (change["rename"].as_str(), change["to"].as_str()) {
        map = map[&key].as_object_mut().context("not an object")?;
        let own = map
            .keys()
            .find(|own| own.eq_ignore_ascii_case(name))
            .cloned();
        let value = map.remove(&own.context("nothing is there")?);
        map.extend(value.map(|value| (to.to_owned(), value)));
    } else if let Some(value) = change.get("put") {
        map.insert(key, value.clone());
    } else {
        map.remove(&key).context("nothing to remove")?;
    }
    Ok(())
}
