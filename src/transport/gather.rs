//! Bytes that arrive in pieces.

use std::mem;

use bytes::Bytes;

/// One piece stays the slice of its chunk that it is; several are copied once, into one buffer that
/// is given away in the end. So a small message costs no copy and a large one is held once.
#[derive(Default)]
pub(crate) struct Gather {
    /// The only piece so far, or empty.
    one: Bytes,
    /// All pieces, from the second on.
    many: Vec<u8>,
}

impl Gather {
    /// Appends `piece`.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.one = piece;
            return;
        }
        if self.many.is_empty() {
            let first = mem::take(&mut self.one);
            self.many.reserve(first.len() + piece.len());
            self.many.extend_from_slice(&first);
        }
        self.many.extend_from_slice(&piece);
    }

    /// Gives the bytes away and keeps no memory.
    pub(crate) fn take(&mut self) -> Bytes {
        if self.many.is_empty() {
            return mem::take(&mut self.one);
        }
        Bytes::from(mem::take(&mut self.many))
    }

    /// How many bytes were gathered.
    pub(crate) fn len(&self) -> usize {
        self.one.len() + self.many.len()
    }

    /// Whether nothing was gathered.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Gather;

    #[test]
    fn one_piece_is_not_copied() {
        let piece = Bytes::from(vec![b'x'; 100]);
        let mut gather = Gather::default();
        gather.push(Bytes::new());
        gather.push(piece.clone());
        assert_eq!(gather.take().as_ptr(), piece.as_ptr());
        assert!(gather.is_empty());
    }

    #[test]
    fn many_pieces_become_one_and_leave_no_buffer() {
        let mut gather = Gather::default();
        for piece in ["ab", "", "c", "def"] {
            gather.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(gather.len(), 6);
        assert_eq!(gather.take(), "abcdef");
        assert_eq!(gather.many.capacity(), 0);
    }
}
