//! What does a message say? Pure; a drill is marked as one, whatever the form.

use leeward_engine::port::Context;
use leeward_runbook::journey::Journey;
use serde_json::{Map, Value, json};

use crate::kinds::settings;

/// What goes before the words of a drill.
const MARK: &str = "[drill] ";

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The people on call.
    Webhook,
    /// Customers.
    StatusPage,
}

impl Form {
    /// Returns it for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Form::Webhook => "a webhook",
            Form::StatusPage => "a status page",
        }
    }

    /// Returns the whole body.
    pub(super) fn body(self, context: &Context) -> Value {
        let written = &context.settings;
        let own = written.get("body").filter(|body| !body.is_null());
        if let (Form::Webhook, Some(own)) = (self, own) {
            return marked(own.clone(), context);
        }
        let text = |name: &str| settings::optional_text(written, name).unwrap_or_default();
        let mut body = Map::new();
        match self {
            Form::Webhook => {
                body.insert("text".to_owned(), json!(text("message")));
            }
            Form::StatusPage => {
                for (name, otherwise) in [
                    ("title", context.plan.runbook.as_str()),
                    ("state", "investigating"),
                    ("message", ""),
                ] {
                    let value = settings::optional_text(written, name).unwrap_or(otherwise);
                    body.insert(name.to_owned(), json!(value));
                }
                if let Some(component) = settings::optional_text(written, "component") {
                    body.insert("component".to_owned(), json!(component));
                }
            }
        }
        body.insert("runbook".to_owned(), json!(context.plan.runbook));
        body.insert("journey".to_owned(), json!(context.plan.journey.word()));
        body.insert("run".to_owned(), json!(context.run.0));
        marked(Value::Object(body), context)
    }
}

/// Marks every text that people read first, where the run is a drill.
fn marked(mut body: Value, context: &Context) -> Value {
    if context.plan.journey != Journey::Drill {
        return body;
    }
    if let Value::Object(fields) = &mut body {
        for name in ["text", "title", "message", "summary", "content"] {
            if let Some(Value::String(text)) = fields.get_mut(name) {
                *text = format!("{MARK}{text}");
            }
        }
    }
    body
}
