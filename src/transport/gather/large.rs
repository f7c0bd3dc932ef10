//! Room for one large message, in pages of its own.

use memmap2::MmapMut;

/// Bytes in memory that is asked for in huge pages: the system hands out a few of them where it
/// would hand out thousands of small ones, one fault each. It goes back with the message.
pub(super) struct Large {
    room: MmapMut,
    len: usize,
}

impl Large {
    /// Room for `limit` bytes that begins with `pieces`; only what is written takes memory. `None`
    /// if they do not fit, or on a system that has no such memory to give.
    pub(super) fn begin(pieces: [&[u8]; 2], limit: usize) -> Option<Self> {
        let mut large = Self { room: room(limit)?, len: 0 };
        pieces.iter().all(|piece| large.push(piece)).then_some(large)
    }

    /// Appends `piece`. False if it does not fit.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        let end = self.len + piece.len();
        let Some(free) = self.room.get_mut(self.len..end) else { return false };
        free.copy_from_slice(piece);
        self.len = end;
        true
    }
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

#[cfg(target_os = "linux")]
fn room(bytes: usize) -> Option<MmapMut> {
    let room = MmapMut::map_anon(bytes).ok()?;
    // Small pages do too.
    let _ = room.advise(memmap2::Advice::HugePage);
    Some(room)
}

/// Elsewhere a program cannot ask for them, or room that is not written to counts.
#[cfg(not(target_os = "linux"))]
fn room(_: usize) -> Option<MmapMut> {
    None
}
