//! A deployment that is not running, for the commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use billing_portal_tests::stripe::SimulatedStripe;
use serde_json::Value;
use tempfile::TempDir;

use super::command::{self, Outcome};
use super::test_database::TestDatabase;

/// A deployment that is not running: settings, a database, Stripe.
pub(crate) struct Deployment {
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) stripe: SimulatedStripe,
    database: TestDatabase,
    directory: TempDir,
}

impl Deployment {
    pub(crate) async fn new() -> Self {
        Self::with_database(TestDatabase::new).await
    }

    /// With a SQLite file, whatever the engine of this run: the test is about the file.
    pub(crate) async fn sqlite() -> Self {
        Self::with_database(TestDatabase::sqlite).await
    }

    async fn with_database(database: fn(&Path) -> TestDatabase) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let stripe = SimulatedStripe::builder()
            .start()
            .await
            .expect("a free port");
        let database = database(directory.path());
        let settings = [
            ("DATABASE_URL", database.url()),
            ("STRIPE_SECRET_KEY", stripe.secret()),
            ("STRIPE_API_BASE", stripe.api_base()),
            (
                "RETURN_URL_ALLOW_LIST",
                "https://app.example.com".to_owned(),
            ),
        ];
        let settings = settings
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        Self {
            settings,
            stripe,
            database,
            directory,
        }
    }

    pub(crate) async fn run(&self, line: &str) -> Outcome {
        let arguments: Vec<&str> = line.split(' ').collect();
        command::run(&arguments, &self.variables()).await
    }

    /// The settings as variables.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        command::variables(&self.settings)
    }

    /// The database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.database.file().to_owned()
    }

    /// The database's URL.
    pub(crate) fn database_url(&self) -> String {
        self.database.url()
    }

    /// A file of this name in the deployment's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command with this text on standard input.
    pub(crate) async fn run_with_input(&self, line: &str, input: &str) -> Outcome {
        let arguments: Vec<&str> = line.split(' ').collect();
        command::run_with_input(&arguments, &self.variables(), input).await
    }

    /// Runs a command that must succeed with `--json`: one value on stdout, nothing on stderr, and no null (a schema may speak of it).
    pub(crate) async fn json(&self, line: &str) -> Value {
        let outcome = self.run(&format!("{line} --json")).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{line}");
        let is_schema = line == "config schema";
        assert!(
            is_schema || !outcome.stdout.contains("null"),
            "{line}: {}",
            outcome.stdout
        );
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{line}: {error}"))
    }
}
