//! Counts the instructions of a request with callgrind, and compares them with those that are kept.
//!
//! The difference between two runs of the service, one with more requests of a kind, is what those requests cost.

use std::{fs, process::ExitCode, time::Duration};

use tokio::time::sleep;

use crate::{
    counted::{self, Counts},
    load::Connection,
    process::{Running, Service},
    requests::Ending,
    result::Result,
};

/// How much more than the kept count a request may take, in percent.
const TOLERANCE_PERCENT: u64 = 3;
/// Requests of each kind in every run, so that caches are filled and tables have grown.
const WARM_UP: usize = 100;
/// Requests that are counted.
const COUNTED: usize = 400;
/// How long Stripe takes, and how long a client waits between requests: so that the service always goes to sleep
/// in between, which takes instructions too.
const STRIPE_MS: u64 = 2;
const PAUSE: Duration = Duration::from_millis(1);

/// Counts and compares. A failure if a request takes more than it may.
pub(crate) fn check() -> Result<ExitCode> {
    let counts = count()?;
    let built_with = counted::built_with()?;
    let Some((kept_with, kept)) = counted::kept()? else {
        println!("nothing is kept yet: cargo xtask bench --instructions --record");
        return Ok(ExitCode::SUCCESS);
    };
    let mut grown = false;
    for (ending, count) in &counts {
        let kept = kept.get(ending).copied().unwrap_or_default();
        let most = kept + kept * TOLERANCE_PERCENT / 100;
        let is_more = *count > most;
        grown |= is_more;
        let verdict = if is_more { "MORE THAN ALLOWED" } else { "" };
        println!("{ending}: {count:>7} instructions a request, {kept:>7} are kept {verdict}");
    }
    if kept_with != built_with {
        println!("not compared: kept with {kept_with}, counted with {built_with}");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if grown {
        println!(
            "Make the code cheaper, or keep these counts: cargo xtask bench --instructions --record"
        );
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Counts and keeps the counts.
pub(crate) fn record() -> Result<ExitCode> {
    let counts = count()?;
    counted::keep(&counts)?;
    for (ending, count) in &counts {
        println!("{ending}: {count:>7} instructions a request");
    }
    Ok(ExitCode::SUCCESS)
}

fn count() -> Result<Counts> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = Service::set_up()?;
    let stripe = Running::stand_in(STRIPE_MS)?;
    let without = runtime.block_on(instructions_of_a_run(&service, &stripe, None))?;
    let mut counts = Counts::new();
    for ending in Ending::ALL {
        let with = runtime.block_on(instructions_of_a_run(&service, &stripe, Some(ending)))?;
        let more = with.saturating_sub(without) / COUNTED as u64;
        counts.insert(ending.status().to_string(), more);
    }
    Ok(counts)
}

/// All instructions of a service that gets the requests of the warm-up, and these on top.
async fn instructions_of_a_run(
    service: &Service,
    stripe: &Running,
    more: Option<Ending>,
) -> Result<u64> {
    let file = service.file("callgrind.out");
    let server = service.serve_counted(stripe.address, &file)?;
    let mut connection = Connection::open(server.address).await?;
    let warm_up = Ending::ALL.into_iter().map(|ending| (ending, WARM_UP));
    for (ending, requests) in warm_up.chain(more.map(|ending| (ending, COUNTED))) {
        let request = ending.request(&service.keys);
        for _ in 0..requests {
            connection.exchange(&request, ending.status()).await?;
            sleep(PAUSE).await;
        }
    }
    drop(connection);
    server.stop()?;
    let counts = fs::read_to_string(&file)?;
    let total = counts
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?)
}
