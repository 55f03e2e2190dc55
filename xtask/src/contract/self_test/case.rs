//! Inputs without a finding, and how a mutation changes them.

use anyhow::{Context, Result, bail};
use billing_portal_tests::contract::{Contract, Document, document::CONTRACT, resolve::resolve};
use semver::Version;
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

/// The operation, below which most changes are.
const OPERATION: &str = "/paths/~1v1~1billing~1portal/post";

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
            let text = Header::of(file, &contract, &body).write(file.path, &body);
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
            let version = document.value["info"]["version"].as_str();
            let version = larger(version.context("the contract has no version")?, size)?;
            let text = document.with_scalar("/info/version", &version);
            let text = text.context("the version is a scalar")?;
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
            place if change["crlf"] == true => self.end_lines_as_windows_does(place),
            place => self.edit_text(place, change)?,
        }
        Ok(())
    }

    fn edit_text(&mut self, place: &str, change: &Value) -> Result<()> {
        let written = |key: &str| {
            let text = change[key].as_str();
            text.map(|text| text.replace("{random}", RANDOM))
        };
        if change["drop"] == true {
            self.inputs.lacks(place, "the file is missing");
        } else if change["latin-1"] == true {
            let text = self.text(place, "")?;
            let bytes = [text.as_bytes(), b"caf\xe9"].concat();
            self.inputs.set(place, bytes);
        } else if let Some(whole) = written("text") {
            self.inputs.files.insert(place.to_owned(), whole);
        } else if let Some(more) = written("append") {
            self.text(place, "")?.extend(["\n", &more, "\n"]);
        } else if let Some(header) = written("move") {
            let text = self.text(place, &header)?;
            *text = moved(text, &header, change)?;
        } else {
            let find = change["find"].as_str().context("`find` is missing")?;
            let put = written("put").unwrap_or_default();
            let text = self.text(place, find)?;
            *text = text.replacen(find, &put, 1);
        }
        Ok(())
    }

    /// The text of the place that a change names; `find` must be in it.
    fn text(&mut self, place: &str, find: &str) -> Result<&mut String> {
        let wanted = |file: &str, text: &str| match place {
            "contract" => file == CONTRACT,
            "released" => file.starts_with(RELEASED) && file.ends_with("yaml"),
            "tests" => file.contains("tests/") && text.contains(find),
            place => file == place,
        };
        let mut files = self.inputs.files.iter_mut();
        let text = files.find(|(file, text)| wanted(file, text));
        let text = text
            .map(|(_, text)| text)
            .filter(|text| text.contains(find));
        text.context("no such file, or its text is not there")
    }

    /// A file, or all files, as git writes them on Windows.
    fn end_lines_as_windows_does(&mut self, place: &str) {
        let mut files = self.inputs.files.clone();
        files.retain(|file, _| place == "all files" || place == file);
        for (file, text) in files {
            let bytes = text.replace('\n', "\r\n").into_bytes();
            self.inputs.set(&file, bytes);
        }
    }

    fn edit_record(&mut self, change: &Value) -> Result<()> {
        let mut record = self.record.iter();
        let index = record.position(|one| one["status"] == change["status"]);
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
fn larger(version: &str, size: &str) -> Result<String> {
    let mut version = Version::parse(version)?;
    match size {
        "patch" => version.patch = 999,
        "minor" => (version.minor, version.patch) = (999, 0),
        "major" => version = Version::new(999, 0, 0),
        other => return Ok(other.to_owned()),
    }
    Ok(version.to_string())
}

/// Where what the change names `at` is: an operation's own node unless it begins with `/`.
fn place(change: &Value) -> Result<String> {
    let at = change["at"].as_str().context("`at` is missing")?;
    let is_whole = at.starts_with('/');
    Ok(if is_whole {
        at.to_owned()
    } else {
        format!("{OPERATION}/{at}")
    })
}

/// Sets, removes or renames the node that `at` names; `-` is a new last item of a list.
fn edit_json(document: &mut Value, change: &Value) -> Result<()> {
    let at = place(change)?;
    let put = change.get("put");
    if let (Some(node), Some(value)) = (document.pointer_mut(&at), put) {
        node.clone_from(value);
        return Ok(());
    }
    let (parent, key) = at.rsplit_once('/').context("`at` is a pointer")?;
    let (parent, key) = match change["rename"].as_str() {
        Some(name) => (at.as_str(), name.to_owned()),
        None => (parent, key.replace("~1", "/")),
    };
    let node = document.pointer_mut(parent).context("nothing is there")?;
    if let (Some(list), Some(value)) = (node.as_array_mut(), put) {
        list.push(value.clone());
        return Ok(());
    }
    let map = node.as_object_mut().context("not an object")?;
    if let Some(value) = put {
        map.insert(key, value.clone());
        return Ok(());
    }
    let own = map
        .keys()
        .find(|own| own.eq_ignore_ascii_case(&key))
        .cloned();
    let removed = map.remove(&own.context("nothing to remove")?);
    let renamed = change["to"].as_str().map(str::to_owned);
    map.extend(renamed.zip(removed));
    Ok(())
}
