//! The image that the `Dockerfile` makes, built with buildah and started. Where no registry can be reached, the images it
//! begins with cannot be either: the second stage begins with a Debian of the same release, made here from Debian's
//! packages, and takes the binary that was built here instead of the first stage's.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use billing_portal_tests::http_client::exchange;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::service_process::{self, ServiceProcess};
use billing_portal_tests::workspace;
use serde_json::Value;
use tempfile::TempDir;

use super::files::DOCKERFILE;
use super::found;
use crate::harness::service::Service;

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The image, a container of it, and the storage that holds both.
struct Container {
    storage: TempDir,
    id: String,
}

impl Container {
    fn build() -> Self {
        let storage = TempDir::new_in(workspace::target()).expect("a folder");
        let mut this = Self {
            storage,
            id: String::new(),
        };
        this.make_base_image();
        put_binary(&this.path("first-stage/src/target/release"));
        let (_, last_stage) = DOCKERFILE.rsplit_once("\nFROM ").expect("two stages");
        let file = this.path("Dockerfile");
        fs::write(&file, format!("FROM {last_stage}")).expect("written");
        let build = this.path("first-stage");
        let build = format!("--build-context=build={build}");
        let said = this.buildah(&[
            "build",
            "--pull-never",
            "--format=docker",
            CHROOT,
            &build,
            "-t",
            "made",
            "-f",
            &file,
        ]);
        assert!(!said.contains("arning"), "{said}");
        let id = this.buildah(&["from", "--pull-never", "made"]);
        id.trim().clone_into(&mut this.id);
        this
    }

    /// Makes what the second stage begins with.
    fn make_base_image(&self) {
        let image = found(r"(?m)^FROM (debian:\S+)$", DOCKERFILE);
        let image = image.first().expect("it begins with Debian");
        let release = image
            .trim_start_matches("debian:")
            .trim_end_matches("-slim");
        let kept = workspace::target().join(format!("debian-{release}.tar"));
        let root = self.path("root.tar");
        if !kept.exists() {
            let mut make = Command::new("mmdebstrap");
            succeed(make.args(["--quiet", "--variant=minbase", release, &root]));
            // At once, so that another test never finds half of it.
            fs::rename(&root, &kept).expect("the same file system");
        }
        fs::hard_link(&kept, &root).expect("the same file system");
        let file = self.path("base");
        fs::write(&file, "FROM scratch\nADD root.tar /\n").expect("written");
        let image = format!("docker.io/library/{image}");
        self.buildah(&[
            "build",
            CHROOT,
            "-q",
            "-t",
            &image,
            "-f",
            &file,
            &self.path(""),
        ]);
        fs::remove_file(root).expect("it is in the image now");
    }

    fn path(&self, name: &str) -> String {
        self.storage.path().join(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut buildah = Command::new("buildah");
        buildah.args(["--storage-driver=vfs", "--root", &self.path("storage")]);
        buildah
            .args(["--runroot", &self.path("run")])
            .args(arguments);
        buildah
    }

    fn buildah(&self, arguments: &[&str]) -> String {
        succeed(&mut self.command(arguments))
    }

    /// What runs these words in the container.
    fn inside(&self, words: &[&str], variables: &[(String, String)]) -> Command {
        let variables = variables.iter();
        let variables: Vec<_> = variables
            .map(|(name, value)| format!("--env={name}={value}"))
            .collect();
        let variables: Vec<_> = variables.iter().map(String::as_str).collect();
        self.command(&[&["run", CHROOT][..], &variables, &[&self.id, "--"], words].concat())
    }

    /// The settings of the image that `docker run` uses.
    fn settings(&self) -> Value {
        let all = self.buildah(&["inspect", "--type=image", "made"]);
        let all: Value = serde_json::from_str(&all).expect("JSON");
        all["Docker"]["config"].clone()
    }
}

/// Containers within a container have no other isolation.
const CHROOT: &str = "--isolation=chroot";

fn put_binary(folder: &str) {
    fs::create_dir_all(folder).expect("our folder");
    let binary = service_process::binary().expect("the binary builds");
    // Without what a debugger needs, a fifth of it is left to copy from layer to layer.
    let to = Path::new(folder).join("billing-portal");
    succeed(Command::new("strip").arg("-o").arg(to).arg(binary));
}

fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &errors
}

