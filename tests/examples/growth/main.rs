//! Measures what a million keys cost: `cargo run -p billing-portal-tests --all-features --example growth -- [SIZE…]`.
//!
//! On each engine and for each size it fills a database with so many organizations, customers and keys, and measures the
//! binary that `XTASK_SERVICE_BINARY` names: how long it takes to answer a key that it has not looked up before and one
//! that it has, to start, what memory it takes, and how fast it imports. It writes a table and a plot into
//! `server/growth`.

mod fill;
mod measure;
mod report;
mod result;

use std::fs;

use billing_portal_tests::postgresql::Cluster;
use billing_portal_tests::workspace;

use fill::Filled;
use measure::Measured;
use report::Row;
use result::Result;

/// Keys, with as many organizations and customers.
const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];

#[tokio::main]
async fn main() -> Result<()> {
    let mut sizes = Vec::new();
    for argument in std::env::args().skip(1) {
        sizes.push(argument.parse()?);
    }
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    let cluster = Cluster::start(&["shared_buffers=256MB", "max_wal_size=4GB"])?;
    let mut rows = Vec::new();
    for engine in ["SQLite", "PostgreSQL"] {
        for keys in &sizes {
            let folder = tempfile::tempdir()?;
            let url = if engine == "SQLite" {
                format!("sqlite://{}", folder.path().join("growth.db").display())
            } else {
                cluster.execute("postgres", &format!("CREATE DATABASE growth{keys}"))?;
                cluster.url(&format!("growth{keys}"))
            };
            let filled = Filled::new(&url, *keys).await?;
            let measured = Measured::of(&filled, folder.path()).await?;
            println!("{engine}, {keys} keys: {measured:?}");
            rows.push(Row {
                engine,
                keys: *keys,
                measured,
            });
        }
    }
    let folder = workspace::root().join("server/growth");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("growth.md"), report::table(&rows))?;
    fs::write(folder.join("growth.svg"), report::plot(&rows))?;
    Ok(())
}
