//! Messages and their replies as bytes, in the batches that are sent at once.
//!
//! Both are written before the clock starts, and a reply is checked by
//! comparing bytes, so that the generator costs little while it measures. The
//! comparison is strict: a reply that means the same but is written otherwise
//! is wrong.

use std::ops::Range;

use crate::dialect::Dialect;
use crate::workload::{Action, Exchange};

/// Exchanges as bytes, in the batches that are sent at once.
#[derive(Clone, Debug, Default)]
pub struct Script {
    requests: Vec<u8>,
    replies: Vec<u8>,
    batches: Vec<Bounds>,
}

#[derive(Clone, Debug)]
struct Bounds {
    request: Range<usize>,
    reply: Range<usize>,
    exchanges: usize,
    is_find: bool,
}

/// What is sent in one write, and what must come back.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub request: &'a [u8],
    pub reply: &'a [u8],
    pub exchanges: usize,
    /// Whether it is a single find, whose latency is of interest by itself.
    pub is_find: bool,
}

impl Script {
    /// Writes `exchanges` down, `pipeline` of them in a batch; the last may be
    /// shorter.
    pub fn new(dialect: Dialect, exchanges: &[Exchange], pipeline: usize) -> Self {
        let mut script = Script::default();
        for chunk in exchanges.chunks(pipeline.max(1)) {
            let (request, reply) = (script.requests.len(), script.replies.len());
            for exchange in chunk {
                dialect.write(exchange, &mut script.requests, &mut script.replies);
            }
            script.batches.push(Bounds {
                request: request..script.requests.len(),
                reply: reply..script.replies.len(),
                exchanges: chunk.len(),
                is_find: matches!(chunk, [exchange] if exchange.action == Action::Find),
            });
        }
        script
    }

    /// The batch of this number, if there are so many.
    pub fn batch(&self, number: usize) -> Option<Batch<'_>> {
        self.batches.get(number).map(|bounds| Batch {
            request: &self.requests[bounds.request.clone()],
            reply: &self.replies[bounds.reply.clone()],
            exchanges: bounds.exchanges,
            is_find: bounds.is_find,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_into_batches() {
        let finds = crate::workload::finds(10, 5, 1);
        let script = Script::new(Dialect::EchoedLine, &finds, 2);
        let sizes: Vec<_> = (0..).map_while(|n| script.batch(n)).map(|b| b.exchanges).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert!(!script.batch(0).unwrap().is_find && script.batch(2).unwrap().is_find);
        assert_eq!(script.batch(0).unwrap().request, script.batch(0).unwrap().reply);
    }
}
