//! What gives the tokens? The vendor's credentials, over our own network and at the configured authority.
//!
//! # What is taken of `azure_identity` 1.0, and what is not
//! Managed identity, workload identity, client secret and Azure CLI are its own. Its certificate credential needs
//! OpenSSL, which stays out; the assertion is signed here ([`super::certificate`]) and goes through its credential for
//! assertions. Its retries are off where they can be: a read of ours is tried again by ourselves, and a change that
//! has no token is not sent.

use std::{path::PathBuf, sync::Arc};

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use secrecy::ExposeSecret;

use super::{CredentialError, CredentialKind, CredentialSettings, certificate::Assertion, read_secret};
use crate::{
    arm::{reply::cut, transport::Network},
    cloud::{Authority, CloudName},
};

type Built = azure_core::Result<Arc<dyn TokenCredential>>;

/// Makes what gives the tokens; asks nobody.
pub(super) fn build(settings: &CredentialSettings) -> Result<Arc<dyn TokenCredential>, CredentialError> {
    let (tenant, client) = (settings.tenant.clone(), settings.client.clone());
    let needed = |value: &Option<String>| value.clone().unwrap_or_default();
    let built: Built = match settings.kind {
        CredentialKind::ManagedIdentity => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client.map(UserAssignedId::ClientId),
                client_options: options(settings),
            };
            ManagedIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        CredentialKind::WorkloadIdentity => {
            let options = WorkloadIdentityCredentialOptions {
                client_id: client,
                tenant_id: tenant,
                // The secret of a pod is the file with its own token; the environment names it where nobody else does.
                token_file_path: settings
                    .secret
                    .as_deref()
                    .and_then(|reference| reference.strip_prefix("file:"))
                    .map(PathBuf::from),
                credential_options: ClientAssertionCredentialOptions {
                    client_options: options(settings),
                },
            };
            WorkloadIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        CredentialKind::ClientSecret => {
            let secret = read_secret(&needed(&settings.secret))?;
            let secret = Secret::new(secret.expose_secret().to_owned());
            let options = ClientSecretCredentialOptions {
                client_options: options(settings),
            };
            ClientSecretCredential::new(&needed(&tenant), needed(&client), secret, Some(options))
                .map(|made| made as _)
        }
        CredentialKind::ClientCertificate => {
            let pem = read_secret(&needed(&settings.secret))?;
            let audience = authority(settings)?.token_url(&needed(&tenant));
            let assertion = Assertion::new(&pem, &needed(&client), audience)
                .map_err(|reason| CredentialError::Certificate { reason })?;
            let options = ClientAssertionCredentialOptions {
                client_options: options(settings),
            };
            ClientAssertionCredential::new(needed(&tenant), needed(&client), assertion, Some(options))
                .map(|made| made as _)
        }
        CredentialKind::AzureCli => {
            let options = AzureCliCredentialOptions {
                tenant_id: tenant,
                ..Default::default()
            };
            AzureCliCredential::new(Some(options)).map(|made| made as _)
        }
        CredentialKind::Simulator => return Err(CredentialError::NotLoopback),
    };
    built.map_err(|error| refused(settings.kind, &error))
}

/// Returns the vendor's refusal as ours, in one line.
pub(super) fn refused(kind: CredentialKind, error: &azure_core::Error) -> CredentialError {
    let text = error.to_string();
    // The vendor ends with a link of its own.
    let text = text.split("\nTo troubleshoot").next().unwrap_or_default();
    CredentialError::Refused {
        kind: kind.word(),
        reason: cut(text),
    }
}

fn options(settings: &CredentialSettings) -> ClientOptions {
    let cloud = settings.authority.as_ref().map(|authority| {
        let mut custom = CustomConfiguration::default();
        custom.authority_host = authority.url().to_string();
        Arc::new(CloudConfiguration::Custom(custom))
    });
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(Transport::new(Arc::new(Network::new(settings.network.clone())))),
        cloud,
        ..ClientOptions::default()
    }
}

/// Returns where the token will be asked for: the settings' word, else the environment's, as the vendor does it.
fn authority(settings: &CredentialSettings) -> Result<Authority, CredentialError> {
    if let Some(authority) = &settings.authority {
        return Ok(authority.clone());
    }
    let usual = CloudName::Public.authority().unwrap_or_default().to_owned();
    let text = std::env::var("AZURE_AUTHORITY_HOST").unwrap_or(usual);
    Authority::parse(&text).map_err(|error| CredentialError::Refused {
        kind: settings.kind.word(),
        reason: format!("AZURE_AUTHORITY_HOST: {error}"),
    })
}
