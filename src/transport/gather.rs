//! Bytes that arrive in pieces.

mod large;

use std::mem;

use bytes::Bytes;

use crate::limits;
use crate::transport::gather::large::Large;

/// One piece stays the slice of its chunk that it is; several are copied once, into one buffer that
/// is given away in the end. So a small message costs no copy and a large one is held once.
pub(crate) struct Gather {
    /// The most that will be gathered, in bytes.
    limit: usize,
    held: Held,
}

enum Held {
    Large(Large),
    Many(Vec<u8>),
    /// The only piece so far, or empty.
    One(Bytes),
}

impl Gather {
    /// Nothing yet, and never more than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: Held::One(Bytes::new()) }
    }

    /// Appends `piece`.
    pub(crate) fn push(&mut self, piece: Bytes) {
        let len = self.len() + piece.len();
        match &mut self.held {
            Held::One(first) if first.is_empty() => *first = piece,
            Held::One(first) => {
                let mut many = Vec::with_capacity(len);
                many.extend_from_slice(first);
                many.extend_from_slice(&piece);
                self.held = Held::Many(many);
            }
            Held::Many(many) if len < limits::LARGE_MESSAGE_BYTES => many.extend_from_slice(&piece),
            Held::Many(many) => match Large::begin([many, &piece], self.limit) {
                Some(large) => self.held = Held::Large(large),
                None => many.extend_from_slice(&piece),
            },
            Held::Large(large) => {
                if !large.push(&piece) {
                    self.held = Held::Many([large.as_ref(), &piece].concat());
                }
            }
        }
    }

    /// Gives the bytes away and keeps no memory.
    pub(crate) fn take(&mut self) -> Bytes {
        match mem::replace(&mut self.held, Held::One(Bytes::new())) {
            Held::Large(large) => Bytes::from_owner(large),
            Held::Many(many) => Bytes::from(many),
            Held::One(one) => one,
        }
    }

    /// How many bytes were gathered.
    pub(crate) fn len(&self) -> usize {
        match &self.held {
            Held::Large(large) => large.as_ref().len(),
            Held::Many(many) => many.len(),
            Held::One(one) => one.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::limits;
    use crate::transport::gather::Gather;

    #[test]
    fn one_piece_is_not_copied() {
        let piece = Bytes::from(vec![b'x'; 100]);
        let mut gather = Gather::new(100);
        gather.push(Bytes::new());
        gather.push(piece.clone());
        assert_eq!(gather.take().as_ptr(), piece.as_ptr());
        assert_eq!(gather.len(), 0);
    }

    #[test]
    fn many_pieces_become_one() {
        let mut gather = Gather::new(6);
        for piece in ["ab", "", "c", "def"] {
            gather.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(gather.len(), 6);
        assert_eq!(gather.take(), "abcdef");
        assert_eq!(gather.len(), 0);
    }

    #[test]
    fn a_large_message_is_whole_also_where_it_breaks_the_limit() {
        let piece = |number: usize| vec![number.to_le_bytes()[0]; 1000];
        let whole: Vec<u8> = (0..3000).flat_map(piece).collect();
        for limit in [2 * limits::LARGE_MESSAGE_BYTES, whole.len()] {
            let mut gather = Gather::new(limit);
            (0..3000).for_each(|number| gather.push(piece(number).into()));
            assert_eq!(gather.len(), whole.len());
            assert!(gather.take() == whole, "limit {limit}");
        }
    }
}
