//! Counts the instructions of a request with callgrind, in times of the floor's, and compares that with what is kept.
//!
//! The difference between two runs of a server, one with more requests of a kind, is what those requests cost. The floor
//! is counted in the same run, because the same source has other counts where the processor, the C library or the
//! compiler are others; most of that is the same for both.

use std::{
    fs,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::{runtime::Builder, time::sleep};

use crate::{
    counted::{self, Counts},
    load::Connection,
    process::{Running, Service},
    requests::{Ending, HELLO, PORTAL, RETURN_URL, post},
    result::Result,
};

/// How much more than what is kept a request may take, in percent: twice what two runs differ by.
const TOLERANCE_PERCENT: f64 = 3.0;
/// The same where the compiler is another one, which may compile the service and the floor differently.
const TOLERANCE_OF_OTHER_COMPILERS_PERCENT: f64 = 10.0;
/// Requests of each kind in every run, so that caches are filled and tables have grown.
const WARM_UP: u16 = 100;
/// Requests that are counted.
const COUNTED: u16 = 400;
/// How long Stripe takes, and how long a client waits between requests: so that the server always goes to sleep
/// in between, which takes instructions too.
const STRIPE_MS: u64 = 2;
const PAUSE: Duration = Duration::from_millis(1);
/// How long a server is left alone, to see what it does by itself.
const REST: Duration = Duration::from_secs(5);

/// Counts and compares. A failure if a request takes more than it may.
pub(crate) fn check() -> Result<ExitCode> {
    let counts = count()?;
    let (kept_with, kept) = counted::kept()?;
    let built_with = counted::built_with()?;
    let tolerance = if kept_with == built_with {
        TOLERANCE_PERCENT
    } else {
        println!("kept with {kept_with}, counted with {built_with}");
        TOLERANCE_OF_OTHER_COMPILERS_PERCENT
    };
    let mut has_grown = false;
    for ending in Ending::ALL {
        let (now, before) = (in_floors(&counts, ending)?, in_floors(&kept, ending)?);
        let more = (now / before - 1.0) * 100.0;
        has_grown |= more > tolerance;
        let verdict = if more > tolerance { ": TOO MUCH" } else { "" };
        let name = ending.name();
        println!("{name}: {now:.3} times the floor, {before:.3} is kept, {more:+.1} %{verdict}");
    }
    if has_grown {
        println!(
            "Make the request cheaper, or keep this: cargo xtask bench --instructions --record"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts and keeps the counts.
pub(crate) fn record() -> Result<ExitCode> {
    let counts = count()?;
    counted::keep(&counts)?;
    for ending in Ending::ALL {
        let ratio = in_floors(&counts, ending)?;
        println!("{}: {ratio:.3} times the floor", ending.name());
    }
    Ok(ExitCode::SUCCESS)
}

fn in_floors(counts: &Counts, ending: Ending) -> Result<f64> {
    let of = |name: &str| counts.get(name).ok_or(format!("{name} was not counted"));
    Ok(of(&ending.name())? / of(&floor_name(ending.floor_path()))?)
}

fn floor_name(path: &str) -> String {
    format!("floor {path}")
}

fn count() -> Result<Counts> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let service = Service::set_up()?;
    let stripe = Running::stand_in(STRIPE_MS)?;
    let mut counts = Counts::new();
    let paths = [PORTAL, HELLO].map(|path| (floor_name(path), post(path, "am_test_x", RETURN_URL)));
    let requests: Vec<_> = paths
        .into_iter()
        .map(|(name, request)| (name, request, 200))
        .collect();
    let serve = |file: &_| Running::floor_counted(stripe.address, file);
    counts.extend(runtime.block_on(count_each(&service, serve, &requests))?);
    let endings = Ending::ALL.map(|it| (it.name(), it.request(&service.keys), it.status()));
    let serve = |file: &_| service.serve_counted(stripe.address, file);
    counts.extend(runtime.block_on(count_each(&service, serve, &endings))?);
    Ok(counts)
}

/// A request by its name, with the status of its answer.
type Named = (String, Vec<u8>, u16);

/// What each of these requests costs the server, without what the server does by itself while time passes.
async fn count_each(
    service: &Service,
    serve: impl Fn(&Path) -> Result<Running>,
    requests: &[Named],
) -> Result<Counts> {
    let file = service.file("callgrind.out");
    let run = async |more, rest| Run::of(serve(&file)?, &file, requests, more, rest).await;
    let without = run(None, Duration::ZERO).await?;
    let resting = run(None, REST).await?;
    let by_itself = resting.more_than(&without) / (resting.seconds - without.seconds);
    let mut counts = Counts::new();
    for named in requests {
        let with = run(Some(named), Duration::ZERO).await?;
        let by_itself = by_itself * (with.seconds - without.seconds);
        let each = (with.more_than(&without) - by_itself) / f64::from(COUNTED);
        counts.insert(named.0.clone(), each.round());
    }
    Ok(counts)
}

/// One run of a server: the requests of the warm-up, those of one kind on top, and a rest.
struct Run {
    instructions: f64,
    /// How long the server ran.
    seconds: f64,
}

impl Run {
    async fn of(
        server: Running,
        counts: &Path,
        warm_up: &[Named],
        more: Option<&Named>,
        rest: Duration,
    ) -> Result<Self> {
        let began = Instant::now();
        let mut connection = Connection::open(server.address).await?;
        let warm_up = warm_up.iter().map(|named| (named, WARM_UP));
        for ((_, request, status), times) in warm_up.chain(more.map(|named| (named, COUNTED))) {
            for _ in 0..times {
                connection.exchange(request, *status).await?;
                sleep(PAUSE).await;
            }
        }
        sleep(rest).await;
        drop(connection);
        let seconds = began.elapsed().as_secs_f64();
        server.stop()?;
        let instructions = total(&fs::read_to_string(counts)?)?;
        Ok(Self {
            instructions,
            seconds,
        })
    }

    fn more_than(&self, other: &Self) -> f64 {
        self.instructions - other.instructions
    }
}

/// The instructions in what callgrind wrote.
fn total(counts: &str) -> Result<f64> {
    let mut lines = counts.lines();
    let total = lines.find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?)
}
