//! How much memory each request in progress takes, and how much is given back afterwards.

use std::{
    env,
    error::Error,
    process::{Command, ExitCode},
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    load::Connection,
    process::{Running, Service},
    requests::{Ending, PORTAL, RETURN_URL, post},
    result::Result,
};

/// How long Stripe takes.
const STRIPE_MS: u64 = 2_000;
/// When the memory is looked at again after the last answer.
const AFTERWARDS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(15),
    Duration::from_mins(1),
];

/// The same in a process that may open as many files as the system allows: each request takes one of the bench and one
/// of the stand-in for Stripe.
pub(crate) fn run_with_all_descriptors(requests: &str) -> Result<ExitCode> {
    let raised = "ulimit -n $(ulimit -Hn) && exec \"$0\" in-flight \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", raised]).arg(env::current_exe()?);
    let ended = shell.arg(requests).status()?;
    Ok(if ended.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Opens so many portals at a time and prints what that takes: the floor, which is raw hyper in and out, and the service.
pub(crate) fn run(requests: usize) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = Service::set_up()?.for_requests(requests);
    let stripe = Running::stand_in(STRIPE_MS)?;
    let lost = runtime.block_on(async {
        let floor = Running::floor(stripe.address)?;
        let opens = post(PORTAL, "am_test_x", RETURN_URL);
        let lost = print_peak("floor", &floor, opens, requests).await?;
        drop(floor);
        let server = service.serve(stripe.address)?;
        let idle = server.memory("VmRSS:")?;
        let opens = Ending::Opened.request(&service.keys);
        let lost = lost + print_peak("service", &server, opens, requests).await?;
        print_afterwards(&server, idle).await?;
        Ok::<_, Box<dyn Error>>(lost)
    })?;
    Ok(if lost == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints the memory of a server before, and with so many requests at a time. Answers how many were lost.
async fn print_peak(
    name: &str,
    server: &Running,
    request: Vec<u8>,
    requests: usize,
) -> Result<usize> {
    let idle = server.memory("VmRSS:")?;
    println!("{name}, idle: {} MB", megabytes(idle));
    let lost = open_at_once(server, request, requests).await;
    let peak = server.memory("VmHWM:")?;
    let each = peak.saturating_sub(idle) / requests as u64 / 1024;
    println!(
        "{name}, {requests} at a time: {} MB, {each} KiB each, {lost} lost",
        megabytes(peak)
    );
    Ok(lost)
}

/// Prints what the server keeps after the last answer.
async fn print_afterwards(server: &Running, idle: u64) -> Result<()> {
    let mut waited = Duration::ZERO;
    for after in AFTERWARDS {
        sleep(after.saturating_sub(waited)).await;
        waited = after;
        let more = server.memory("VmRSS:")?.saturating_sub(idle);
        println!(
            "{} s later: {} MB more than idle",
            after.as_secs(),
            megabytes(more)
        );
    }
    Ok(())
}

/// Sends this request so many times at once, each over a connection of its own; answers how many were not answered 200.
async fn open_at_once(server: &Running, request: Vec<u8>, requests: usize) -> usize {
    let mut clients = JoinSet::new();
    for _ in 0..requests {
        let (address, request) = (server.address, request.clone());
        clients.spawn(async move {
            let exchange = async {
                let mut connection = Connection::open(address).await?;
                connection.exchange(&request, 200).await
            };
            exchange
                .await
                .map_err(|error: Box<dyn Error>| error.to_string())
        });
    }
    let mut lost = 0;
    while let Some(ended) = clients.join_next().await {
        if let Ok(Err(error)) = ended {
            lost += 1;
            if lost == 1 {
                eprintln!("the first that was lost: {error}");
            }
        }
    }
    lost
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}
