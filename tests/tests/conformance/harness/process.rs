//! The real binary as a process of its own: for what only a process can show, its signals and its output.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::service::{Service, send};
use conformance::http_message::TestRequest;
use conformance::http_message::TestResponse;

/// The binary, built as `cargo xtask demo` builds it, so that the two share their work.
fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        let built = cargo
            .args([
                "build",
                "--quiet",
                "--package",
                "billing-portal-server",
                "--bin",
                "billing-portal",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "the binary builds"
        );
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        target.with_file_name("debug").join("billing-portal")
    })
}

/// `billing-portal` with these arguments, these variables and no others.
pub(crate) fn command(arguments: &[&str], variables: &[(String, String)]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().cloned());
    command
}

/// A running `billing-portal serve`; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// Reads the log to its end, so that the process never waits for a reader.
    log: JoinHandle<String>,
    pub(crate) api: SocketAddr,
    pub(crate) operations: SocketAddr,
}

impl Process {
    /// Starts it with the settings of a service and these on top, and waits until it opens portals.
    pub(crate) async fn beside(service: &Service, more: &[(&str, &str)]) -> Self {
        Self::in_environment(service, more, &[]).await
    }

    /// The same with variables that are not the service's own, such as `SSL_CERT_FILE`.
    pub(crate) async fn in_environment(
        service: &Service,
        more: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Self {
        let more = more
            .iter()
            .map(|(name, value)| (format!("BILLING_PORTAL_{name}"), (*value).to_owned()));
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = service.variables().iter().cloned();
        let process = Self::serve(settings.chain(more).chain(environment)).await;
        while process.readiness().await.json()["portal_configuration_verified"] != true {
            sleep(Duration::from_millis(10)).await;
        }
        process
    }

    /// What /readyz says.
    pub(crate) async fn readiness(&self) -> TestResponse {
        send(self.operations, &TestRequest::get("/readyz")).await
    }

    /// Starts it with these variables and no others, and waits until it listens.
    async fn serve(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut child = Command::new(binary())
            .arg("serve")
            .env_clear()
            .envs(variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary runs");
        let mut log = BufReader::new(child.stderr.take().expect("its log is ours"));
        let mut logged = String::new();
        let listening = loop {
            let mut line = String::new();
            let read = timeout(Duration::from_secs(10), log.read_line(&mut line)).await;
            assert!(
                read.is_ok_and(|read| read.is_ok_and(|bytes| bytes > 0)),
                "it says where it listens: {logged}"
            );
            logged.push_str(&line);
            let event: serde_json::Value =
                serde_json::from_str(&line).expect("each line of the log is JSON");
            if event["message"] == "listening" {
                break event;
            }
        };
        let address = |name: &str| {
            listening[name]
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("an address")
        };
        let (api, operations) = (address("api"), address("operations"));
        let log = tokio::spawn(async move {
            let read = log.read_to_string(&mut logged).await;
            read.expect("the log is UTF-8");
            logged
        });
        Self {
            child,
            log,
            api,
            operations,
        }
    }

    /// Sends SIGTERM.
    pub(crate) async fn terminate(&self) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(
            sent.is_ok_and(|status| status.success()),
            "the signal is sent"
        );
    }

    /// Ends it without a word, as a power cut does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Waits for its end; answers its exit code and all that it printed and logged.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        let ended = timeout(Duration::from_secs(20), self.child.wait()).await;
        let code = ended
            .expect("it ends")
            .expect("it can be waited for")
            .code();
        let mut output = self.log.await.expect("the log is UTF-8");
        let mut stdout = self.child.stdout.take().expect("its output is ours");
        stdout
            .read_to_string(&mut output)
            .await
            .expect("the output is UTF-8");
        (code, output)
    }
}
