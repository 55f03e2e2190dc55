//! The real binary beside a service of the harness: for what only a process can show, its signals and its output.

use std::net::SocketAddr;

use billing_portal_tests::http_message::TestResponse;
use billing_portal_tests::service_process::{self, ServiceProcess};
use tokio::process::Command;

use super::service::Service;

/// `billing-portal` with these arguments, these variables and no others.
pub(crate) fn command(arguments: &[&str], variables: &[(String, String)]) -> Command {
    service_process::command(arguments, variables).expect("the binary builds")
}

/// A running `billing-portal serve`; it is killed when it is dropped.
pub(crate) struct Process {
    service: ServiceProcess,
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
        let mut variables = variables(service, more);
        let others = environment.iter();
        variables.extend(others.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::start(command(&["serve"], &variables)).await
    }

    /// The same with this soft and this hard limit on open files.
    pub(crate) async fn with_open_files(
        service: &Service,
        (soft, hard): (u32, u32),
        more: &[(&str, &str)],
    ) -> Self {
        let limits = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$0\" serve");
        let binary = service_process::binary().expect("the binary builds");
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(limits).arg(binary).env_clear();
        command.envs(variables(service, more));
        Self::start(command).await
    }

    /// Starts it with this command, and waits until it opens portals.
    pub(crate) async fn start(command: Command) -> Self {
        let started = ServiceProcess::start(command).await;
        let mut process = started.expect("the service starts");
        let ready = process.until_it_opens_portals().await;
        ready.expect("the service opens portals");
        Self {
            api: process.api,
            operations: process.operations,
            service: process,
        }
    }

    /// What the system says of the process in this file of /proc.
    pub(crate) fn proc(&self, file: &str) -> String {
        self.service.proc(file).expect("it runs on Linux")
    }

    /// The answer of `/readyz`.
    pub(crate) async fn readiness(&self) -> TestResponse {
        let readiness = self.service.readiness().await;
        readiness.expect("the operations port answers")
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.service.id().expect("it runs")
    }

    /// Sends SIGTERM.
    pub(crate) async fn terminate(&self) {
        self.service.terminate().await.expect("the signal is sent");
    }

    /// Sends the signal of this name, such as `HUP`.
    pub(crate) async fn signal(&self, name: &str) {
        self.service.signal(name).await.expect("the signal is sent");
    }

    /// Ends it without a word, as a power cut does.
    pub(crate) async fn kill(self) {
        self.service.kill().await.expect("it can be killed");
    }

    /// Waits for its end; answers its exit code and all that it printed and logged.
    pub(crate) async fn end(self) -> (Option<i32>, String) {
        let (status, output) = self.service.end().await.expect("it ends");
        (status.code(), output)
    }
}

/// The settings of a service and these on top.
fn variables(service: &Service, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let more = more.iter();
    let more = more.map(|(name, value)| (format!("BILLING_PORTAL_{name}"), (*value).to_owned()));
    service.variables().iter().cloned().chain(more).collect()
}
