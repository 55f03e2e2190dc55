//! A process under load, and what must hold when the faults are over.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use billing_portal_tests::http_client;
use billing_portal_tests::http_message::TestRequest;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::load::{Load, Senders};
use super::rounds;
use super::running::{Addresses, Running};
use crate::harness::command;
use crate::harness::database::Database;
use crate::harness::log;
use crate::harness::process;
use crate::harness::service::Service;
use crate::harness::webhook::SECRET;

/// More organizations than webhooks can be delivered to in one round.
const ORGANIZATIONS_PER_ROUND: usize = 500;
/// How long anything may take to work again. Most takes a second; the breaker waits for 5 s.
const RECOVERY: Duration = Duration::from_mins(1);
/// What `/readyz` says when all works.
const WELL: [&str; 3] = ["ready", "store_writable", "portal_configuration_verified"];
/// The log of what must not be lost, and where the ports are.
const QUIET: (&str, &str) = ("LOG", "error,billing_portal_server::service=info");

/// A process under load.
pub(super) struct Scene {
    pub(super) service: Service,
    pub(super) running: Running,
    load: Load,
    /// Of the process and of commands.
    pub(super) settings: Vec<(String, String)>,
}

/// A service whose database has organizations with customers that Stripe may name.
pub(super) struct Prepared {
    pub(super) service: Service,
    /// Keys of two organizations with customers of their own.
    pub(super) keys: Vec<String>,
    /// A key that was revoked.
    pub(super) revoked: String,
}

/// The same with a service that runs.
pub(super) async fn prepare_service(service: Service) -> Prepared {
    let organizations = ORGANIZATIONS_PER_ROUND * (1 + rounds());
    let rows = (0..organizations).map(|number| format!("org-{number},cus_before_{number}\n"));
    let file = service.file("customers.csv");
    std::fs::write(&file, rows.collect::<String>()).expect("our folder");
    let file = file.to_str().expect("text");
    service.run(&["customer", "import", file]).await;
    // As if Stripe had named them: events do not replace what an operator has imported.
    let mut database = Database::open(&service).await;
    let update = "UPDATE customers SET source = 'stripe'";
    database.execute(update).await;
    let beta = service.organization("beta", Some("cus_beta")).await;
    let create = ["key", "create", "--org", "acme", "--scope", "billing:write"];
    let revoked = service.run(&create).await;
    let text = |field: &str| revoked[field].as_str().expect("text").to_owned();
    service.run(&["key", "revoke", &text("id")]).await;
    let keys = vec![service.key().to_owned(), beta];
    let revoked = text("key");
    Prepared {
        service,
        keys,
        revoked,
    }
}

pub(super) async fn prepare() -> Prepared {
    let builder = Service::builder()
        .sqlite()
        .set("STRIPE_WEBHOOK_SECRET", SECRET);
    prepare_service(builder.start().await).await
}

impl Scene {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(super) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let prepared = prepare().await;
        let log = beside(&prepared.service, "log");
        let settings = variables(&prepared.service, settings);
        let command = process::command(&["serve"], &settings);
        let running = Running::start(command, &log).await;
        Self::of(prepared, running, settings).await
    }

    /// The same with a process that runs already.
    pub(super) async fn of(
        prepared: Prepared,
        running: Running,
        settings: Vec<(String, String)>,
    ) -> Self {
        let load = Load::start(running.addresses, prepared.keys, prepared.revoked);
        let scene = Self {
            service: prepared.service,
            running,
            load,
            settings,
        };
        scene.recovers().await;
        scene
    }

    pub(super) fn senders(&self) -> &Senders {
        &self.load.senders
    }

    /// Starts the process again, as a service manager does.
    pub(super) async fn restart(&mut self) {
        let log = self.service.file("log");
        let command = process::command(&["serve"], &self.settings);
        self.running = Running::start(command, &log).await;
        let mut addresses = self
            .load
            .senders
            .addresses
            .lock()
            .expect("no sender panics");
        *addresses = self.running.addresses;
    }

    pub(super) async fn is_ready(&self) -> bool {
        readiness(self.senders().addresses()).await["ready"] == true
    }

    /// Waits until all works again, without help.
    pub(super) async fn recovers(&self) {
        recovers(self.senders()).await;
    }

    /// Ends the load and the process. Answers how many audit events are missing in the log.
    pub(super) async fn end(self) -> usize {
        self.end_after(|_| {}).await
    }

    /// The same, with this done between the end of the load and the end of the process.
    pub(super) async fn end_after(mut self, done: impl FnOnce(&Running)) -> usize {
        let senders = self.load.stop().await;
        done(&self.running);
        let opened = senders.seen().opened.clone();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut missing = missing_audits(&opened, &self.running.log());
        while missing > 0 && Instant::now() < deadline {
            // What was answered is written soon.
            sleep(Duration::from_millis(100)).await;
            missing = missing_audits(&opened, &self.running.log());
        }
        assert_no_secret(&self.running.log(), &self.service, &senders);
        // With the settings of the process, whose database may be another one.
        assert_nothing_wrong(&self.settings, &senders).await;
        self.running.stop().await;
        missing
    }
}

