//! The database is locked by another process, or its file is taken away.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::rounds;
use super::scene::Scene;
use crate::harness::database::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_locks_the_database() {
    let scene = Scene::start().await;
    let mut other = Database::open(&scene.service).await;
    for _ in 0..rounds() {
        other.lock_writers().await;
        let before = scene.senders().count(200);
        sleep(Duration::from_secs(2)).await;
        assert!(scene.senders().count(200) > before, "portals are opened");
        other.unlock_writers().await;
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
    assert_eq!(scene.end().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_taken_away_and_comes_back() {
    let scene = Scene::start().await;
    let file = scene.service.database();
    for _ in 0..rounds() {
        rename(&file, Path::to_owned, aside);
        scene.senders().until(503).await;
        rename(&file, aside, Path::to_owned);
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
    assert_eq!(scene.end().await, 0);
}

fn aside(name: &Path) -> PathBuf {
    PathBuf::from(format!("{}.aside", name.display()))
}

/// Renames the database and the files that SQLite has beside it.
fn rename(file: &Path, from: fn(&Path) -> PathBuf, to: fn(&Path) -> PathBuf) {
    for suffix in ["", "-wal", "-shm"] {
        let name = PathBuf::from(format!("{}{suffix}", file.display()));
        fs::rename(from(&name), to(&name)).expect("our folder");
    }
}