fn words(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|word| word.as_str().expect("a word")).collect()
}

/// The service in the container. It is killed when this is dropped: the end of buildah does not end it.
struct Inside(u32);

impl Inside {
    /// The last child of the process's only child's only child and so on.
    fn of(process: u32) -> Self {
        let children = |id: u32| {
            let threads = fs::read_dir(format!("/proc/{id}/task"))
                .into_iter()
                .flatten();
            let lists = threads
                .flatten()
                .map(|thread| fs::read_to_string(thread.path().join("children")));
            let lists: String = lists.map(Result::unwrap_or_default).collect();
            lists
                .split_whitespace()
                .find_map(|child| child.parse().ok())
        };
        let last = std::iter::successors(Some(process), |id| children(*id)).last();
        Self(last.expect("the process itself"))
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        _ = kill
            .args(["-s", name, &self.0.to_string()])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.signal("KILL");
    }
}

#[tokio::test]
#[ignore = "needs buildah and mmdebstrap as root, and Debian's packages"]
async fn the_image_is_built_and_serves() {
    let stripe = Service::start().await;
    let container = Container::build();
    let image = container.settings();
    assert_eq!(image["User"], "10001");
    let listens = [
        "BILLING_PORTAL_LISTEN=0.0.0.0:8080",
        "BILLING_PORTAL_OPERATIONS_LISTEN=0.0.0.0:9090",
    ];
    assert_eq!(words(&image["Env"])[1..], listens);
    // The ports of this machine may be taken; the database is the image's own.
    let is_kept = |(name, _): &&(String, String)| name != "BILLING_PORTAL_DATABASE_URL";
    let variables: Vec<_> = stripe.variables().iter().filter(is_kept).cloned().collect();
    let serve = [words(&image["Entrypoint"]), words(&image["Cmd"])].concat();
    let serve = container.inside(&serve, &variables);
    let mut process = ServiceProcess::start(serve.into())
        .await
        .expect("it starts");
    let service = Inside::of(process.id().expect("it runs"));
    process.until_it_opens_portals().await.expect("it is ready");

    let run = |line: &str| {
        succeed(&mut container.inside(&line.split(' ').collect::<Vec<_>>(), &variables))
    };
    run("billing-portal org create --id acme --name Acme");
    run("billing-portal customer link --org acme cus_acme");
    let key = run("billing-portal key create --org acme --scope billing:write --json");
    let key: Value = serde_json::from_str(&key).expect("JSON");
    let portal = TestRequest::portal(key["key"].as_str().expect("a key"), RETURN_URL);
    let answer = exchange(process.api, &portal, ANSWER_LIMIT)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());

    let check = image["Healthcheck"]["Test"].clone();
    let check = words(&check);
    let at = |port: &str| {
        [(
            "BILLING_PORTAL_OPERATIONS_LISTEN".to_owned(),
            port.to_owned(),
        )]
    };
    let is_healthy = |port: &str| {
        let mut check = container.inside(&check[1..], &at(port));
        check.output().expect("it runs").status.success()
    };
    assert_eq!(check[0], "CMD");
    assert!(is_healthy(&process.operations.to_string()));
    assert!(
        !is_healthy(&process.api.to_string()),
        "it is no operations port"
    );

    let id = fs::read_to_string(format!("/proc/{}/status", service.0)).expect("it runs");
    assert!(
        id.contains("\nUid:\t10001\t10001\t") && id.contains("\nGid:\t10001\t10001\t"),
        "{id}"
    );
    service.signal("TERM");
    let (status, log) = process.end().await.expect("it ends");
    assert!(status.success(), "{log}");
    // As the user of the image, in the folder that is a volume.
    assert!(run("ls /data").contains("billing-portal.db"));
}
