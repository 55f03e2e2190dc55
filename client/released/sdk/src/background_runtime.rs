//! A runtime that may be dropped anywhere.

use tokio::runtime::Runtime;

/// A runtime that ends without waiting. A plain runtime waits for its threads when it is dropped, and panics instead if
/// that happens in async code.
#[derive(Debug)]
pub(crate) struct BackgroundRuntime(Option<Runtime>);

impl BackgroundRuntime {
    pub(crate) fn new(runtime: Runtime) -> Self {
        Self(Some(runtime))
    }

    pub(crate) fn get(&self) -> &Runtime {
        self.0.as_ref().expect("only drop takes the runtime")
    }
}

impl Drop for BackgroundRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
