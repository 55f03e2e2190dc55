//! A deadline that moves with every request of a connection.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// A deadline. Moving a timer of the runtime takes a lock that all threads share, so the timer is moved only when it
/// would be late, or has ended too early.
pub(super) struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    /// The deadline at the end of this time.
    pub(super) fn after(timeout: Duration) -> Self {
        let timer = Box::pin(sleep(timeout));
        Self {
            at: timer.deadline(),
            timer,
        }
    }

    /// Moves the deadline to the end of this time.
    pub(super) fn set(&mut self, timeout: Duration) {
        self.at = Instant::now() + timeout;
        if self.at < self.timer.deadline() {
            self.timer.as_mut().reset(self.at);
        }
    }

    /// Ready when the deadline has passed. Until then the task is woken when it may have.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= self.at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_millis(60);

    async fn waits_for(mut deadline: Deadline, set: Duration) {
        let began = Instant::now();
        deadline.set(set);
        poll_fn(|cx| deadline.poll(cx)).await;
        assert!(began.elapsed() >= set, "not too early");
        assert!(
            began.elapsed() < set + Duration::from_secs(5),
            "not too late"
        );
    }

    #[tokio::test]
    async fn it_passes_neither_early_nor_late_whichever_way_it_was_moved() {
        waits_for(Deadline::after(SHORT), LONG).await;
        waits_for(Deadline::after(Duration::from_hours(1)), SHORT).await;
        let mut moved = Deadline::after(SHORT);
        for _ in 0..3 {
            moved.set(LONG);
            moved.set(SHORT);
        }
        waits_for(moved, LONG).await;
    }
}
