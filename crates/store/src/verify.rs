//! Can what was read be believed?

use leeward_engine::{
    id::RunId,
    port::JournalError,
    record::{Chain, Record},
};

/// A record as it lies in a store, before anybody believes it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The number that it is filed under.
    pub(crate) seq: u64,
    /// The line.
    pub(crate) line: String,
    /// The hash that was written beside it.
    pub(crate) hash: String,
}

/// The end of a journal, as the store remembers it beside the records.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The last sequence number, 0 before the first.
    pub(crate) seq: u64,
    /// The last hash.
    pub(crate) hash: String,
}

/// Believes stored records one by one, or names the first that is torn, changed or missing.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    run: RunId,
    /// The end of what is believed; nothing before the record that the first one must follow.
    chain: Option<Chain>,
    /// The number that is believed next.
    next: u64,
}

impl Verifier {
    /// Starts at a number. Behind 1, the record before is looked at too: the first must follow it.
    pub(crate) fn from(run: &RunId, from: u64) -> Verifier {
        let from = from.max(1);
        Verifier {
            run: run.clone(),
            chain: (from == 1).then(Chain::default),
            next: if from == 1 { 1 } else { from - 1 },
        }
    }

    /// Returns the number of the record that must be shown next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Believes the next stored record. Nothing is returned of the one that only must be followed.
    pub(crate) fn believe(&mut self, stored: Stored) -> Result<Option<Record>, JournalError> {
        if stored.seq != self.next {
            return Err(self.damaged(self.next, "it is missing"));
        }
        let record = self.read(stored)?;
        self.follow(record)
    }

    /// Believes the next record, whose line and number are known to be right.
    pub(crate) fn follow(&mut self, record: Record) -> Result<Option<Record>, JournalError> {
        let Some(chain) = &mut self.chain else {
            self.chain = Some(start_after(&record));
            self.next += 1;
            return Ok(None);
        };
        if let Err(error) = chain.follow(&record) {
            return Err(self.damaged(self.next, &error.to_string()));
        }
        self.next += 1;
        Ok(Some(record))
    }

    /// Checks that what was believed is all that the store says was written.
    pub(crate) fn ends_at(&self, head: &Head) -> Result<(), JournalError> {
        let Some(chain) = &self.chain else {
            return Err(self.damaged(self.next, "it is missing"));
        };
        if chain.seq < head.seq {
            return Err(self.damaged(chain.seq + 1, "it is missing"));
        }
        if chain.seq > head.seq {
            return Err(self.damaged(head.seq + 1, "it stands behind the journal's end"));
        }
        if chain.hash != head.hash {
            return Err(self.damaged(head.seq, "it is not the record that was written last"));
        }
        Ok(())
    }

    fn read(&self, stored: Stored) -> Result<Record, JournalError> {
        let Stored { seq, line, hash } = stored;
        let record = Record::read(line).map_err(|error| self.damaged(seq, &error.to_string()))?;
        if record.hash != hash {
            return Err(self.damaged(seq, "its line is not the one that was written"));
        }
        if record.body.seq != seq {
            return Err(self.damaged(seq, "it calls itself by another number"));
        }
        Ok(record)
    }

    fn damaged(&self, seq: u64, reason: &str) -> JournalError {
        JournalError::Damaged {
            run: self.run.clone(),
            seq,
            reason: reason.to_owned(),
        }
    }
}

fn start_after(record: &Record) -> Chain {
    Chain {
        seq: record.body.seq,
        hash: record.hash.clone(),
        at: record.body.at,
        epoch: record.body.epoch,
    }
}
