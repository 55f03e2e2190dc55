//! The files of `server/deploy` name settings, commands and paths that exist, and the programs that read them accept
//! them, as far as these are installed.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use billing_portal_tests::haproxy::HaProxy;
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::service_process;
use serde_json::Value;

use super::found;
use crate::harness::command;
use crate::harness::service::{Service, send};

const FILES: [(&str, &str); 6] = [
    ("Dockerfile", DOCKERFILE),
    ("billing-portal.service", UNIT),
    (
        "compose.yaml",
        include_str!("../../../../server/deploy/compose.yaml"),
    ),
    ("haproxy.cfg", HAPROXY),
    ("kubernetes.yaml", KUBERNETES),
    ("nginx.conf", NGINX),
];
pub(super) const DOCKERFILE: &str = include_str!("../../../../server/deploy/Dockerfile");
const UNIT: &str = include_str!("../../../../server/deploy/billing-portal.service");
const HAPROXY: &str = include_str!("../../../../server/deploy/haproxy.cfg");
const KUBERNETES: &str = include_str!("../../../../server/deploy/kubernetes.yaml");
const NGINX: &str = include_str!("../../../../server/deploy/nginx.conf");
const GUIDE: &str = include_str!("../../../../server/DEPLOY.md");

/// Where Debian's package puts it; that folder is not in every user's path.
const NGINX_PROGRAM: &str = "/usr/sbin/nginx";

/// The score of `systemd-analyze security` times ten, at most: what is left is the network and the log.
const EXPOSURE: &str = "--threshold=20";

/// Whether the program is there; without it the check is skipped, except where everything is required.
fn is_there(name: &str, is_installed: bool) -> bool {
    let is_required = env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(is_installed || !is_required, "{name} is not installed");
    if !is_installed {
        println!("skipped: {name} is not installed");
    }
    is_installed
}

fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// A release writes the version in the manifests, and these examples are written by hand.
#[test]
fn the_images_have_the_present_version() {
    let mut images = 0;
    for (name, text) in FILES {
        for image in found(r"billing-portal:(\d[\d.]*)", text) {
            assert_eq!(image, env!("CARGO_PKG_VERSION"), "{name}");
            images += 1;
        }
    }
    assert_eq!(
        images, 3,
        "in the Dockerfile, for Compose and for Kubernetes"
    );
}

#[test]
fn the_guide_links_every_file() {
    for (name, _) in FILES {
        assert!(GUIDE.contains(&format!("deploy/{name}")), "{name}");
    }
}

#[tokio::test]
async fn every_setting_of_the_files_exists() {
    let schema = command::run(&["config", "schema"], &[]).await;
    let schema: Value = serde_json::from_str(&schema.stdout).expect("JSON");
    let settings = schema["properties"].as_object().expect("settings");
    let mut count = 0;
    for (file, text) in FILES {
        for name in found(r"BILLING_PORTAL_([A-Z_]+[A-Z])", text) {
            assert!(
                settings.contains_key(&name.to_lowercase()),
                "{file}: {name}"
            );
            count += 1;
        }
    }
    assert!(count >= 10, "{count}");
}

#[tokio::test]
async fn every_command_of_the_files_exists() {
    let unit = found(r"(?m)^Exec\w+=\S+/billing-portal (.*)$", UNIT);
    let image = found(
        r#"(?m)CMD \["(?:billing-portal", ")?([a-z]+)"\]$"#,
        DOCKERFILE,
    );
    let pod = found(r"args: \[(\w+)\]", KUBERNETES);
    assert_eq!((unit.len(), image.len(), pod.len()), (2, 2, 1));
    for line in unit.into_iter().chain(image).chain(pod) {
        let words: Vec<&str> = line.split(' ').chain(["--help"]).collect();
        let outcome = command::run(&words, &[]).await;
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
    }
}

#[tokio::test]
async fn every_path_of_a_check_answers() {
    let service = Service::start().await;
    let probes = found(r"httpGet: \{ path: (\S+), port: operations \}", KUBERNETES);
    let checks = found(r"http-check send meth GET uri (\S+)", HAPROXY);
    assert_eq!((probes.len(), checks.len()), (2, 1));
    for path in probes.union(&checks) {
        let answer = send(service.operations(), &TestRequest::get(path)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[test]
fn systemd_accepts_the_unit_and_its_exposure_is_low() {
    if !is_there("systemd-analyze", is_installed("systemd-analyze")) {
        return;
    }
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("billing-portal.service");
    let binary = service_process::binary().expect("the binary builds");
    // The program and its user are not installed here.
    let binary = binary.to_str().expect("text");
    let unit = UNIT.replace("/usr/local/bin/billing-portal", binary);
    let unit = unit.replace("User=billing-portal", "User=daemon");
    fs::write(&file, unit).expect("written");
    for arguments in [&["verify"][..], &["security", "--offline=true", EXPOSURE]] {
        let mut analyze = Command::new("systemd-analyze");
        let output = analyze
            .args(arguments)
            .arg(&file)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn haproxy_accepts_its_file() {
    if !is_there("haproxy", HaProxy::is_installed()) {
        return;
    }
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("both.pem");
    fs::write(&file, certificate_and_key()).expect("written");
    let bind = found(r"(?m)^    bind (:443 ssl crt .*)$", HAPROXY);
    let bind = bind.first().expect("it binds to a port");
    let bind = bind.replace(
        "/etc/haproxy/billing-portal.pem",
        &file.display().to_string(),
    );
    let (accepted, said) = HaProxy::check(&bind).expect("it runs");
    assert!(accepted, "{said}");
}

#[test]
fn nginx_accepts_its_file() {
    if !is_there("nginx", Path::new(NGINX_PROGRAM).exists()) {
        return;
    }
    let directory = tempfile::tempdir().expect("a folder");
    let folder = directory.path().display();
    fs::write(directory.path().join("both.pem"), certificate_and_key()).expect("written");
    let site = NGINX.replace(
        "/etc/nginx/billing-portal.pem",
        &format!("{folder}/both.pem"),
    );
    let main = format!(
        "pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off;\n{site}\n}}"
    );
    let file = directory.path().join("nginx.conf");
    fs::write(&file, main).expect("written");
    let output = Command::new(NGINX_PROGRAM)
        .arg("-t")
        .arg("-c")
        .arg(&file)
        .output();
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn certificate_and_key() -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    made.cert.pem() + &made.signing_key.serialize_pem()
}
