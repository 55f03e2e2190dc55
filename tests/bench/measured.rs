//! Measures by the clock: throughput, latency, CPU and memory, in several rounds.

use std::{fs, process::ExitCode, time::Duration};

use crate::{
    load::{self, Load},
    plot,
    process::{Running, Service},
    requests::{Ending, HELLO, PORTAL, RETURN_URL, post},
    result::Result,
    sample::Sample,
    table::{self, Row},
};

/// Connections that are open at a time.
const CONNECTIONS: usize = 32;
/// Load that is not measured, so that caches are filled and connections open.
const WARM_UP: Duration = Duration::from_secs(1);

/// What is run.
pub(crate) struct Options {
    rounds: usize,
    time: Duration,
    save: bool,
}

impl Options {
    /// Reads the words of the command line.
    pub(crate) fn read(words: &[&str]) -> Option<Self> {
        let mut options = Self {
            rounds: 5,
            time: Duration::from_secs(3),
            save: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--rounds" => options.rounds = words.next()?.parse().ok().filter(|n| *n > 0)?,
                "--seconds" => {
                    let seconds = words.next()?.parse().ok().filter(|n| *n > 0)?;
                    options.time = Duration::from_secs(seconds);
                }
                "--save" => options.save = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

/// Measures, prints the table, and keeps it if asked to.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = Service::set_up()?;
    let stripe = Running::stand_in(0)?;
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        rounds.push(runtime.block_on(measure_round(&service, &stripe, options.time))?);
    }
    let rows = table::medians(&rounds);
    let text = table::text(&rows);
    println!("{text}");
    if options.save {
        save(&rows, &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn save(rows: &[Row], text: &str) -> Result<()> {
    let folder = crate::counted::folder();
    let title = "# What a request costs\n\nMade by `cargo xtask bench --save`; the ratios are to the floor of the same round.\n";
    let page = format!("{title}\n{text}\n![CPU time of a request](results.svg)\n");
    fs::write(folder.join("RESULTS.md"), page)?;
    fs::write(folder.join("results.svg"), plot::svg(rows))?;
    Ok(())
}

/// The floor's two paths, then each ending of the service.
async fn measure_round(
    service: &Service,
    stripe: &Running,
    time: Duration,
) -> Result<Vec<(String, Sample)>> {
    let mut samples = Vec::new();
    for path in [PORTAL, HELLO] {
        let server = Running::floor(stripe.address)?;
        let request = post(path, "am_test_x", RETURN_URL);
        let sample = measure(&server, request, 200, time).await?;
        samples.push((format!("floor {path}"), sample));
    }
    for ending in Ending::ALL {
        let server = service.serve(stripe.address)?;
        let request = ending.request(&service.keys);
        let sample = measure(&server, request, ending.status(), time).await?;
        samples.push((ending.name(), sample));
        server.stop()?;
    }
    Ok(samples)
}

async fn measure(
    server: &Running,
    request: Vec<u8>,
    status: u16,
    time: Duration,
) -> Result<Sample> {
    let load = Load {
        address: server.address,
        request,
        status,
    };
    load::run(&load, CONNECTIONS, WARM_UP).await?;
    let before = server.cpu_time()?;
    let took = load::run(&load, CONNECTIONS, time).await?;
    let cpu = server.cpu_time()?.saturating_sub(before);
    let percentile = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let requests = f64::from(u32::try_from(took.len())?);
    Ok(Sample {
        requests_per_second: requests / time.as_secs_f64(),
        p50_ms: percentile(50),
        p99_ms: percentile(99),
        cpu_us: cpu.as_secs_f64() * 1e6 / requests,
        peak_mb: f64::from(u32::try_from(server.memory("VmHWM:")? / 1024)?) / 1024.0,
    })
}
