//! The binary as a process whose log is a file.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Starting and stopping take seconds, and longer on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_mins(1);

/// Where a process listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) api: SocketAddr,
    pub(super) operations: SocketAddr,
}

/// A running process; it is killed when it is dropped.
pub(super) struct Running {
    child: Child,
    pub(super) addresses: Addresses,
    /// Where its log can be read.
    log: PathBuf,
}

impl Running {
    /// Starts it with its log appended to this file.
    pub(super) async fn start(mut serve: Command, log: &Path) -> Self {
        let file = File::options().append(true).create(true).open(log);
        serve.stderr(file.expect("our folder"));
        let begin = fs::read(log).map_or(0, |text| text.len());
        Self::spawn(serve, |_| log.to_owned(), begin).await
    }

    /// Starts it; its log is where `log` says for its process id, and what was logged before has so many bytes.
    pub(super) async fn spawn(
        mut serve: Command,
        log: impl FnOnce(u32) -> PathBuf,
        begin: usize,
    ) -> Self {
        let serve = serve.stdin(Stdio::null()).stdout(Stdio::null());
        let child = serve.kill_on_drop(true).spawn().expect("the binary runs");
        let log = log(child.id().expect("it runs"));
        let deadline = Instant::now() + RESPONSE_LIMIT;
        let addresses = loop {
            let text = fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(text.get(begin..).unwrap_or_default()).into_owned();
            if let Some(addresses) = text.lines().find_map(listening) {
                break addresses;
            }
            assert!(Instant::now() < deadline, "it starts: {text}");
            sleep(Duration::from_millis(10)).await;
        };
        Self {
            child,
            addresses,
            log,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("its log")
    }

    pub(super) async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    pub(super) async fn stop(&mut self) {
        signal(self.id(), "TERM").await;
        self.ends().await;
    }

    /// Waits for its end after SIGTERM.
    pub(super) async fn ends(&mut self) {
        let ended = timeout(RESPONSE_LIMIT, self.child.wait()).await;
        let status = ended.expect("it stops").expect("it can be waited for");
        assert_eq!(status.code(), Some(0));
    }

    /// Sets the soft limit on this resource, as `prlimit` names it; none: as it was.
    pub(super) async fn limit(&self, resource: &str, soft: Option<usize>) {
        let soft = soft.map_or("unlimited".to_owned(), |soft| soft.to_string());
        let limit = format!("--{resource}={soft}:");
        run("prlimit", &["--pid", &self.id().to_string(), &limit]).await;
    }
}

fn listening(line: &str) -> Option<Addresses> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| line[name].as_str()?.parse().ok();
    (line["message"] == "listening").then_some(())?;
    Some(Addresses {
        api: address("api")?,
        operations: address("operations")?,
    })
}

/// Sends a signal by its name.
pub(super) async fn signal(id: u32, name: &str) {
    run("kill", &[&format!("-{name}"), &id.to_string()]).await;
}

async fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().await;
    assert!(
        status.is_ok_and(|status| status.success()),
        "{program} {arguments:?}"
    );
}
