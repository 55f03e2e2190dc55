//! Counts the instructions of a request with callgrind, also in times of the floor's.
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
    counted::{Counts, ENVIRONMENT},
    load::Connection,
    process::{Running, Service},
    requests::{Ending, HELLO, PORTAL, RETURN_URL, post},
    result::Result,
};

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

/// Counts and prints. On a busy machine two runs differ by up to eight percent, so nothing is compared with it.
pub(crate) fn run() -> Result<ExitCode> {
    let counts = count()?;
    for (name, count) in &counts {
        println!("{name}: {count} instructions");
    }
    for ending in Ending::ALL {
        let ratio = in_floors(&counts, ending)?;
        println!("{}: {ratio:.2} times the floor", ending.name());
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
    let serve = |file: &_| service.serve_counted(stripe.address, file, &ENVIRONMENT);
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
