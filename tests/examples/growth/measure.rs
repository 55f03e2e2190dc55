//! What the service does with a filled database.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use billing_portal_tests::http_client::exchange;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::service_process::{ServiceProcess, command};
use billing_portal_tests::stripe::SimulatedStripe;
use serde_json::Value;
use tokio::time::sleep;

use crate::fill::{Filled, on_database};
use crate::result::Result;

/// Starts of the service. In each, every known key is looked up once, and is then found in the cache.
const ROUNDS: usize = 5;
/// How long the service does nothing before its memory is read.
const IDLE: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Customers of an import.
const IMPORTED: u32 = 5_000;
const SECRET: &str = "sk_test_simulated0000000000000000";

/// Medians of what was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Microseconds from the request to the answer, with a key that is not cached.
    pub(crate) cold_us: u64,
    /// The same with one that is.
    pub(crate) warm_us: u64,
    /// Milliseconds from the start of the process until it is ready.
    pub(crate) start_ms: u128,
    /// Resident memory of the idle process, in KiB.
    pub(crate) idle_kib: u64,
    /// The same after all those requests.
    pub(crate) busy_kib: u64,
    pub(crate) database_bytes: i64,
    /// Customers imported in a second.
    pub(crate) imported_per_second: f64,
}

impl Measured {
    pub(crate) async fn of(filled: &Filled, folder: &Path) -> Result<Self> {
        let stripe = SimulatedStripe::builder().secret(SECRET).start().await?;
        let (mut cold, mut warm, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut idle_kib, mut busy_kib) = (0, 0);
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let serve = command(&["serve"], &settings(&filled.url, &stripe.api_base()))?;
            let mut process = ServiceProcess::start(serve).await?;
            process.until_it_opens_portals().await?;
            starts.push(began.elapsed().as_millis());
            sleep(IDLE).await;
            idle_kib = resident(&process)?;
            let times = look_ups(process, &filled.keys, &mut busy_kib).await?;
            let (first, second) = times.split_at(filled.keys.len());
            cold.extend(first);
            warm.extend(second);
        }
        Ok(Self {
            cold_us: median(cold),
            warm_us: median(warm),
            start_ms: median(starts),
            idle_kib,
            busy_kib,
            database_bytes: filled.bytes,
            imported_per_second: import(&filled.url, folder).await?,
        })
    }
}

fn settings(url: &str, stripe: &str) -> Vec<(String, String)> {
    let settings = [
        ("DATABASE_URL", url),
        ("STRIPE_SECRET_KEY", SECRET),
        ("STRIPE_API_BASE", stripe),
        ("RETURN_URL_ALLOW_LIST", "https://app.example.com"),
        ("RATE_LIMIT_PER_KEY", "0"),
        ("LISTEN", "127.0.0.1:0"),
        ("OPERATIONS_LISTEN", "127.0.0.1:0"),
        ("SHUTDOWN_DELAY_SECONDS", "0"),
    ];
    let named = settings.map(|(name, value)| (format!("BILLING_PORTAL_{name}"), value.to_owned()));
    named.into()
}

/// Uses every key twice, one after the other. Answers what the service logged of how long it took.
async fn look_ups(
    process: ServiceProcess,
    keys: &[String],
    busy_kib: &mut u64,
) -> Result<Vec<u64>> {
    for _ in 0..2 {
        for key in keys {
            let request = TestRequest::portal(key, RETURN_URL);
            let answer = exchange(process.api, &request, ANSWER_LIMIT).await;
            let status = answer.map(|answer| answer.status);
            // The key is good, and has no scope to open a portal: nothing but the look-up takes time.
            if status != Some(403) {
                return Err(format!("answered {status:?}").into());
            }
        }
    }
    *busy_kib = resident(&process)?;
    process.terminate().await?;
    let (_, log) = process.end().await?;
    let mut times = Vec::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        if line["event"] == "answered" && line["status"] == 403 {
            times.push(line["elapsed_us"].as_u64().ok_or("no time in the log")?);
        }
    }
    if times.len() != 2 * keys.len() {
        return Err(format!("{} answers are in the log", times.len()).into());
    }
    Ok(times)
}

fn resident(process: &ServiceProcess) -> Result<u64> {
    let status = process.proc("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmRSS")?.parse()?)
}

async fn import(url: &str, folder: &Path) -> Result<f64> {
    let mut rows = String::from("org,customer\n");
    for number in 0..IMPORTED {
        writeln!(rows, "new-{number},cus_new{number}")?;
    }
    let file = folder.join("customers.csv");
    fs::write(&file, rows)?;
    let file = file.to_str().ok_or("a path that is no text")?;
    let began = Instant::now();
    let output = on_database(&["customer", "import", file], url)?
        .output()
        .await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(f64::from(IMPORTED) / began.elapsed().as_secs_f64())
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}
