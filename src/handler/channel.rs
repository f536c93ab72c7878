//! Reading a channel to the end of what was read before.

use std::os::fd::AsFd;

use rustix::buffer::spare_capacity;

/// Bytes that are read at once, at most.
pub(super) const AT_ONCE: usize = 64 * 1024;

/// Reads once, to the end of `bytes`: how many, none at the end of input.
pub(super) fn read_more(channel: impl AsFd, bytes: &mut Vec<u8>) -> rustix::io::Result<usize> {
    // To reserve room takes no time. A buffer in between would be filled with zeros for each read, and a cold event has
    // more reads than bytes.
    bytes.reserve(AT_ONCE);
    rustix::io::read(channel, spare_capacity(bytes))
}
