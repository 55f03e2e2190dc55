//! `healthcheck`: asks the operations port of the running service, for images that have no HTTP client.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    context::{CliError, Context},
    report::Report,
};

/// How long the service may take. Container runtimes give a health check 30 s, and a probe of a cluster one.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The beginning of a response that says `200`.
const OK: &[u8] = b"HTTP/1.1 200 ";

/// Succeeds if the service of this configuration is alive or, with `ready`, is to be sent requests.
pub(super) async fn healthcheck(ready: bool, context: &Context<'_>) -> Result<Report, CliError> {
    let path = if ready { "/readyz" } else { "/healthz" };
    let address = reachable(context.config()?.settings().operations_listen);
    let asked = timeout(RESPONSE_TIMEOUT, is_ok(address, path)).await;
    let asked = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let (ok, text) = match asked {
        Ok(true) => (true, "ok".to_owned()),
        Ok(false) => (false, format!("http://{address}{path} did not answer 200")),
        Err(error) => (false, format!("http://{address}{path}: {error}")),
    };
    let (text, failures) = if ok {
        (text, Vec::new())
    } else {
        (String::new(), vec![text])
    };
    Ok(Report {
        failed: !ok,
        failures,
        ..Report::new(json!({ "ok": ok }), text)
    })
}

/// A service that listens on every address of the machine is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn is_ok(address: SocketAddr, path: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut beginning = [0; OK.len()];
    stream.read_exact(&mut beginning).await?;
    Ok(beginning == OK)
}
