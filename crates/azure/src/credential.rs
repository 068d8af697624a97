//! Who are we to Azure? One credential, named in the settings; there is no chain that tries its luck.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use azure_core::credentials::{Secret, TokenCredential};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::arm::reply::cut;

/// How long before its end a token is replaced.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// What the simulator is shown in place of a token. It is no secret.
const SIMULATOR_TOKEN: &str = "leeward-simulator";

/// The kinds of credential, by the words of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The identity of the machine or service that we run on.
    ManagedIdentity,
    /// The identity of the Kubernetes pod that we run in.
    WorkloadIdentity,
    /// An application with a secret.
    ClientSecret,
    /// An application with a certificate.
    ClientCertificate,
    /// Whoever is signed in to `az`.
    AzureCli,
    /// A fixed text for a simulator on this machine.
    Simulator,
}

impl CredentialKind {
    /// Returns every kind, in the order of the documentation.
    pub const ALL: [CredentialKind; 6] = [
        CredentialKind::ManagedIdentity,
        CredentialKind::WorkloadIdentity,
        CredentialKind::ClientSecret,
        CredentialKind::ClientCertificate,
        CredentialKind::AzureCli,
        CredentialKind::Simulator,
    ];

    /// Returns the word of the settings.
    pub fn word(self) -> &'static str {
        match self {
            CredentialKind::ManagedIdentity => "managed-identity",
            CredentialKind::WorkloadIdentity => "workload-identity",
            CredentialKind::ClientSecret => "client-secret",
            CredentialKind::ClientCertificate => "client-certificate",
            CredentialKind::AzureCli => "azure-cli",
            CredentialKind::Simulator => "simulator",
        }
    }
}

impl FromStr for CredentialKind {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<CredentialKind, CredentialError> {
        CredentialKind::ALL
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| CredentialError::Unknown { name: cut(text) })
    }
}

/// What the settings say about the credential.
#[derive(Clone, Debug)]
pub struct CredentialSettings {
    /// Which kind.
    pub kind: CredentialKind,
    /// The tenant, where the kind needs one.
    pub tenant: Option<String>,
    /// The client id of the application or of a user-assigned identity.
    pub client: Option<String>,
    /// Where the secret is: `env:NAME` or `file:PATH`. Never the secret itself.
    pub secret: Option<String>,
}

impl CredentialSettings {
    /// Makes the settings of a kind that needs nothing else.
    pub fn of(kind: CredentialKind) -> CredentialSettings {
        CredentialSettings {
            kind,
            tenant: None,
            client: None,
            secret: None,
        }
    }
}

/// Why there is no token. Never holds one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No such kind.
    #[error(
        "`{name}` is not a credential: managed-identity, workload-identity, client-secret, client-certificate, azure-cli or simulator"
    )]
    Unknown {
        /// What was given.
        name: String,
    },
    /// The kind needs a setting that is missing.
    #[error("the credential `{kind}` needs `{setting}`")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// What it needs.
        setting: &'static str,
    },
    /// This build cannot do it.
    #[error(
        "the credential `{kind}` is not built in: it would need OpenSSL; use workload-identity, managed-identity or client-secret"
    )]
    NotBuilt {
        /// The kind.
        kind: &'static str,
    },
    /// The simulator's text is worth nothing elsewhere.
    #[error("the credential `simulator` is for an endpoint on this machine only")]
    NotLoopback,
    /// A secret's reference leads nowhere.
    #[error("the secret `{reference}` cannot be read: {reason}")]
    Secret {
        /// The reference.
        reference: String,
        /// Why.
        reason: String,
    },
    /// The identity platform gave no token.
    #[error("the credential `{kind}` gave no token: {reason}")]
    Refused {
        /// The kind.
        kind: &'static str,
        /// Why.
        reason: String,
    },
}

/// A credential and the token it gave last. Cheap to clone; built when it is first used.
#[derive(Clone)]
pub struct Credential {
    settings: CredentialSettings,
    state: Arc<tokio::sync::Mutex<State>>,
}

#[derive(Default)]
struct State {
    source: Option<Arc<dyn TokenCredential>>,
    given: bool,
    held: Option<Held>,
}

struct Held {
    scope: String,
    token: SecretString,
    until: Timestamp,
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Credential")
            .field(&self.settings.kind.word())
            .finish()
    }
}

impl Credential {
    /// Takes the settings and checks what can be checked without asking anybody.
    pub fn new(settings: CredentialSettings) -> Result<Credential, CredentialError> {
        let kind = settings.kind.word();
        let missing = |setting| Err(CredentialError::Missing { kind, setting });
        match settings.kind {
            CredentialKind::ClientCertificate => return Err(CredentialError::NotBuilt { kind }),
            CredentialKind::ClientSecret if settings.tenant.is_none() => return missing("tenant"),
            CredentialKind::ClientSecret if settings.client.is_none() => return missing("client"),
            CredentialKind::ClientSecret if settings.secret.is_none() => return missing("secret"),
            _ => {}
        }
        Ok(Credential {
            settings,
            state: Arc::default(),
        })
    }

    /// Returns the simulator's placeholder.
    pub fn simulator() -> Credential {
        Credential {
            settings: CredentialSettings::of(CredentialKind::Simulator),
            state: Arc::default(),
        }
    }

