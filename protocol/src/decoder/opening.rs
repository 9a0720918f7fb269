//! The first bytes of a connection: a byte order mark, or another protocol.

use crate::foreign::{Detection, Detector, ForeignProtocol};

/// U+FEFF in UTF-8. PowerShell and editors of Windows put it before what they
/// send; it belongs to the encoding and not to the first message.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What the first bytes of a connection may still turn out to be.
#[derive(Clone, Debug)]
pub(super) enum Opening {
    /// Nothing but messages. Nearly every connection is here after one byte.
    Over,
    /// More bytes are needed to tell.
    Undecided {
        /// Whether they may begin with a byte order mark.
        may_be_mark: bool,
        /// Absent where they cannot be a foreign protocol.
        detector: Option<Detector>,
    },
    /// They are no conversation: nothing is taken from them.
    Foreign(ForeignProtocol),
}

impl Opening {
    pub(super) fn new(detector: Option<Detector>) -> Self {
        Opening::Undecided { may_be_mark: true, detector }
    }

    /// Looks at the chunk that comes next. Returns whether the connection speaks
    /// a foreign protocol.
    pub(super) fn detect(&mut self, chunk: &[u8]) -> bool {
        let Opening::Undecided { detector, .. } = self else {
            return matches!(self, Opening::Foreign(_));
        };
        match detector.as_mut().map(|detector| detector.detect(chunk)) {
            None | Some(Detection::Undecided) => false,
            Some(Detection::None) => {
                *detector = None;
                false
            }
            Some(Detection::Found(protocol)) => {
                *self = Opening::Foreign(protocol);
                true
            }
        }
    }

    /// How many of the bytes that have arrived are a byte order mark. `arrived`
    /// are all of them, for as long as a mark is possible none has been taken.
    pub(super) fn mark_length(&mut self, arrived: &[u8]) -> usize {
        let Opening::Undecided { may_be_mark, detector } = self else { return 0 };
        let length = match *may_be_mark && arrived.starts_with(BYTE_ORDER_MARK) {
            true => BYTE_ORDER_MARK.len(),
            false => 0,
        };
        *may_be_mark &= length == 0 && BYTE_ORDER_MARK.starts_with(arrived);
        if !*may_be_mark && detector.is_none() {
            *self = Opening::Over;
        }
        length
    }

    /// Takes note that what is pushed from now on is not the beginning. Whether
    /// this is a foreign protocol, time does not tell.
    pub(super) fn close(&mut self) {
        if let Opening::Undecided { may_be_mark, .. } = self {
            *may_be_mark = false;
        }
    }

    /// Whether the bytes so far may be the beginning of a foreign protocol.
    pub(super) fn may_become_foreign(&self) -> bool {
        matches!(self, Opening::Undecided { detector: Some(detector), .. } if detector.has_begun())
    }
}
