//! How does a step use a secret? By its reference, at the moment of use, and never in what is told.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::credential::{CredentialError, read_secret};

/// The shortest secret that is looked for in a text: shorter ones are everywhere.
const SHORTEST: usize = 4;

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

    /// Returns a foreign text without any secret that was opened.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut longest_first: Vec<&str> = self.values.iter().map(ExposeSecret::expose_secret).collect();
        longest_first.sort_by_key(|value| std::cmp::Reverse(value.len()));
        longest_first
            .into_iter()
            .filter(|value| value.len() >= SHORTEST)
            .fold(text.to_owned(), |text, value| text.replace(value, "‹secret›"))
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
    }
}