    /// Takes a credential that somebody else made, for tests and other identities.
    pub fn from_source(kind: CredentialKind, source: Arc<dyn TokenCredential>) -> Credential {
        Credential {
            settings: CredentialSettings::of(kind),
            state: Arc::new(tokio::sync::Mutex::new(State {
                source: Some(source),
                given: true,
                held: None,
            })),
        }
    }

    /// Returns which kind it is.
    pub fn kind(&self) -> CredentialKind {
        self.settings.kind
    }

    /// Returns a token for a scope, a held one while it is good.
    pub(crate) async fn token(&self, scope: &str, now: Timestamp) -> Result<SecretString, CredentialError> {
        if self.settings.kind == CredentialKind::Simulator {
            return Ok(SecretString::from(SIMULATOR_TOKEN));
        }
        let mut state = self.state.lock().await;
        if let Some(held) = &state.held
            && held.scope == scope
            && held.until.duration_since(now) > MARGIN
        {
            return Ok(held.token.clone());
        }
        let source = match &state.source {
            Some(source) => source.clone(),
            None => {
                let source = self.build()?;
                state.source = Some(source.clone());
                source
            }
        };
        let answer = source
            .get_token(&[scope], None)
            .await
            .map_err(|error| self.refused(&error))?;
        let token = SecretString::from(answer.token.secret().to_owned());
        state.held = Some(Held {
            scope: scope.to_owned(),
            token: token.clone(),
            until: Timestamp::from_second(answer.expires_on.unix_timestamp()).unwrap_or(now),
        });
        Ok(token)
    }

    /// Forgets a token that Azure no longer takes, and the source that may hold the same one.
    pub(crate) async fn forget(&self, token: &SecretString) {
        let mut state = self.state.lock().await;
        let same = |held: &Held| held.token.expose_secret() == token.expose_secret();
        if state.held.as_ref().is_some_and(same) {
            state.held = None;
            // The vendor's credential keeps a cache of its own that cannot be emptied.
            if !state.given {
                state.source = None;
            }
        }
    }

    fn build(&self) -> Result<Arc<dyn TokenCredential>, CredentialError> {
        let settings = &self.settings;
        let kind = settings.kind.word();
        let built: azure_core::Result<Arc<dyn TokenCredential>> = match settings.kind {
            CredentialKind::ManagedIdentity => {
                let options = azure_identity::ManagedIdentityCredentialOptions {
                    user_assigned_id: settings
                        .client
                        .clone()
                        .map(azure_identity::UserAssignedId::ClientId),
                    ..Default::default()
                };
                azure_identity::ManagedIdentityCredential::new(Some(options)).map(|made| made as _)
            }
            CredentialKind::WorkloadIdentity => {
                let options = azure_identity::WorkloadIdentityCredentialOptions {
                    client_id: settings.client.clone(),
                    tenant_id: settings.tenant.clone(),
                    ..Default::default()
                };
                azure_identity::WorkloadIdentityCredential::new(Some(options)).map(|made| made as _)
            }
            CredentialKind::ClientSecret => {
                let secret = read_secret(settings.secret.as_deref().unwrap_or_default())?;
                azure_identity::ClientSecretCredential::new(
                    settings.tenant.as_deref().unwrap_or_default(),
                    settings.client.clone().unwrap_or_default(),
                    Secret::new(secret.expose_secret().to_owned()),
                    None,
                )
                .map(|made| made as _)
            }
            CredentialKind::AzureCli => {
                let options = azure_identity::AzureCliCredentialOptions {
                    tenant_id: settings.tenant.clone(),
                    ..Default::default()
                };
                azure_identity::AzureCliCredential::new(Some(options)).map(|made| made as _)
            }
            CredentialKind::ClientCertificate => return Err(CredentialError::NotBuilt { kind }),
            CredentialKind::Simulator => return Err(CredentialError::NotLoopback),
        };
        built.map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &azure_core::Error) -> CredentialError {
        CredentialError::Refused {
            kind: self.settings.kind.word(),
            reason: cut(&error.to_string()),
        }
    }
}

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
        Some(("file", path)) => match std::fs::read_to_string(PathBuf::from(path)) {
            Ok(text) if !text.trim().is_empty() => {
                Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
            }
            Ok(_) => Err(failed("the file is empty".to_owned())),
            Err(error) => Err(failed(error.to_string())),
        },
        _ => Err(failed("a secret is written `env:NAME` or `file:PATH`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_named_and_never_guessed() {
        for kind in CredentialKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        assert!(matches!(
            "default".parse::<CredentialKind>(),
            Err(CredentialError::Unknown { .. })
        ));
        let settings = CredentialSettings::of(CredentialKind::ClientSecret);
        assert!(matches!(
            Credential::new(settings),
            Err(CredentialError::Missing {
                setting: "tenant",
                ..
            })
        ));
        let settings = CredentialSettings::of(CredentialKind::ClientCertificate);
        let error = Credential::new(settings).unwrap_err().to_string();
        assert!(error.contains("not built in"), "{error}");
    }

    #[test]
    fn a_secret_that_was_written_in_place_of_its_reference_is_not_shown() {
        for reference in ["hunter2", "key:hunter2"] {
            let error = read_secret(reference).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "word\n").unwrap();
        let secret = read_secret(&format!("file:{}", path.display())).unwrap();
        assert_eq!(secret.expose_secret(), "word");
        assert!(!format!("{secret:?}").contains("word"));
    }
}
