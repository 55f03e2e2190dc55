//! The real binary with a configuration file and files for its secrets, which a test changes while it runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use billing_portal_tests::stripe::SimulatedStripe;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::command::Outcome;
use super::process::{self, Process};
use super::service::{Service, send};

/// How long a reload may take on a busy machine.
const RELOAD_LIMIT: Duration = Duration::from_secs(20);

/// A running `billing-portal serve --config FILE` with an organization, `acme`, which has a customer and a key.
pub(crate) struct ConfiguredProcess {
    /// A service of the harness with the same Stripe and the same database.
    beside: Service,
    process: Process,
    operations: SocketAddr,
    /// The settings of the file, each as TOML.
    settings: BTreeMap<String, String>,
    folder: TempDir,
}

impl ConfiguredProcess {
    /// Starts it with these settings, each as TOML, on top of those that it needs.
    pub(crate) async fn start(settings: &[(&str, Value)]) -> Self {
        Self::start_with(settings, &[]).await
    }

    /// The same with variables.
    pub(crate) async fn start_with(settings: &[(&str, Value)], variables: &[(&str, &str)]) -> Self {
        let beside = Box::pin(Service::start()).await;
        let folder = TempDir::new().expect("a temporary directory");
        let operations = free_address();
        let mut files = Files {
            folder: &folder,
            settings: BTreeMap::new(),
        };
        files.secret("stripe_secret_key", &beside.stripe.secret());
        let database = beside.database_url();
        files.set("database_url", &json!(database));
        files.set("stripe_api_base", &json!(beside.stripe.api_base()));
        files.set("return_url_allow_list", &json!(["https://app.example.com"]));
        files.set("listen", &json!("127.0.0.1:0"));
        files.set("operations_listen", &json!(operations.to_string()));
        files.set("rate_limit_per_key", &json!(0));
        files.set("stripe_rate_limit", &json!(0));
        files.set("shutdown_delay_seconds", &json!(0));
        for (name, value) in settings {
            files.set(name, value);
        }
        let settings = files.settings;
        let file = folder.path().join(CONFIG);
        fs::write(&file, toml(&settings)).expect("our folder");
        let mut command = process::command(&["serve", "--config"], &[]);
        command.arg(file).envs(variables.iter().copied());
        Self {
            process: Box::pin(Process::start(command)).await,
            beside,
            operations,
            settings,
            folder,
        }
    }

    /// Sets a setting in the file, as TOML; `Null` removes it.
    pub(crate) fn set(&mut self, name: &str, value: &Value) {
        let mut files = Files {
            folder: &self.folder,
            settings: std::mem::take(&mut self.settings),
        };
        files.set(name, value);
        self.settings = files.settings;
        self.write(&toml(&self.settings));
    }

    /// Replaces what the file of a secret contains.
    pub(crate) fn set_secret(&mut self, name: &str, secret: &str) {
        let mut files = Files {
            folder: &self.folder,
            settings: std::mem::take(&mut self.settings),
        };
        files.secret(name, secret);
        self.settings = files.settings;
        self.write(&toml(&self.settings));
    }

    /// Replaces the text of the configuration file.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.config(), text).expect("our folder");
    }

    /// The path of the file that contains a secret.
    pub(crate) fn secret_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join(CONFIG)
    }

    /// Its Stripe.
    pub(crate) fn stripe(&self) -> &SimulatedStripe {
        &self.beside.stripe
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.process.api
    }

    pub(crate) fn operations(&self) -> SocketAddr {
        self.operations
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// A request for the portal with the key of `acme`.
    pub(crate) fn portal(&self, return_url: &str) -> TestRequest {
        TestRequest::portal(self.beside.key(), return_url)
    }

    /// A new organization with a customer: its key.
    pub(crate) async fn organization(&self, id: &str) -> String {
        let customer = format!("cus_{}", id.replace('-', ""));
        self.beside.organization(id, Some(&customer)).await
    }

    /// The status of a call that opens the portal with this return URL.
    pub(crate) async fn status_for(&self, return_url: &str) -> u16 {
        send(self.api(), &self.portal(return_url)).await.status
    }

    /// Opens the portal; it must succeed.
    pub(crate) async fn open_portal(&self) -> TestResponse {
        let opened = send(self.api(), &self.portal(RETURN_URL)).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        opened
    }

    pub(crate) async fn readiness(&self) -> Value {
        self.process.readiness().await.json()
    }

    /// The value of a metric; 0 if the series is not there.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let metrics = send(self.operations, &TestRequest::get("/metrics")).await;
        let line = metrics.text().lines().find_map(|line| {
            let value = line.strip_prefix(series)?.strip_prefix(' ')?;
            value.parse().ok()
        });
        line.unwrap_or_default()
    }

    /// Sends SIGHUP and waits until the reload is over; whether it was applied.
    pub(crate) async fn hang_up(&self) -> bool {
        let before = self.reloads().await;
        self.process.signal("HUP").await;
        let deadline = Instant::now() + RELOAD_LIMIT;
        loop {
            let (applied, refused) = self.reloads().await;
            if (applied, refused) != before {
                return applied > before.0;
            }
            assert!(Instant::now() < deadline, "it reloads on SIGHUP");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// How many reloads were applied, and how many refused.
    pub(crate) async fn reloads(&self) -> (u64, u64) {
        let of = async |outcome| {
            let series = format!("billing_portal_reloads_total{{outcome=\"{outcome}\"}}");
            self.metric(&series).await
        };
        (of("applied").await, of("refused").await)
    }

    /// Runs a command of the binary with the same configuration file.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Outcome {
        let config = self.config().display().to_string();
        let arguments = [arguments, &["--config", &config]].concat();
        super::command::run(&arguments, &[]).await
    }

    /// Ends it as an operator does; its exit code and the lines of its log.
    pub(crate) async fn stop(self) -> (Option<i32>, Vec<Value>) {
        self.process.terminate().await;
        self.end().await
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> (Option<i32>, Vec<Value>) {
        let (code, log) = self.process.end().await;
        (code, super::log::lines(&log))
    }
}

const CONFIG: &str = "billing-portal.toml";

/// Where settings and secrets are written.
struct Files<'a> {
    folder: &'a TempDir,
    settings: BTreeMap<String, String>,
}

impl Files<'_> {
    /// A JSON number, text or list of texts is the same in TOML.
    fn set(&mut self, name: &str, value: &Value) {
        if value.is_null() {
            self.settings.remove(name);
        } else {
            self.settings.insert(name.to_owned(), value.to_string());
        }
    }

    fn secret(&mut self, name: &str, secret: &str) {
        let file = self.folder.path().join(name);
        fs::write(&file, secret).expect("our folder");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our file");
        self.set(&format!("{name}_file"), &json!(file));
    }
}

fn toml(settings: &BTreeMap<String, String>) -> String {
    let lines = settings.iter();
    let lines = lines.map(|(name, value)| format!("{name} = {value}\n"));
    lines.collect()
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}
