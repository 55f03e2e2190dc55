//! `HAProxy` before instances of the service, with the file that ships.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::ports::{free_port, wait_for_port};
use crate::workspace;

/// Where Debian's package puts it; that folder is not in every user's path.
const PROGRAM: &str = "/usr/sbin/haproxy";

/// A running balancer; it is ended when it is dropped.
#[derive(Debug)]
pub struct HaProxy {
    /// Where it accepts requests.
    pub address: SocketAddr,
    process: Child,
    _directory: TempDir,
}

impl HaProxy {
    /// Whether it is installed.
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Starts it before instances, each with the address of its API and of its operations port. Nothing of the file that
    /// ships is changed but addresses and the certificate.
    pub fn start(instances: &[(SocketAddr, SocketAddr)]) -> io::Result<Self> {
        let directory = TempDir::new()?;
        let file = directory.path().join("haproxy.cfg");
        let port = free_port()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        fs::write(&file, configuration(&address.to_string(), instances)?)?;
        let mut haproxy = Command::new(PROGRAM);
        haproxy.arg("-db").arg("-f").arg(&file);
        let process = haproxy
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let this = Self {
            address,
            process,
            _directory: directory,
        };
        wait_for_port(port)?;
        Ok(this)
    }

    /// What it says of the file that ships with this address or certificate to bind to.
    pub fn check(bind: &str) -> io::Result<(bool, String)> {
        let directory = TempDir::new()?;
        let file = directory.path().join("haproxy.cfg");
        let instance = SocketAddr::from(([127, 0, 0, 1], 8080));
        fs::write(&file, configuration(bind, &[(instance, instance)])?)?;
        let output = Command::new(PROGRAM)
            .arg("-c")
            .arg("-f")
            .arg(&file)
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok((output.status.success(), said))
    }
}

/// The file that ships, with this to bind to and these instances.
fn configuration(bind: &str, instances: &[(SocketAddr, SocketAddr)]) -> io::Result<String> {
    let shipped = fs::read_to_string(workspace::root().join("server/deploy/haproxy.cfg"))?;
    let is_kept = |line: &&str| !line.starts_with("    server ");
    let mut lines: Vec<String> = shipped.lines().filter(is_kept).map(str::to_owned).collect();
    for line in &mut lines {
        if line.starts_with("    bind ") {
            *line = format!("    bind {bind}");
        }
    }
    // The backend is the last section.
    for (number, (api, operations)) in instances.iter().enumerate() {
        let check = format!("port {}", operations.port());
        lines.push(format!("    server instance{number} {api} {check}"));
    }
    Ok(lines.join("\n") + "\n")
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
