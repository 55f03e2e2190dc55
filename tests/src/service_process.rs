//! The service's binary as a process of its own, as its users run it.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::http_client;
use crate::http_message::{TestRequest, TestResponse};
use crate::workspace;

/// Names a binary of the service to use instead of building one.
const BINARY_VARIABLE: &str = "XTASK_SERVICE_BINARY";

/// How long the service may take to start and to verify the portal configuration; a busy machine needs seconds.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long the service may take to end after SIGTERM: more than its longest drain in any test.
const END_LIMIT: Duration = Duration::from_secs(20);
/// How long one answer of the operations port may take; it waits for at most a second of the store.
const READINESS_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks at whether the service is ready: short beside the start itself.
const READINESS_INTERVAL: Duration = Duration::from_millis(10);

/// `billing-portal`, built where it is not current; it is built once in a process.
pub fn binary() -> io::Result<&'static PathBuf> {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    if let Some(binary) = BINARY.get() {
        return Ok(binary);
    }
    let binary = match env::var_os(BINARY_VARIABLE) {
        Some(binary) => PathBuf::from(binary),
        None => build()?,
    };
    Ok(BINARY.get_or_init(|| binary))
}

fn build() -> io::Result<PathBuf> {
    let arguments = "build --quiet --package billing-portal-server --bin billing-portal";
    let built = std::process::Command::new(workspace::cargo())
        .args(arguments.split(' '))
        .current_dir(workspace::root())
        .status()?;
    if built.success() {
        Ok(workspace::target().join("debug/billing-portal"))
    } else {
        Err(io::Error::other("the service does not build"))
    }
}

/// `billing-portal` with these arguments, these variables and no others.
pub fn command(arguments: &[&str], variables: &[(String, String)]) -> io::Result<Command> {
    let mut command = Command::new(binary()?);
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().cloned());
    Ok(command)
}

/// A running `billing-portal serve`; it is killed when it is dropped.
#[derive(Debug)]
pub struct ServiceProcess {
    child: Child,
    /// Reads the log to its end, so that the process never waits for a reader; absent where others read it.
    log: Option<JoinHandle<String>>,
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where the operations port listens.
    pub operations: SocketAddr,
}

impl ServiceProcess {
    /// Starts it and keeps its output; it logs JSON at the level of its own start, which says where it listens.
    pub async fn start(mut serve: Command) -> io::Result<Self> {
        serve.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = serve.kill_on_drop(true).spawn()?;
        let log = child.stderr.take();
        let mut log = BufReader::new(log.ok_or_else(|| io::Error::other("it has no log"))?);
        let mut logged = String::new();
        let event = loop {
            let before = logged.len();
            let read = timeout(START_LIMIT, log.read_line(&mut logged)).await??;
            let event: serde_json::Value = serde_json::from_str(&logged[before..])?;
            if event["message"] == "listening" {
                break event;
            }
            if read == 0 {
                return Err(io::Error::other(format!("it did not listen: {logged}")));
            }
        };
        let address = |name: &str| {
            let address = event[name].as_str().and_then(|text| text.parse().ok());
            address.ok_or_else(|| io::Error::other(format!("no address {name}: {event}")))
        };
        let (api, operations) = (address("api")?, address("operations")?);
        let log = tokio::spawn(async move {
            if let Err(error) = log.read_to_string(&mut logged).await {
                logged += &error.to_string();
            }
            logged
        });
        Ok(Self {
            child,
            log: Some(log),
            api,
            operations,
        })
    }

    /// Starts it with these addresses in its settings; its output goes where ours goes.
    pub fn start_at(
        mut serve: Command,
        api: SocketAddr,
        operations: SocketAddr,
    ) -> io::Result<Self> {
        Ok(Self {
            child: serve.kill_on_drop(true).spawn()?,
            log: None,
            api,
            operations,
        })
    }

    /// The answer of `/readyz`; none while it does not listen.
    pub async fn readiness(&self) -> Option<TestResponse> {
        let request = TestRequest::get("/readyz");
        http_client::exchange(self.operations, &request, READINESS_LIMIT).await
    }

    /// Waits until it opens portals.
    pub async fn until_it_opens_portals(&mut self) -> io::Result<()> {
        let ready = async {
            loop {
                let readiness = self.readiness().await.map(|answer| answer.json());
                let readiness = readiness.unwrap_or_default();
                if readiness["ready"] == true && readiness["portal_configuration_verified"] == true
                {
                    return Ok(());
                }
                sleep(READINESS_INTERVAL).await;
            }
        };
        let ready = timeout(START_LIMIT, ready).await;
        match (ready, self.child.try_wait()?) {
            (Ok(ready), _) => ready,
            (Err(_), Some(status)) => Err(io::Error::other(format!("it ended early: {status}"))),
            (Err(late), None) => Err(late.into()),
        }
    }

    /// What the system says of the process in this file of /proc.
    pub fn proc(&self, file: &str) -> io::Result<String> {
        let id = self.child.id();
        let id = id.ok_or_else(|| io::Error::other("it has ended by itself"))?;
        std::fs::read_to_string(format!("/proc/{id}/{file}"))
    }

    /// The id of the process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub async fn terminate(&self) -> io::Result<()> {
        self.signal("TERM").await
    }

    /// Sends the signal of this name, such as `HUP`.
    pub async fn signal(&self, name: &str) -> io::Result<()> {
        let id = self
            .child
            .id()
            .ok_or_else(|| io::Error::other("it has ended by itself"))?;
        // The standard library can only kill.
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", name, &id.to_string()]).status().await?;
        sent.success()
            .then_some(())
            .ok_or_else(|| io::Error::other("the signal was not sent"))
    }

    /// Kills it, as a power cut does.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Waits for its end; answers its exit status and everything that it logged and printed, if that was kept.
    pub async fn end(mut self) -> io::Result<(ExitStatus, String)> {
        let status = timeout(END_LIMIT, self.child.wait()).await??;
        let mut output = match self.log.take() {
            Some(log) => log.await?,
            None => String::new(),
        };
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut output).await?;
        }
        Ok((status, output))
    }
}
