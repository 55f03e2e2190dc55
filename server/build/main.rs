//! What is made while this package is built: the files of the documentation, what a log filter can name, and the order of
//! functions in the binary.

mod docs;
mod layout;
mod log_filter;

fn main() {
    log_filter::list();
    docs::prepare();
    layout::order();
}
