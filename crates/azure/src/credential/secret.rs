//! Where is a secret? It is named by reference, and read when it is used.
//!
//! Whatever this process has read is remembered, so that it can be taken out of a foreign text; and which variables
//! hold secrets, so that no program that is started here inherits them unasked.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use secrecy::{ExposeSecret, SecretString};

use super::CredentialError;
use crate::arm::reply::cut;

/// What this process has opened so far.
#[derive(Default)]
struct Register {
    values: Vec<SecretString>,
    variables: BTreeSet<String>,
}

static REGISTER: Mutex<Register> = Mutex::new(Register {
    values: Vec::new(),
    variables: BTreeSet::new(),
});

fn with_register<T>(look: impl FnOnce(&mut Register) -> T) -> T {
    look(&mut REGISTER.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Returns every secret that was read in this process, whoever asked for it.
pub(crate) fn opened_so_far() -> Vec<SecretString> {
    with_register(|register| register.values.clone())
}

/// Notes that a variable holds a secret, where a reference says so.
pub(crate) fn note_variable(reference: &str) {
    if let Some(name) = reference.strip_prefix("env:").filter(|name| is_variable(name)) {
        with_register(|register| register.variables.insert(name.to_owned()));
    }
}

/// Returns the variables that are known to hold secrets.
pub(crate) fn secret_variables() -> Vec<String> {
    with_register(|register| register.variables.iter().cloned().collect())
}

/// Returns whether a text can be the name of a variable at all; others make the system's own functions panic.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// Reads a secret by its reference.
pub fn read_secret(reference: &str) -> Result<SecretString, CredentialError> {
    note_variable(reference);
    let secret = read(reference)?;
    with_register(|register| {
        let known = register
            .values
            .iter()
            .any(|value| value.expose_secret() == secret.expose_secret());
        if !known {
            register.values.push(secret.clone());
        }
    });
    Ok(secret)
}

fn read(reference: &str) -> Result<SecretString, CredentialError> {
    let failed = |reason: String| CredentialError::Secret {
        // Whoever wrote the secret itself here must not find it in a log.
        reference: reference.split_once(':').map_or_else(
            || "…".to_owned(),
            |(scheme, rest)| match scheme {
                "env" | "file" => format!("{scheme}:{}", cut(rest)),
                _ => format!("{}:…", cut(scheme)),
            },
        ),
        reason,
    };
    match reference.split_once(':') {
        Some(("env", name)) if !is_variable(name) => {
            Err(failed("the environment has no such variable".to_owned()))
        }
        Some(("env", name)) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(SecretString::from(value)),
            _ => Err(failed("the environment has no such variable".to_owned())),
        },
        Some(("file", path)) => match std::fs::read(PathBuf::from(path)).map(String::from_utf8) {
            Ok(Ok(text)) if !text.trim().is_empty() => {
                Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
            }
            Ok(Ok(_)) => Err(failed("the file is empty".to_owned())),
            Ok(Err(_)) => Err(failed(
                "it is no text; a certificate in a `.pfx` has to be turned into PEM: `openssl pkcs12 -in FILE -nodes`"
                    .to_owned(),
            )),
            Err(error) => Err(failed(error.to_string())),
        },
        _ => Err(failed("a secret is written `env:NAME` or `file:PATH`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_written_in_place_of_its_reference_is_not_shown() {
        for reference in ["hunter2", "key:hunter2"] {
            let error = read_secret(reference).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let reference = format!("file:{}", path.display());
        std::fs::write(&path, "correct-horse\n").unwrap();
        let secret = read_secret(&reference).unwrap();
        assert_eq!(secret.expose_secret(), "correct-horse");
        assert!(!format!("{secret:?}").contains("correct-horse"));
        std::fs::write(&path, [0x30, 0x82, 0xff, 0xfe]).unwrap();
        let error = read_secret(&reference).unwrap_err().to_string();
        assert!(error.contains("PEM"), "{error}");
    }
}
