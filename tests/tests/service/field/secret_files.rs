//! S8: who else may use the files that hold a secret.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use super::config_check::{Report, check, check_with, run, variables};
use crate::harness::process::Process;
use crate::harness::service::Service;
use billing_portal_tests::service_process::binary;

/// The settings whose value may stand in a file, with a value.
const SECRETS: [(&str, &str); 3] = [
    ("STRIPE_SECRET_KEY", "rk_live_fromafile"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_fromafile"),
    ("DATABASE_URL", "sqlite://from-a-file.db"),
];

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a writable file");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

/// `config check` where this file holds the secret.
async fn check_file(setting: &str, path: &Path) -> Report {
    let (file_setting, path) = (format!("{setting}_FILE"), path.display().to_string());
    check(&[(setting, ""), (&file_setting, &path)]).await
}

#[tokio::test]
async fn s8_a_secret_that_others_can_read_is_a_warning() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("secret");
    for (setting, secret) in SECRETS {
        let named = format!("{}_file", setting.to_lowercase());
        for mode in [0o444, 0o604, 0o644, 0o744] {
            _ = fs::remove_file(&path);
            write(&path, secret, mode);
            let report = check_file(setting, &path).await;
            let warning = report.warning(&named);
            assert!(warning.contains("can be read by every user"), "{warning}");
            assert!(warning.contains("run chmod o-r "), "{warning}");
        }
        for mode in [0o400, 0o440, 0o600, 0o660] {
            _ = fs::remove_file(&path);
            write(&path, secret, mode);
            let report = check_file(setting, &path).await;
            report.assert_clean("others have no right");
        }
    }
}

#[tokio::test]
async fn s8_a_secret_that_others_can_write_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("secret");
    for (setting, secret) in SECRETS {
        for mode in [0o602, 0o606, 0o622, 0o666, 0o777] {
            _ = fs::remove_file(&path);
            write(&path, secret, mode);
            let report = check_file(setting, &path).await;
            let problem = report.problem(&setting.to_lowercase());
            let expected = "can be written by every user; run chmod o-w ";
            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("fromafile"), "{problem}");
        }
    }
}

#[tokio::test]
async fn s8_a_file_that_others_could_write_is_accepted_on_a_read_only_file_system() {
    let folder = TempDir::new().expect("a folder");
    let script = r#"mount -t tmpfs tmpfs "$1" && printf rk_live_x > "$1/key" && chmod 666 "$1/key" &&
                    mount -o remount,ro "$1" && exec "$2" config check"#;
    let key = folder.path().join("key");
    let key = key.to_str().expect("a readable path");
    let settings = variables(&[("STRIPE_SECRET_KEY", ""), ("STRIPE_SECRET_KEY_FILE", key)]);
    // A mount of its own, which ends with the process.
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(binary().expect("the binary builds"))
        .envs(settings)
        .output()
        .await
        .expect("unshare is part of util-linux");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    let expected = "configuration is valid\nwarning: stripe_secret_key_file: ";
    assert!(stdout.starts_with(expected), "{stdout}{stderr}");
}

#[tokio::test]
async fn s8_the_configuration_file_follows_the_same_rule_if_it_holds_a_secret() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("portal.toml");
    let name = path.display().to_string();
    let rows = [
        ("stripe_secret_key = \"rk_live_fromafile\"", true),
        ("stripe_webhook_secret = [\"whsec_fromafile\"]", true),
        ("database_url = \"sqlite://x.db\"", false),
        ("stripe_secret_key = \"\"", false),
        ("log = \"info\"", false),
    ];
    for (toml, is_secret) in rows {
        write(&path, toml, 0o644);
        let report = check_with(&["--config", &name], &[]).await;
        if is_secret {
            assert!(report.warning(&name).contains("can be read by every user"));
        } else {
            report.assert_clean(toml);
        }
        write(&path, toml, 0o646);
        let report = check_with(&["--config", &name], &[]).await;
        if is_secret {
            let problem = report.problem(&name);
            assert!(
                problem.contains("can be written by every user"),
                "{problem}"
            );
            assert!(!problem.contains("fromafile"), "{problem}");
        } else {
            report.assert_clean(toml);
        }
    }
}

#[tokio::test]
async fn s8_a_byte_order_mark_is_skipped() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for (setting, secret) in SECRETS {
        write(&path("secret"), &format!("\u{feff}{secret}\r\n"), 0o600);
        let report = check_file(setting, &path("secret")).await;
        report.assert_clean("an editor wrote it");
    }
    let toml = "\u{feff}portal_url_ttl_seconds = 60\n";
    write(&path("portal.toml"), toml, 0o644);
    let name = path("portal.toml").display().to_string();
    let (_, shown) = run(&["config", "show", "--config", &name], &[]).await;
    assert!(shown.contains("portal_url_ttl_seconds = 60"), "{shown}");
}

#[tokio::test]
async fn s8_a_secret_behind_the_links_of_a_kubernetes_mount_is_read() {
    let folder = TempDir::new().expect("a folder");
    let mount: PathBuf = folder.path().into();
    let version = mount.join("..2026_11_28_07_00_00.1");
    fs::create_dir(&version).expect("a folder");
    write(&version.join("key"), "rk_live_fromafile", 0o444);
    symlink("..2026_11_28_07_00_00.1", mount.join("..data")).expect("a link");
    symlink("..data/key", mount.join("key")).expect("a link");
    let report = check_file("STRIPE_SECRET_KEY", &mount.join("key")).await;
    assert!(
        report
            .warning("stripe_secret_key_file")
            .contains("chmod o-r")
    );
}

#[tokio::test]
async fn s8_a_file_that_cannot_be_read_is_reported_with_the_reason() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("folder")).expect("a folder");
    fs::write(path("latin"), b"rk_live_\xe9").expect("a writable file");
    write(&path("empty"), "\u{feff} \n", 0o600);
    let rows = [
        ("absent", "does not exist"),
        ("folder", "is a directory, not a file"),
        ("latin", "is not text in UTF-8"),
        ("empty", "is empty"),
    ];
    for (name, reason) in rows {
        let report = check_file("STRIPE_SECRET_KEY", &path(name)).await;
        let expected = format!("{} {reason}", path(name).display());
        assert_eq!(report.problem("stripe_secret_key"), expected);
    }
    let name = path("absent.toml").display().to_string();
    let report = check_with(&["--config", &name], &[]).await;
    assert_eq!(report.problem(&name), format!("{name} does not exist"));
}

#[tokio::test]
async fn s8_the_warning_is_logged_at_start_and_reported_by_doctor() {
    let service = Service::start().await;
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("whsec");
    write(&path, "whsec_fromafile", 0o644);
    let path = path.display().to_string();
    let process = Process::beside(&service, &[("STRIPE_WEBHOOK_SECRET_FILE", &path)]).await;
    process.terminate().await;
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0));
    let warning = crate::harness::log::lines(&log);
    let warning = warning
        .iter()
        .find(|line| line["event"] == "unusual_setting");
    let warning = warning.expect("it is logged");
    assert_eq!(
        (&warning["level"], &warning["setting"]),
        (&"WARN".into(), &"stripe_webhook_secret_file".into())
    );

    let settings = [
        ("STRIPE_API_BASE", "http://127.0.0.1:9"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET_FILE", &path),
    ];
    let (_, doctor) = run(&["doctor"], &settings).await;
    let expected = "every setting is valid, but: stripe_webhook_secret_file: ";
    assert!(doctor.contains(expected), "{doctor}");
}
