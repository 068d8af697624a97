//! Where is a secret? It is named by reference, and read when it is used.

use std::path::PathBuf;

use secrecy::SecretString;

use super::CredentialError;
use crate::arm::reply::cut;

/// Reads a secret by its reference.
pub fn read_secret(reference: &str) -> Result<SecretString, CredentialError> {
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
    use secrecy::ExposeSecret;

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
        std::fs::write(&path, "word\n").unwrap();
        let secret = read_secret(&reference).unwrap();
        assert_eq!(secret.expose_secret(), "word");
        assert!(!format!("{secret:?}").contains("word"));
        std::fs::write(&path, [0x30, 0x82, 0xff, 0xfe]).unwrap();
        let error = read_secret(&reference).unwrap_err().to_string();
        assert!(error.contains("PEM"), "{error}");
    }
}
