//! Who are we to Azure? One credential, named in the settings; there is no chain that tries its luck.

//!
//! # What is refused
//! Whatever can be found out without asking anybody is found out by [`Credential::new`]: a missing setting, a secret
//! whose reference leads nowhere, a certificate without a key. The rest by the first token.

mod certificate;
mod secret;
mod source;
mod token;

use std::{fmt, str::FromStr, sync::Arc};

use azure_core::credentials::TokenCredential;

use crate::{
    arm::{NetworkSettings, reply::cut},
    cloud::Authority,
};

pub use secret::read_secret;
pub(crate) use secret::{note_variable, opened_so_far, secret_variables};
use token::Tokens;

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
    /// Where the secret is: `env:NAME` or `file:PATH`. Never the secret itself. For a certificate: PEM, with its key.
    pub secret: Option<String>,
    /// Where tokens come from; that of the environment or of the public cloud where nothing is said.
    pub authority: Option<Authority>,
    /// What stands between us and the authority.
    pub network: NetworkSettings,
}

impl CredentialSettings {
    /// Makes the settings of a kind that needs nothing else.
    pub fn of(kind: CredentialKind) -> CredentialSettings {
        CredentialSettings {
            kind,
            tenant: None,
            client: None,
            secret: None,
            authority: None,
            network: NetworkSettings::direct(),
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
    /// The kind cannot act in another tenant than its own.
    #[error(
        "the credential `{kind}` knows one tenant only, and `{tenant}` is asked for; use client-secret, client-certificate, workload-identity or azure-cli"
    )]
    OneTenant {
        /// The kind.
        kind: &'static str,
        /// The tenant of the step.
        tenant: String,
    },
    /// The certificate cannot be used.
    #[error("the certificate cannot be used: {reason}")]
    Certificate {
        /// Why.
        reason: String,
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

/// A credential and the tokens it gave last. Cheap to clone.
#[derive(Clone)]
pub struct Credential {
    settings: Arc<CredentialSettings>,
    tokens: Arc<Tokens>,
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
        if matches!(
            settings.kind,
            CredentialKind::ClientSecret | CredentialKind::ClientCertificate
        ) {
            match &settings {
                CredentialSettings { tenant: None, .. } => return missing("tenant"),
                CredentialSettings { client: None, .. } => return missing("client"),
                CredentialSettings { secret: None, .. } => return missing("secret"),
                _ => {}
            }
        }
        if settings.kind == CredentialKind::Simulator {
            return Ok(Credential::simulator());
        }
        let source = source::build(&settings)?;
        Ok(Credential {
            tokens: Arc::new(Tokens::of(source, true)),
            settings: Arc::new(settings),
        })
    }

    /// Returns the simulator's placeholder.
    pub fn simulator() -> Credential {
        Credential {
            settings: Arc::new(CredentialSettings::of(CredentialKind::Simulator)),
            tokens: Arc::new(Tokens::simulated()),
        }
    }

    /// Takes a credential that somebody else made, for tests and other identities.
    pub fn from_source(kind: CredentialKind, source: Arc<dyn TokenCredential>) -> Credential {
        Credential {
            settings: Arc::new(CredentialSettings::of(kind)),
            tokens: Arc::new(Tokens::of(source, false)),
        }
    }

    /// Takes one token that does not end, such as a test's.
    pub fn from_token(kind: CredentialKind, token: &str) -> Credential {
        Credential {
            settings: Arc::new(CredentialSettings::of(kind)),
            tokens: Arc::new(Tokens::fixed(token)),
        }
    }

    /// Returns which kind it is.
    pub fn kind(&self) -> CredentialKind {
        self.settings.kind
    }

    /// Returns the same credential in another tenant.
    pub fn in_tenant(&self, tenant: &str) -> Result<Credential, CredentialError> {
        let settings = &self.settings;
        let same = settings
            .tenant
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(tenant));
        // A simulator knows no tenants, and somebody else's source is whatever it is.
        if same || settings.kind == CredentialKind::Simulator || !self.tokens.own {
            return Ok(self.clone());
        }
        if settings.kind == CredentialKind::ManagedIdentity {
            return Err(CredentialError::OneTenant {
                kind: settings.kind.word(),
                tenant: cut(tenant),
            });
        }
        Credential::new(CredentialSettings {
            tenant: Some(tenant.to_owned()),
            ..(**settings).clone()
        })
    }
}

#[cfg(test)]
mod tests;
