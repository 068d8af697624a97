//! How does a step use a secret? By its reference, at the moment of use, and never in what is told.
//!
//! A foreign text is searched for every secret that this process has opened, not only for those of the step: a script
//! can say what the run itself goes by.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use leeward_runbook::plan::Plan;

use crate::credential::{CredentialError, note_variable, opened_so_far, read_secret};

/// The shortest secret that is looked for in a text: shorter ones are everywhere.
const SHORTEST: usize = 4;
/// The shortest line of a secret of many lines that is looked for by itself.
const SHORTEST_LINE: usize = 16;

/// The secrets that one use has opened, so that they can be taken out of whatever comes back.
#[derive(Default)]
pub(crate) struct Opened {
    values: Vec<SecretString>,
}

impl Opened {
    /// Returns a text as it is, or what stands behind a reference.
    pub(crate) fn value(&mut self, written: &str) -> Result<String, CredentialError> {
        if !is_reference(written) {
            return Ok(written.to_owned());
        }
        let secret = read_secret(written)?;
        let value = secret.expose_secret().to_owned();
        self.values.push(secret);
        Ok(value)
    }

    /// Returns the pairs of a table whose values may be references.
    pub(crate) fn table(
        &mut self,
        written: Option<&Value>,
    ) -> Result<Vec<(String, String)>, CredentialError> {
        let mut pairs = Vec::new();
        for (name, value) in written.and_then(Value::as_object).into_iter().flatten() {
            let value = match value {
                Value::String(text) => self.value(text)?,
                Value::Null => String::new(),
                other => other.to_string(),
            };
            pairs.push((name.clone(), value));
        }
        Ok(pairs)
    }

    /// Returns a foreign text without any secret that was opened, here or elsewhere in this process.
    pub(crate) fn hide(&self, text: &str) -> String {
        let all = opened_so_far();
        let whole = self.values.iter().chain(&all).map(ExposeSecret::expose_secret);
        let mut looked_for: Vec<&str> = Vec::new();
        for value in whole {
            looked_for.push(value);
            // A key in PEM is said line by line.
            let lines = value.lines().map(str::trim);
            looked_for.extend(lines.filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----")));
        }
        looked_for.sort_by_key(|value| std::cmp::Reverse(value.len()));
        looked_for
            .into_iter()
            .filter(|value| value.len() >= SHORTEST)
            .fold(text.to_owned(), |text, value| text.replace(value, "‹secret›"))
    }
}

/// Notes every variable that a plan names as a secret, also those that nobody has opened yet.
pub(crate) fn note_variables_of(plan: &Plan) {
    for step in &plan.steps {
        for value in [&step.settings, &step.source, &step.target] {
            note_variables_in(value);
        }
        for check in &step.verify {
            note_variables_in(&check.settings);
        }
    }
    plan.parameters.values().for_each(note_variables_in);
}

fn note_variables_in(value: &Value) {
    match value {
        Value::String(text) => note_variable(text),
        Value::Array(list) => list.iter().for_each(note_variables_in),
        Value::Object(fields) => fields.values().for_each(note_variables_in),
        _ => {}
    }
}

/// Returns whether a text names a secret instead of being one.
pub(crate) fn is_reference(text: &str) -> bool {
    ["env:", "file:", "key-vault:"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_opened_is_not_in_what_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "hunter22\n").unwrap();
        let mut opened = Opened::default();
        let value = opened.value(&format!("file:{}", path.display())).unwrap();
        assert_eq!(value, "hunter22");
        assert_eq!(opened.hide("no hunter22 here"), "no ‹secret› here");
        assert_eq!(opened.value("plain").unwrap(), "plain");
        assert!(opened.value("env:LEEWARD_NO_SUCH_VARIABLE").is_err());
        // It is no name at all, and asking the system for it would end the process.
        assert!(opened.value("env:").is_err() && opened.value("env:A=B").is_err());
    }

    #[test]
    fn the_runs_own_credential_is_hidden_in_what_a_script_says_though_the_step_never_opened_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.pem");
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQ\n-----END PRIVATE KEY-----";
        std::fs::write(&path, pem).unwrap();
        read_secret(&format!("file:{}", path.display())).unwrap();
        let step = Opened::default();
        assert_eq!(step.hide(&format!("key: {pem}.")), "key: ‹secret›.");
        let line_by_line = step.hide("> MIIEvQIBADANBgkqhkiG9w0BAQ\n> EFAASCBKcwggSjAgEAAoIBAQ");
        assert_eq!(line_by_line, "> ‹secret›\n> ‹secret›");
    }
}
