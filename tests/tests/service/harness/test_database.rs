//! A database of a test's own: a SQLite file or, where `TEST_POSTGRESQL_URL` names a server, a database there.

use std::env;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use billing_portal_tests::postgresql;

/// Names the server on which tests keep their databases.
const SERVER_VARIABLE: &str = "TEST_POSTGRESQL_URL";

/// A database that no other test uses. It is removed when it is dropped.
pub(crate) enum TestDatabase {
    Sqlite(PathBuf),
    Postgresql(ServerDatabase),
    Url(String),
}

/// A database on a server.
pub(crate) struct ServerDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// A database on the engine of this run, which has no tables yet. A SQLite file is in the folder.
    pub(crate) fn new(folder: &Path) -> Self {
        match env::var(SERVER_VARIABLE) {
            Ok(server) => Self::Postgresql(ServerDatabase::create(&server)),
            Err(_) => Self::sqlite(folder),
        }
    }

    /// A SQLite file in the folder, which does not exist yet, for what is about files.
    pub(crate) fn sqlite(folder: &Path) -> Self {
        Self::Sqlite(folder.join("billing-portal.db"))
    }

    /// The database of this URL, which is somebody else's to remove.
    pub(crate) fn at(url: &str) -> Self {
        Self::Url(url.to_owned())
    }

    /// A database on this server.
    pub(crate) fn on_server(server: &str) -> Self {
        Self::Postgresql(ServerDatabase::create(server))
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}", file.display()),
            Self::Postgresql(database) => database.url(),
            Self::Url(url) => url.clone(),
        }
    }

    /// Its file.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Sqlite(file) => file,
            Self::Postgresql(_) | Self::Url(_) => {
                panic!("only SQLite has a file; this test needs a SQLite database")
            }
        }
    }
}

impl ServerDatabase {
    fn create(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", process::id());
        let create = format!("CREATE DATABASE {name}");
        postgresql::execute(server, &create).expect("a database is created");
        let server = server.to_owned();
        Self { server, name }
    }

    /// The server's URL with this database instead of its own.
    fn url(&self) -> String {
        let (server, _) = self
            .server
            .rsplit_once('/')
            .expect("the URL names a database");
        format!("{server}/{}", self.name)
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        _ = postgresql::execute(&self.server, &drop);
    }
}
