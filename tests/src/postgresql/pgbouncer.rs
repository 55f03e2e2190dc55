//! `PgBouncer` in transaction mode before a cluster: it gives a connection to the server to another client after each
//! transaction.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Cluster, USER, as_server_user, give_to_server};
use crate::ports::{free_port, wait_for_port};

/// Where Debian's package puts it; that folder is not in every user's path.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// Fewer connections to the server than one instance opens, so that clients share them.
const SERVER_CONNECTIONS: u8 = 3;

/// A running pooler; it is ended when it is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    process: Child,
    _directory: TempDir,
}

impl PgBouncer {
    /// Whether it is installed.
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Starts it before the cluster.
    pub fn start(cluster: &Cluster) -> io::Result<Self> {
        let directory = TempDir::new()?;
        give_to_server(directory.path())?;
        let port = free_port()?;
        let file = directory.path().join("pgbouncer.ini");
        let server = cluster.port();
        fs::write(
            &file,
            format!(
                "[databases]\n* = host=127.0.0.1 port={server} user={USER}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
                 default_pool_size = {SERVER_CONNECTIONS}\n"
            ),
        )?;
        give_to_server(&file)?;
        let mut pgbouncer = Command::new(PROGRAM);
        as_server_user(&mut pgbouncer)?;
        pgbouncer
            .arg("-q")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = pgbouncer.spawn()?;
        let this = Self {
            port,
            process,
            _directory: directory,
        };
        wait_for_port(port)?;
        Ok(this)
    }

    /// The URL of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
