//! The run as a stream for machines: one event a line, the first line names format and version.

use leeward_engine::{event::Event, record::Record};
use serde_json::{Value, json};

/// The version of the stream's format.
pub const STREAM_VERSION: u32 = 1;

/// Turns records into lines; remembers whether the head was written.
#[derive(Debug, Default)]
pub struct EventLines {
    headed: bool,
}

impl EventLines {
    /// Returns the line or lines of a record, newlines included.
    pub fn of(&mut self, record: &Record) -> String {
        let mut text = String::new();
        if !self.headed {
            self.headed = true;
            text.push_str(&format!("{}\n", head(record)));
        }
        // The stored line is parsed again, so that a newer writer's event is passed on as it is.
        let mut value: Value = serde_json::from_str(&record.line).unwrap_or(Value::Null);
        hide_signed_urls(&mut value);
        text.push_str(&format!("{value}\n"));
        text
    }
}

fn head(record: &Record) -> Value {
    let mut head = json!({"format": "leeward-run", "version": STREAM_VERSION});
    if let Event::RunOpened { run, plan, .. } = &record.body.event {
        head["run"] = json!(run);
        head["runbook"] = json!(plan.runbook);
        head["journey"] = json!(plan.journey);
        head["plan"] = json!(plan.digest());
    }
    head
}

/// Cuts the query off every URL inside a ticket: it is signed, and whoever has it can act on it.
fn hide_signed_urls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if key == "ticket" {
                    cut(inner);
                } else {
                    hide_signed_urls(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide_signed_urls),
        _ => {}
    }
}

fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((shown, _)) = text.split_once('?') {
                *text = format!("{shown}?…");
            }
        }
        Value::Object(map) => map.values_mut().for_each(cut),
        Value::Array(list) => list.iter_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use leeward_engine::{
        event::OperationEvent,
        id::{OperationId, StepId},
        record::Chain,
        work::{OperationUrl, Ticket},
    };

    use super::*;

    #[test]
    fn a_signed_url_never_leaves_with_the_stream() {
        let ticket = Ticket {
            status_url: Some(OperationUrl::new(
                "https://management.azure.com/op/1?t=1&s=SIGNATURE",
            )),
            location: None,
            job: None,
            detail: json!({"next": "https://management.azure.com/x?sig=SIGNATURE"}),
            look_after: None,
        };
        let event = Event::Operation {
            step: StepId::new("a"),
            operation: OperationId::new("b"),
            change: OperationEvent::Accepted { ticket },
        };
        let record = Chain::default()
            .next(1, Timestamp::UNIX_EPOCH, event)
            .expect("sealed");
        let mut lines = EventLines::default();
        let text = lines.of(&record);
        assert!(
            text.starts_with("{\"format\":\"leeward-run\",\"version\":1}\n{\"seq\":1"),
            "{text}"
        );
        assert!(text.contains("https://management.azure.com/op/1?…"), "{text}");
        assert!(!text.contains("SIGNATURE"), "{text}");
        assert!(!lines.of(&record).contains("leeward-run"));
    }
}
