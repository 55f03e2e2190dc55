//! A copy of the workspace's files, and the tool run in it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use billing_portal_tests::{service_process, workspace};
use serde_json::Value;

/// A copy of this workspace, with a repository of its own.
pub(crate) struct Checkout {
    root: PathBuf,
    files: Vec<String>,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Checkout {
    /// Copies what git tracks, or would track.
    pub(crate) fn copy(name: &str) -> Self {
        let root = workspace::target().join("tests/contract_tool").join(name);
        let _ = fs::remove_dir_all(&root);
        let mut files = Vec::new();
        for file in git(
            &workspace::root(),
            "ls-files --cached --others --exclude-standard",
        )
        .lines()
        {
            let (from, to) = (workspace::root().join(file), root.join(file));
            // A file that was deleted and not yet committed is still listed.
            if from.is_file() {
                fs::create_dir_all(to.parent().expect("a file is in a folder")).expect("a folder");
                fs::copy(from, to).expect("a copy");
                files.push(file.to_owned());
            }
        }
        git(&root, "init --quiet");
        Self { root, files }
    }

    /// Every file that is text.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let is_text = |file: &&str| fs::read_to_string(self.root.join(file)).is_ok();
        let files = self.files.iter().map(String::as_str);
        files.filter(is_text).collect()
    }

    pub(crate) fn read(&self, file: &str) -> String {
        let text = fs::read_to_string(self.root.join(file));
        text.unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn exists(&self, file: &str) -> bool {
        self.root.join(file).exists()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        self.write_bytes(file, text.as_bytes());
    }

    pub(crate) fn write_bytes(&self, file: &str, bytes: &[u8]) {
        fs::write(self.root.join(file), bytes).expect("it can be written");
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.root.join(file)).expect("it was there");
    }

    /// Replaces the first occurrence of a text that must be there.
    pub(crate) fn edit(&self, file: &str, find: &str, put: &str) {
        let text = self.read(file);
        assert!(text.contains(find), "{file} has no {find}");
        self.write(file, &text.replacen(find, put, 1));
    }

    /// Runs the tool with the checkout as the current directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let mut tool = tool(arguments);
        tool.current_dir(&self.root)
            .env_remove("CARGO_MANIFEST_DIR");
        run(&mut tool)
    }

    /// Where a file of the checkout is.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The same beside another program as the service.
    pub(crate) fn run_with(&self, service: &Path, arguments: &[&str]) -> Run {
        let mut tool = tool(arguments);
        tool.current_dir(&self.root)
            .env_remove("CARGO_MANIFEST_DIR")
            .env("XTASK_SERVICE_BINARY", service);
        run(&mut tool)
    }

    /// Runs the tool as `cargo run` does, from another directory.
    pub(crate) fn run_by_cargo(&self, arguments: &[&str]) -> Run {
        let mut tool = tool(arguments);
        tool.current_dir("/")
            .env("CARGO_MANIFEST_DIR", self.root.join("xtask"));
        run(&mut tool)
    }
}

impl Run {
    /// The id and the file of each finding of a run with `--format json`.
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let report: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr));
        let findings = report["findings"].as_array().expect("a list");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        findings
            .iter()
            .map(|one| (text(&one["id"]), text(&one["file"])))
            .collect()
    }
}

/// The tool that was built for this test.
fn tool(arguments: &[&str]) -> Command {
    let built = ["CARGO_BIN_EXE_xtask", "NEXTEST_BIN_EXE_xtask"]
        .into_iter()
        .find_map(env::var_os);
    let program = built.map_or_else(|| workspace::target().join("debug/xtask"), PathBuf::from);
    let service = service_process::binary().expect("the service builds");
    let mut command = Command::new(program);
    command.args(arguments).env("XTASK_SERVICE_BINARY", service);
    command
}

fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the tool runs");
    let text = |bytes| String::from_utf8(bytes).expect("the tool writes UTF-8");
    Run {
        code: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn git(folder: &Path, arguments: &str) -> String {
    let output = Command::new("git")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output();
    let output = output.expect("git runs");
    assert!(output.status.success(), "git {arguments}");
    String::from_utf8(output.stdout).expect("the names are UTF-8")
}