/// The settings of a service and these on top.
pub(super) fn variables(service: &Service, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let more = [QUIET].into_iter().chain(more.iter().copied());
    let more = more.map(|(name, value)| (format!("BILLING_PORTAL_{name}"), value.to_owned()));
    service.variables().iter().cloned().chain(more).collect()
}

/// Waits until the instance is ready and writes, and until a portal is opened and a webhook is stored.
pub(super) async fn recovers(senders: &Senders) {
    let began = Instant::now();
    loop {
        let readiness = readiness(senders.addresses()).await;
        let is_true = |field: &str| readiness[field] == true;
        if WELL.into_iter().all(is_true) {
            break;
        }
        assert!(began.elapsed() < RECOVERY, "{readiness}");
        sleep(Duration::from_millis(20)).await;
    }
    let stored = senders.seen().stored.len();
    senders.until(200).await;
    while senders.seen().stored.len() == stored {
        assert!(began.elapsed() < RECOVERY, "webhooks are stored again");
        sleep(Duration::from_millis(20)).await;
    }
    println!("well after {:?}", began.elapsed());
}

async fn readiness(addresses: Addresses) -> Value {
    let request = TestRequest::get("/readyz");
    let answer = http_client::exchange(addresses.operations, &request, RECOVERY).await;
    answer.map(|answer| answer.json()).unwrap_or_default()
}

/// How many of these requests have no audit event. None has two.
pub(super) fn missing_audits(opened: &[String], log: &str) -> usize {
    let mut audited: BTreeMap<String, usize> = BTreeMap::new();
    // A line may be in the middle of being written.
    let end = log.rfind('\n').map_or(0, |end| end + 1);
    for line in log::lines(&log[..end]) {
        if line["event"] == "portal_session_created" {
            let id = line["span"]["request_id"]
                .as_str()
                .or(line["request_id"].as_str());
            *audited.entry(id.expect("an id").to_owned()).or_default() += 1;
        }
    }
    assert!(audited.values().all(|times| *times == 1), "once each");
    opened
        .iter()
        .filter(|id| !audited.contains_key(*id))
        .count()
}

pub(super) fn assert_no_secret(log: &str, service: &Service, senders: &Senders) {
    let mut secrets = vec![
        service.stripe.secret(),
        SECRET.to_owned(),
        "/p/session/".to_owned(),
    ];
    secrets.extend(senders.keys.iter().chain([&senders.revoked]).cloned());
    for secret in secrets {
        assert!(!log.contains(&secret[4..]), "a secret is in the log");
    }
}

/// No response was wrong, each webhook that was answered 200 is stored, and the keys are as they were.
pub(super) async fn assert_nothing_wrong(settings: &[(String, String)], senders: &Senders) {
    {
        let seen = senders.seen();
        assert!(
            seen.wrong.is_empty(),
            "{:?}",
            &seen.wrong[..seen.wrong.len().min(5)]
        );
        println!("{:?}, {} webhooks", seen.statuses, seen.stored.len());
    }
    let links = run(settings, &["customer", "list", "--json"]).await;
    let links: BTreeMap<&str, &Value> = links
        .as_array()
        .expect("a list")
        .iter()
        .map(|link| (link["org"].as_str().expect("an id"), &link["customer"]))
        .collect();
    for number in &senders.seen().stored {
        let org = format!("org-{number}");
        assert_eq!(
            links[org.as_str()],
            &format!("cus_{number}"),
            "it was answered 200"
        );
    }
    let keys = run(settings, &["key", "list", "--org", "acme", "--json"]).await;
    let keys = keys.as_array().expect("a list");
    let revoked = keys.iter().filter(|key| key["revoked_at"].is_string());
    assert_eq!((keys.len(), revoked.count()), (2, 1));
}

async fn run(settings: &[(String, String)], arguments: &[&str]) -> Value {
    let outcome = command::run(arguments, settings).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// A file in the folder of the service.
pub(super) fn beside(service: &Service, name: &str) -> PathBuf {
    service.file(name)
}
