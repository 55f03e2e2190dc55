//! Standard output, which has to be there before a key is created that only it shows.

use std::io::{self, Stdout, Write};

/// Where a command prints.
pub trait OutputStream: Write {
    /// Fails if nothing can be written now. Writes nothing.
    fn check(&self) -> io::Result<()>;
}

/// Memory keeps everything.
impl OutputStream for Vec<u8> {
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
}

impl OutputStream for Stdout {
    fn check(&self) -> io::Result<()> {
        // Fails where any write would, such as on a descriptor that is only for reading.
        rustix::io::write(self, &[])?;
        Ok(())
    }
}
