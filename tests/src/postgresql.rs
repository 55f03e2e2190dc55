//! A PostgreSQL server for tests: a private cluster in a temporary directory, on a loopback port, without a password.

pub mod pgbouncer;

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;

/// Where Debian's packages put the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user of everything in the cluster.
pub const USER: &str = "postgres";
/// How long the server may take to start; a busy machine needs seconds.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at whether it has started.
const START_INTERVAL: Duration = Duration::from_millis(20);

/// Settings of a server whose data is not worth keeping.
const SETTINGS: [&str; 5] = [
    "fsync=off",
    "full_page_writes=off",
    "max_connections=300",
    "shared_buffers=64MB",
    "autovacuum=off",
];

/// A running server; it is stopped, and its data removed, when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    directory: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
}

/// The folder of PostgreSQL's programs; `None` where it is not installed.
pub fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max()
}

impl Cluster {
    /// Starts a server with these settings on top of the tests' own.
    pub fn start(settings: &[&str]) -> io::Result<Self> {
        let directory = TempDir::new()?;
        give_to_server(directory.path())?;
        let data = directory.path().join("data");
        // Its order of text is not that of bytes, as on most servers, so that the schema has to ask for bytes.
        let initialized = program("initdb")?
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username",
                USER,
                "--auth",
                "trust",
                "--no-sync",
                "--encoding",
                "UTF8",
            ])
            .args([
                "--locale",
                "C.UTF-8",
                "--locale-provider",
                "icu",
                "--icu-locale",
                "en",
            ])
            .stdout(Stdio::null())
            .status()?;
        if !initialized.success() {
            return Err(io::Error::other("initdb failed"));
        }
        let mut cluster = Self {
            port: free_port()?,
            directory,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            server: None,
        };
        cluster.resume()?;
        Ok(cluster)
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Where the server listens on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the cluster keeps its files; its data is in `data`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Stops the server at once, as a crash does.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        signal("QUIT", server.id())?;
        server.wait()?;
        Ok(())
    }

    /// Stops the server and starts it with these settings too.
    pub fn restart_with(&mut self, settings: &[&str]) -> io::Result<()> {
        self.stop()?;
        let settings = settings.iter().map(|&setting| setting.to_owned());
        self.settings.extend(settings);
        self.resume()
    }

    /// Writes a file beside the data, which only the server can read.
    pub fn add_file(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let file = self.directory.path().join(name);
        fs::write(&file, content)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        give_to_server(&file)?;
        Ok(file)
    }

    /// Starts the server again on the same port.
    pub fn resume(&mut self) -> io::Result<()> {
        let mut server = program("postgres")?;
        server.arg("-D").arg(self.directory.path().join("data"));
        server.args(["-p", &self.port.to_string(), "-h", "127.0.0.1"]);
        server.arg("-k").arg(self.directory.path());
        let settings = self.settings.iter().map(String::as_str);
        for setting in SETTINGS.into_iter().chain(settings) {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(server.spawn()?);
        let deadline = Instant::now() + START_LIMIT;
        while !self.is_ready()? {
            if Instant::now() > deadline {
                return Err(io::Error::other("PostgreSQL did not start"));
            }
            sleep(START_INTERVAL);
        }
        Ok(())
    }

    /// Stops the processes of the server where they are, as a machine does that does not respond.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal_all("STOP")
    }

    /// Lets them go on.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal_all("CONT")
    }

    /// Runs one of PostgreSQL's programs.
    pub fn run(&self, name: &str, arguments: &[&str]) -> io::Result<()> {
        succeed(program(name)?.args(arguments))
    }

    /// Runs statements as the owner of everything.
    pub fn execute(&self, database: &str, statements: &str) -> io::Result<()> {
        execute(&self.url(database), statements)
    }

    fn is_ready(&self) -> io::Result<bool> {
        let ready = program("pg_isready")?
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q"])
            .status()?;
        Ok(ready.success())
    }

    fn signal_all(&self, name: &str) -> io::Result<()> {
        let Some(server) = &self.server else {
            return Ok(());
        };
        let parent = server.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
        for child in children.split_whitespace() {
            let id = child.parse().map_err(io::Error::other)?;
            // One that has ended meanwhile needs no signal.
            _ = signal(name, id);
        }
        signal(name, parent)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        _ = self.thaw();
        _ = self.stop();
    }
}

/// Runs statements in the database of a URL.
pub fn execute(url: &str, statements: &str) -> io::Result<()> {
    let options = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"];
    let mut psql = program("psql")?;
    succeed(
        psql.args(options)
            .args(["--dbname", url, "--command", statements]),
    )
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(problem))
}

/// A program of PostgreSQL, run as a user that it accepts: the server refuses to run as root.
pub(crate) fn program(name: &str) -> io::Result<Command> {
    let folder = programs().ok_or_else(|| io::Error::other("PostgreSQL is not installed"))?;
    let mut command = Command::new(folder.join(name));
    as_server_user(&mut command)?;
    Ok(command)
}

/// Makes a program run as the user of the server.
pub(crate) fn as_server_user(command: &mut Command) -> io::Result<()> {
    if let Some((user, group)) = server_user()? {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null()).current_dir("/");
    Ok(())
}

/// Lets the user of the server use a file or a folder.
pub(crate) fn give_to_server(path: &Path) -> io::Result<()> {
    if let Some((user, group)) = server_user()? {
        chown(path, Some(user), Some(group))?;
    }
    if path.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The user and the group that Debian's package made for the server; `None` if this process is not root, which can be
/// nobody else.
fn server_user() -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line.unwrap_or_default().split(':').collect();
    match fields.as_slice() {
        [_, _, user, group, ..] => {
            let number = |text: &str| text.parse().map_err(io::Error::other);
            Ok(Some((number(user)?, number(group)?)))
        }
        _ => Err(io::Error::other("there is no user postgres")),
    }
}

fn signal(name: &str, process: u32) -> io::Result<()> {
    let mut kill = Command::new("kill");
    let sent = kill
        .args([&format!("-{name}"), &process.to_string()])
        .stderr(Stdio::null());
    sent.status()?
        .success()
        .then_some(())
        .ok_or_else(|| io::Error::other("the signal was not sent"))
}
