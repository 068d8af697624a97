//! Can what was read be believed?

use leeward_engine::{
    id::RunId,
    port::JournalError,
    record::{Chain, Record, RecordError},
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

/// Believes stored records, or names the first that is torn, changed or missing.
///
/// The answer begins at `from`; behind 1, `rows` begin one record earlier, with the one to follow.
pub(crate) fn verify(
    run: &RunId,
    head: &Head,
    from: u64,
    rows: Vec<Stored>,
) -> Result<Vec<Record>, JournalError> {
    let mut rows = rows.into_iter();
    let mut chain = match from.checked_sub(1) {
        None | Some(0) => Chain::default(),
        Some(before) => match rows.next() {
            Some(stored) if stored.seq == before => start_after(read(run, stored)?),
            _ => return Err(damaged(run, before, "it is missing")),
        },
    };
    let mut records = Vec::with_capacity(rows.size_hint().0);
    for stored in rows {
        let seq = stored.seq;
        if seq != chain.seq + 1 {
            return Err(damaged(run, chain.seq + 1, "it is missing"));
        }
        let record = read(run, stored)?;
        chain.follow(&record).map_err(|error| {
            let seq = if let RecordError::Gap { expected, .. } = error {
                expected
            } else {
                seq
            };
            damaged(run, seq, &error.to_string())
        })?;
        records.push(record);
    }
    if chain.seq < head.seq {
        return Err(damaged(run, chain.seq + 1, "it is missing"));
    }
    if chain.seq > head.seq {
        return Err(damaged(run, head.seq + 1, "it stands behind the journal's end"));
    }
    if chain.hash != head.hash {
        return Err(damaged(
            run,
            head.seq,
            "it is not the record that was written last",
        ));
    }
    Ok(records)
}

fn start_after(record: Record) -> Chain {
    Chain {
        seq: record.body.seq,
        hash: record.hash,
        at: record.body.at,
        epoch: record.body.epoch,
    }
}

fn read(run: &RunId, stored: Stored) -> Result<Record, JournalError> {
    let Stored { seq, line, hash } = stored;
    let record = Record::read(line).map_err(|error| damaged(run, seq, &error.to_string()))?;
    if record.hash != hash {
        return Err(damaged(run, seq, "its line is not the one that was written"));
    }
    if record.body.seq != seq {
        return Err(damaged(run, seq, "it calls itself by another number"));
    }
    Ok(record)
}

fn damaged(run: &RunId, seq: u64, reason: &str) -> JournalError {
    JournalError::Damaged {
        run: run.clone(),
        seq,
        reason: reason.to_owned(),
    }
}
