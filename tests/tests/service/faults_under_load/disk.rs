//! The disk of the database or of the log is full.
//!
//! A small file system in memory, which only the process sees. Where none may be mounted, a limit on the size of files
//! takes its place.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::rounds;
use super::running::Running;
use super::scene::{Prepared, Scene, beside, prepare, variables};
use crate::harness::service::Service;
use billing_portal_tests::service_process;

/// How long the disk is full.
const FAULT: Duration = Duration::from_secs(3);
/// Room for the database and its log.
const BYTES: &str = "32m";

/// Mounts the disk at `$1`, copies the database to it, and starts the service with its log in `$2`.
const ON_A_DISK: &str = "mount -t tmpfs -o size=$4 tmpfs $1 && cp $3* $1 && exec \"$0\" serve 2>$2";
/// Starts the service where a file that grows too large is an error instead of a signal.
const WITH_A_LIMIT: &str = "cp $3* $1; trap '' XFSZ; exec \"$0\" serve 2>$2";

/// A disk that can be filled.
enum Disk {
    /// A file system of the process.
    Mounted(PathBuf),
    /// A limit on the size of its files.
    Limit,
}

impl Disk {
    /// A disk at this folder, if one may be mounted.
    async fn at(folder: &Path) -> Self {
        fs::create_dir(folder).expect("our folder");
        let mut mount = Command::new("unshare");
        let mount = mount
            .args(["-m", "mount", "-t", "tmpfs", "tmpfs"])
            .arg(folder);
        let mounted = mount.status().await.is_ok_and(|status| status.success());
        if mounted {
            Self::Mounted(folder.to_owned())
        } else {
            Self::Limit
        }
    }

    /// The service on this disk, with its log in this file.
    fn command(
        &self,
        service: &Service,
        folder: &Path,
        log: &Path,
        variables: &[(String, String)],
    ) -> Command {
        let binary = service_process::binary().expect("the binary builds");
        let mut command = match self {
            Self::Mounted(_) => Command::new("unshare"),
            Self::Limit => Command::new("sh"),
        };
        match self {
            Self::Mounted(_) => command.args(["-m", "sh", "-c", ON_A_DISK]),
            Self::Limit => command.args(["-c", WITH_A_LIMIT]),
        };
        command
            .arg(binary)
            .args([folder, log, &service.database()])
            .arg(BYTES);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(variables.iter().cloned());
        command
    }

    /// Where the process has a file, as we see it.
    fn seen(&self, process: u32, file: &Path) -> PathBuf {
        match self {
            Self::Mounted(_) => PathBuf::from(format!("/proc/{process}/root{}", file.display())),
            Self::Limit => file.to_owned(),
        }
    }

    async fn fill(&self, running: &Running) {
        match self {
            Self::Mounted(folder) => {
                let mut file =
                    File::create(self.seen(running.id(), &folder.join("filler"))).expect("room");
                while file.write_all(&[0; 4096]).is_ok() {}
            }
            Self::Limit => running.limit("fsize", Some(4096)).await,
        }
    }

    async fn free(&self, running: &Running) {
        match self {
            Self::Mounted(folder) => {
                let filler = self.seen(running.id(), &folder.join("filler"));
                fs::remove_file(filler).expect("our file");
            }
            Self::Limit => running.limit("fsize", None).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_the_log_is_full() {
    let prepared = prepare().await;
    let folder = beside(&prepared.service, "disk");
    let settings = variables(&prepared.service, &[]);
    let log = folder.join("log");
    let (scene, disk) = start(prepared, &folder, &log, settings).await;
    fill_and_free(&scene, &disk).await;
    assert_eq!(scene.end().await, 0, "nothing is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_the_database_is_full() {
    let prepared = prepare().await;
    let folder = beside(&prepared.service, "disk");
    let name = prepared.service.database();
    let database = folder.join(name.file_name().expect("a name"));
    let url = |file: &Path| format!("sqlite://{}", file.display());
    let settings = variables(&prepared.service, &[("DATABASE_URL", &url(&database))]);
    let log = beside(&prepared.service, "log");
    let (mut scene, disk) = start(prepared, &folder, &log, settings).await;
    fill_and_free(&scene, &disk).await;
    // Commands cannot use the disk of the process.
    let copy = beside(&scene.service, "copy.db");
    scene
        .settings
        .push(("BILLING_PORTAL_DATABASE_URL".to_owned(), url(&copy)));
    let copy_all = |running: &Running| {
        for suffix in ["", "-wal"] {
            let file = |name: &Path| PathBuf::from(format!("{}{suffix}", name.display()));
            fs::copy(disk.seen(running.id(), &file(&database)), file(&copy)).expect("our folder");
        }
    };
    assert_eq!(scene.end_after(copy_all).await, 0, "nothing is lost");
}

async fn start(
    prepared: Prepared,
    folder: &Path,
    log: &Path,
    settings: Vec<(String, String)>,
) -> (Scene, Disk) {
    let disk = Disk::at(folder).await;
    let command = disk.command(&prepared.service, folder, log, &settings);
    let seen = |process| disk.seen(process, log);
    let running = Running::spawn(command, seen, 0).await;
    (Scene::of(prepared, running, settings).await, disk)
}

async fn fill_and_free(scene: &Scene, disk: &Disk) {
    for _ in 0..rounds() {
        disk.fill(&scene.running).await;
        let before = scene.senders().count(200);
        sleep(FAULT).await;
        assert!(scene.senders().count(200) > before, "portals are opened");
        disk.free(&scene.running).await;
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
}
