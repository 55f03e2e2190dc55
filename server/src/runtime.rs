//! The runtime of the process, which ends without waiting for calls that cannot be cancelled.
//!
//! One runtime for all threads. A runtime for each thread, with connections to Stripe of its own, takes the same CPU time to
//! open a portal, and 5 % more to refuse.

use std::io;

use tokio::runtime::Builder;

/// Runs the future to its end on a new runtime. Blocking calls that are still running then, such as the system's look-up
/// of a host name, are abandoned: they could hold the end of the process for minutes.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}
