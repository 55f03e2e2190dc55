//! The process is killed or frozen, nobody reads its log, or it has no file descriptors left.

use std::fs::{self, File};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::load::CALLERS;
use super::rounds;
use super::running::{Running, signal};
use super::scene::{Scene, beside, prepare, variables};
use crate::harness::database::Database;
use crate::harness::process;

/// How long a fault lasts.
const FAULT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_killed_and_started_again() {
    let mut scene = Scene::start().await;
    for _ in 0..rounds() {
        scene.running.kill().await;
        scene.senders().until(0).await;
        let mut database = Database::open(&scene.service).await;
        assert_eq!(database.integrity().await, "ok");
        scene.restart().await;
        scene.recovers().await;
    }
    // What is killed cannot write what waits; one caller has one response at a time.
    let missing = scene.end().await;
    println!("{missing} audit events are missing");
    assert!(missing <= CALLERS * rounds(), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_frozen_and_continued() {
    let scene = Scene::start().await;
    for _ in 0..rounds() {
        signal(scene.running.id(), "STOP").await;
        sleep(FAULT).await;
        signal(scene.running.id(), "CONT").await;
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
    assert_eq!(scene.end().await, 0);
}

/// As a service manager and a balancer do it: the balancer sends nothing any more when the instance is not ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_stopped_and_started_again() {
    let mut scene = Scene::start_with(&[("SHUTDOWN_DELAY_SECONDS", "1")]).await;
    for _ in 0..rounds() {
        signal(scene.running.id(), "TERM").await;
        while scene.is_ready().await {
            sleep(Duration::from_millis(5)).await;
        }
        scene.senders().paused.store(true, Ordering::Relaxed);
        scene.running.ends().await;
        scene.restart().await;
        scene.senders().paused.store(false, Ordering::Relaxed);
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
    assert_eq!(scene.end().await, 0, "nothing is lost");
}

/// Copies what it reads to a file, as a collector of logs does.
fn collector(input: Stdio, file: File) -> Child {
    let mut cat = Command::new("cat");
    let cat = cat.stdin(input).stdout(file).kill_on_drop(true);
    cat.spawn().expect("cat runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_its_log_for_a_while() {
    let prepared = prepare().await;
    let log = beside(&prepared.service, "log");
    let (read, write) = std::io::pipe().expect("a pipe");
    let collector = collector(read.into(), File::create(&log).expect("our folder"));
    let settings = variables(&prepared.service, &[]);
    let mut command = process::command(&["serve"], &settings);
    command.stderr(Stdio::from(write));
    let running = Running::spawn(command, |_| log, 0).await;
    let scene = Scene::of(prepared, running, settings).await;
    let collector_id = collector.id().expect("it runs");
    for _ in 0..rounds() {
        signal(collector_id, "STOP").await;
        let before = scene.senders().count(200);
        sleep(FAULT).await;
        assert!(scene.senders().count(200) > before, "portals are opened");
        signal(collector_id, "CONT").await;
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
    assert_eq!(scene.end().await, 0, "nothing is lost");
}

/// The time that a process has used the processor for.
fn processor_time(id: u32) -> Duration {
    /// The unit of /proc/…/stat on Linux, whatever the processor.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let fields = stat.rsplit(')').next().expect("a name").split_whitespace();
    let used = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(used.sum::<u64>() * 1_000 / TICKS_PER_SECOND)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_no_file_descriptors_left() {
    let scene = Scene::start().await;
    let id = scene.running.id();
    for _ in 0..rounds() {
        let open = fs::read_dir(format!("/proc/{id}/fd"))
            .expect("it runs")
            .count();
        // Those below stay open; no new one gets a number.
        scene.running.limit("nofile", Some(open / 2)).await;
        sleep(Duration::from_millis(500)).await;
        let before = (Instant::now(), processor_time(id));
        sleep(FAULT).await;
        let used = processor_time(id).saturating_sub(before.1);
        println!(
            "used the processor for {used:?} in {:?}",
            before.0.elapsed()
        );
        assert!(used < before.0.elapsed() / 10, "{used:?}: it does not spin");
        let freed = Instant::now();
        scene.running.limit("nofile", Some(open + 500)).await;
        scene.senders().until(200).await;
        println!("opens portals after {:?}", freed.elapsed());
        scene.recovers().await;
    }
    assert_eq!(scene.end().await, 0);
}
