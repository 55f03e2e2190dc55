//! The command line.

use clap::{Parser, Subcommand, ValueEnum};

/// Maintainers' commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version)]
pub(crate) struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write every file that is derived from the contract
    Generate,
    /// Report everything that differs from the contract: exit 0 nothing, 4 `generate` fixes it, 1 a person must
    Check {
        /// How to print the findings
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Explain a finding; without an id, list them all
    Explain {
        /// Such as SRV-STATUS
        id: Option<String>,
    },
    /// Compare what the tests recorded with the contract: run the tests first
    Coverage {
        /// How to print the findings
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Run the whole product here, with a simulated Stripe, until Ctrl-C
    Demo {
        /// Produce every outcome instead, print a table, and end
        #[arg(long)]
        once: bool,
    },
    /// Run everything that must hold before a change lands: format, lints, docs, tests, the check
    Ci,
    /// Check the dependencies' licences, sources, duplicates and advisories; needs cargo-deny
    Dependencies,
    /// List what changed since the last release, with what it means to callers
    Changes {
        /// How to print the changes
        #[arg(long, value_enum, default_value_t)]
        format: ChangesFormat,
    },
    /// Release the contract as VERSION; refused while there are findings or the version is too small for the change
    Release {
        /// Such as 1.1.0
        version: String,
    },
    /// Run schemathesis against the service; needs Python
    Schemathesis,
    /// Measure what a request costs, beside a floor; with --instructions count instructions instead, with --layout order the
    /// functions of the binary by what a start runs (both need valgrind)
    Bench {
        /// --rounds N, --seconds N, --save; or --in-flight N; or --instructions; or --layout
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<String>,
    },
    /// Compile the type tests and the example of the TypeScript package; needs Node
    Typescript,
    /// Run the check on mutated inputs and report which kinds of drift it detects
    SelfTest,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For a person at a terminal
    #[default]
    Text,
    /// One JSON object
    Json,
    /// Workflow commands that GitHub shows beside the lines
    Github,
}

/// How changes are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ChangesFormat {
    /// For a person at a terminal
    #[default]
    Text,
    /// A table for a pull request
    Markdown,
    /// One JSON object
    Json,
}
