//! Programs that are measured: started, waited for, and looked at through /proc.

use std::{
    env, fs,
    fs::File,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{counted::ENVIRONMENT, requests::Keys, result::Result, stand_in::CUSTOMER};

/// How long a program may take until it serves; under valgrind it takes a few seconds.
const START_LIMIT: Duration = Duration::from_mins(1);
const START_INTERVAL: Duration = Duration::from_millis(5);

/// The service's settings: all of its checks are on, and no limit is met.
const SETTINGS: [(&str, &str); 7] = [
    ("ENVIRONMENT", "production"),
    ("STRIPE_SECRET_KEY", "sk_test_simulated0000000000000000"),
    (
        "RETURN_URL_ALLOW_LIST",
        "https://app.example.com,https://other.example.com",
    ),
    ("LOG", "info"),
    ("RATE_LIMIT_PER_KEY", "0"),
    ("RATE_LIMIT_FAILED_AUTH", "0"),
    ("STRIPE_RATE_LIMIT", "0"),
];
/// The settings of how much there may be at a time.
const LIMITS: [&str; 4] = [
    "STRIPE_MAX_IN_FLIGHT",
    "MAX_IN_FLIGHT",
    "MAX_CONNECTIONS",
    "MAX_CONNECTIONS_PER_PEER",
];

/// A running program; it is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Running {
    fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn()?;
        Ok(Self { child, address })
    }

    /// The stand-in for Stripe.
    pub(crate) fn stand_in(delay_ms: u64) -> Result<Self> {
        let address = free_address()?;
        let port = address.port().to_string();
        let mut command = Command::new(env::current_exe()?);
        command.args(["stripe", &port, &delay_ms.to_string()]);
        Self::start(&mut command, address)?.listening()
    }

    /// The floor, which asks this stand-in.
    pub(crate) fn floor(stripe: SocketAddr) -> Result<Self> {
        Self::floor_by(Command::new(env::current_exe()?), stripe)
    }

    /// The same under a program that counts its instructions and writes them to `counts`.
    pub(crate) fn floor_counted(stripe: SocketAddr, counts: &Path) -> Result<Self> {
        let mut command = counting(counts);
        command.arg(env::current_exe()?).envs(ENVIRONMENT);
        Self::floor_by(command, stripe)
    }

    fn floor_by(mut command: Command, stripe: SocketAddr) -> Result<Self> {
        let address = free_address()?;
        let port = address.port().to_string();
        command.args(["floor", &port, &format!("http://{stripe}")]);
        Self::start(&mut command, address)?.listening()
    }

    fn listening(mut self) -> Result<Self> {
        let address = self.address;
        self.until(|| TcpStream::connect(address).is_ok())?;
        Ok(self)
    }

    fn until(&mut self, is_there: impl Fn() -> bool) -> Result<()> {
        let began = Instant::now();
        while !is_there() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("a program ended early: {status}").into());
            }
            if began.elapsed() > START_LIMIT {
                return Err("a program did not start in time".into());
            }
            sleep(START_INTERVAL);
        }
        Ok(())
    }

    /// The CPU time that it has used.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        // Nanoseconds of each thread; the sums of /proc/PID/stat are in hundredths of a second.
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            match fs::read_to_string(task?.path().join("schedstat")) {
                Ok(times) => {
                    let ran = times.split(' ').next().unwrap_or_default();
                    nanoseconds += ran.parse::<u64>()?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Its memory in bytes: `VmRSS:` now, `VmHWM:` at most.
    pub(crate) fn memory(&self, kind: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let memory = status.lines().find_map(|line| line.strip_prefix(kind));
        let kib = memory.and_then(|memory| memory.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("/proc does not have it")?.parse::<u64>()? * 1024)
    }

    /// Ends it as an operator does, and waits for its end.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status()?;
        let ended = self.child.wait()?;
        if sent.success() && ended.success() {
            Ok(())
        } else {
            Err(format!("a program did not stop well: {ended}").into())
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The service with a database, set up by its own commands.
pub(crate) struct Service {
    binary: PathBuf,
    directory: TempDir,
    /// How many requests and connections there may be at a time.
    limit: String,
    pub keys: Keys,
}

impl Service {
    /// Sets up organizations and keys.
    pub(crate) fn set_up() -> Result<Self> {
        let binary = env::var_os("XTASK_SERVICE_BINARY").ok_or("run `cargo xtask bench`")?;
        let mut service = Self {
            binary: binary.into(),
            directory: tempfile::tempdir()?,
            limit: "1024".to_owned(),
            keys: Keys::default(),
        };
        for org in ["acme", "newcomer"] {
            service.run(&["org", "create", "--id", org, "--name", org])?;
        }
        service.run(&["customer", "link", "--org", "acme", CUSTOMER])?;
        service.keys = Keys {
            opens: service.key("acme", "billing:write")?,
            without_customer: service.key("newcomer", "billing:write")?,
            reads_only: service.key("acme", "billing:read")?,
        };
        Ok(service)
    }

    /// The same with room for this many requests at a time.
    pub(crate) fn for_requests(mut self, requests: usize) -> Self {
        self.limit = (requests + 100).to_string();
        self
    }

    fn key(&self, org: &str, scope: &str) -> Result<String> {
        let made = self.run(&["key", "create", "--org", org, "--scope", scope])?;
        Ok(made["key"].as_str().ok_or("there is no key")?.to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.configured(Command::new(&self.binary));
        let Output {
            status,
            stdout,
            stderr,
        } = command.args(arguments).arg("--json").output()?;
        if !status.success() {
            return Err(String::from_utf8_lossy(&stderr).into());
        }
        Ok(serde_json::from_slice(&stdout)?)
    }

    fn configured(&self, mut command: Command) -> Command {
        let database = self.directory.path().join("bench.db");
        command.env_clear().current_dir(&self.directory);
        command.env(
            "BILLING_PORTAL_DATABASE_URL",
            format!("sqlite://{}", database.display()),
        );
        let limits = LIMITS.map(|name| (name, self.limit.as_str()));
        for (name, value) in SETTINGS.into_iter().chain(limits) {
            command.env(format!("BILLING_PORTAL_{name}"), value);
        }
        command
    }

    /// Serves, with the log in a file, until portals can be opened.
    pub(crate) fn serve(&self, stripe: SocketAddr) -> Result<Running> {
        self.serve_with(Command::new(&self.binary), &[], stripe)
    }

    /// The same under a program that counts its instructions and writes them to `counts`.
    pub(crate) fn serve_counted(
        &self,
        stripe: SocketAddr,
        counts: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Running> {
        let mut command = counting(counts);
        command.arg(&self.binary);
        self.serve_with(command, environment, stripe)
    }

    fn serve_with(
        &self,
        command: Command,
        environment: &[(&str, &str)],
        stripe: SocketAddr,
    ) -> Result<Running> {
        let (address, operations) = (free_address()?, free_address()?);
        let mut command = self.configured(command);
        command
            .arg("serve")
            .envs(environment.iter().copied())
            .env("BILLING_PORTAL_LISTEN", address.to_string())
            .env("BILLING_PORTAL_OPERATIONS_LISTEN", operations.to_string())
            .env("BILLING_PORTAL_STRIPE_API_BASE", format!("http://{stripe}"))
            .env("BILLING_PORTAL_SHUTDOWN_DELAY_SECONDS", "0")
            .stderr(File::create(self.directory.path().join("bench.log"))?);
        let mut running = Running::start(&mut command, address)?;
        running.until(|| opens_portals(operations))?;
        Ok(running)
    }

    /// The program that is measured.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Where a file may be written.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn counting(counts: &Path) -> Command {
    let mut valgrind = Command::new("valgrind");
    let file = format!("--callgrind-out-file={}", counts.display());
    let names = ["--demangle=no", "--compress-strings=no"];
    valgrind
        .args(["--quiet", "--tool=callgrind", &file])
        .args(names);
    valgrind
}

fn opens_portals(operations: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(operations) else {
        return false;
    };
    let request = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    let answered =
        stream.write_all(request.as_bytes()).is_ok() && stream.read_to_string(&mut answer).is_ok();
    answered
        && answer.starts_with("HTTP/1.1 200")
        && answer.contains("\"portal_configuration_verified\":true")
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
