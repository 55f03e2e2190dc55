//! What is made while this package is built: the files of the documentation, and what a log filter can name.

mod docs;
mod log_filter;

fn main() {
    log_filter::list();
    docs::prepare();
}
