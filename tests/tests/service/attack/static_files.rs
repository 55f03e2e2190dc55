//! Many clients request a large file and do not read it: the service holds the file once.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::memory::resident_kib;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestRequest;

const CLIENTS: usize = 200;
/// What a connection may take: hyper's buffers, and the task. The bundle alone is 1.5 MB.
const MAX_KIB_PER_CLIENT: usize = 48;

#[tokio::test]
async fn h3_unread_files_take_no_memory_of_their_own() {
    let service = Service::start().await;
    for path in [
        "/docs/swagger-ui-bundle.js",
        "/docs/reference",
        "/docs/swagger-ui.css",
        "/docs/start.js",
        "/openapi.json",
        "/openapi.yaml",
    ] {
        let process = Process::beside(&service, &[]).await;
        let request = TestRequest::get(path);
        let whole = send(process.api, &request).await.body.len();
        let before = resident_kib(&process);
        // More of each than the system takes off the service's hands.
        let requests = request.head().repeat(400_000usize.div_ceil(whole));
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = ClientConnection::open(process.api)
                .await
                .expect("it listens");
            client.send(&requests).await.expect("it reads");
            clients.push(client);
        }
        sleep(Duration::from_secs(1)).await;
        let grown = resident_kib(&process).saturating_sub(before);
        println!("{path}: {whole} bytes, {grown} KiB for {CLIENTS} clients");
        assert!(grown <= CLIENTS * MAX_KIB_PER_CLIENT, "{path}: {grown} KiB");
        drop(clients);
        process.kill().await;
    }
}
