//! What the service reports to a service manager that sets `NOTIFY_SOCKET`, over a real datagram socket.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::configured::ConfiguredProcess;

/// The service manager's side.
struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).expect("a free name");
        let patience = Some(Duration::from_secs(20));
        socket.set_read_timeout(patience).expect("a time");
        Self(socket)
    }

    /// The lines of the next message.
    fn next(&self) -> Vec<String> {
        let mut message = [0; 4096];
        let length = self.0.recv(&mut message).expect("a message");
        let text = std::str::from_utf8(&message[..length]).expect("text");
        text.lines().map(ToOwned::to_owned).collect()
    }
}

/// Microseconds of the monotonic clock, as the system tells them.
fn uptime() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").expect("Linux");
    let seconds: f64 = uptime
        .split(' ')
        .next()
        .expect("seconds")
        .parse()
        .expect("a number");
    Duration::from_secs_f64(seconds)
        .as_micros()
        .try_into()
        .expect("a number")
}

async fn is_notified(name: &str, manager: Manager) {
    let variables = [("NOTIFY_SOCKET", name)];
    let mut service = ConfiguredProcess::start_with(&[], &variables).await;
    let ready = |generation| {
        let status = format!("STATUS=Ready, with generation {generation} of the settings");
        ["READY=1".to_owned(), status]
    };
    assert_eq!(manager.next(), ready(1));

    let before = uptime();
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    assert!(service.hang_up().await);
    let reloading = manager.next();
    assert_eq!(reloading[0], "RELOADING=1");
    let time = reloading[1]
        .strip_prefix("MONOTONIC_USEC=")
        .expect("the time");
    let time: u64 = time.parse().expect("a number");
    // The clock of /proc counts the time of a suspended machine too, and has two digits.
    assert!(
        time <= uptime() + 10_000 && time > before.saturating_sub(120_000_000),
        "{time} {before}"
    );
    assert_eq!(manager.next(), ready(2));

    service.write("this is no TOML");
    assert!(!service.hang_up().await);
    assert_eq!(manager.next()[0], "RELOADING=1");
    let refused = "STATUS=Reload refused, see the log; generation 2 of the settings stays in use";
    assert_eq!(manager.next(), ["READY=1", refused]);

    let (code, _) = service.stop().await;
    assert_eq!(code, Some(0));
    let stopping = ["STOPPING=1", "STATUS=Finishing the requests in progress"];
    assert_eq!(manager.next(), stopping);
}

#[tokio::test]
async fn s17_the_service_manager_is_notified_at_a_path() {
    let folder = TempDir::new().expect("a temporary directory");
    let path = folder.path().join("notify");
    let address = SocketAddr::from_pathname(&path).expect("a short path");
    let name = path.display().to_string();
    is_notified(&name, Manager::at(&address)).await;
}

#[tokio::test]
async fn s17_the_service_manager_is_notified_at_an_abstract_name() {
    let name = format!("billing-portal-test/{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    is_notified(&format!("@{name}"), Manager::at(&address)).await;
}

#[tokio::test]
async fn s17_a_socket_that_cannot_be_used_does_not_keep_the_service_from_working() {
    for name in ["", "/nowhere/notify", "vsock:2:1234", "relative", "@"] {
        let variables = [("NOTIFY_SOCKET", name)];
        let service = ConfiguredProcess::start_with(&[], &variables).await;
        assert!(service.hang_up().await, "{name:?}");
        service.open_portal().await;
        let (code, log) = service.stop().await;
        assert_eq!(code, Some(0), "{name:?}");
        let messages = log.iter().filter_map(|line| line["message"].as_str());
        let warnings = messages
            .filter(|message| message.contains("service manager"))
            .count();
        assert_eq!(warnings > 0, !name.is_empty(), "{name:?}: {log:?}");
    }
}
