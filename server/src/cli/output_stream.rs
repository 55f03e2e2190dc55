//! Standard output, which has to be there before a key is created that only it shows.

use std::io::{self, Stdout, Write};

use rustix::fs::{FileType, fstat, major, minor};

/// The device that keeps nothing of what is written to it, by its numbers on Linux.
const NULL_DEVICE: (u32, u32) = (1, 3);

/// Where a command prints.
pub trait OutputStream: Write {
    /// Fails if it is known that nothing that is written now would be seen. Writes nothing.
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
        let status = fstat(self)?;
        let device = (major(status.st_rdev), minor(status.st_rdev));
        // The runtime opens this device in place of a standard output that is closed.
        if FileType::from_raw_mode(status.st_mode).is_char_device() && device == NULL_DEVICE {
            return Err(io::Error::other("it is closed, or /dev/null"));
        }
        // Fails where any write would, such as on a descriptor that is only for reading.
        rustix::io::write(self, &[])?;
        Ok(())
    }
}
