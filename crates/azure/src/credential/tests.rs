use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenRequestOptions};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::*;

/// Gives tokens that are good for so many seconds from the epoch, one after the other; `None` is a refusal.
#[derive(Debug)]
struct Scripted {
    answers: Mutex<VecDeque<Option<(&'static str, u64)>>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn of(answers: &[Option<(&'static str, u64)>]) -> Arc<Scripted> {
        Arc::new(Scripted {
            answers: Mutex::new(answers.iter().copied().collect()),
            asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl TokenCredential for Scripted {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(Some((token, until))) => {
                let until = time::OffsetDateTime::UNIX_EPOCH + Duration::from_secs(until);
                Ok(AccessToken::new(token, until))
            }
            Some(None) => Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Credential,
                "AADSTS90033: a service is not there for the moment",
            )),
            None => std::future::pending().await,
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

async fn token(credential: &Credential, seconds: i64) -> Result<String, CredentialError> {
    let token = credential.token("scope", at(seconds)).await?;
    Ok(token.expose_secret().to_owned())
}

#[test]
fn a_credential_is_named_and_never_guessed() {
    for kind in CredentialKind::ALL {
        assert_eq!(kind.word().parse(), Ok(kind));
    }
    assert!(matches!(
        "default".parse::<CredentialKind>(),
        Err(CredentialError::Unknown { .. })
    ));
}

#[test]
fn what_a_credential_needs_is_asked_for_before_anything_is_begun() {
    for kind in [CredentialKind::ClientSecret, CredentialKind::ClientCertificate] {
        let mut settings = CredentialSettings::of(kind);
        for (setting, fill) in [
            (
                "tenant",
                (|all| all.tenant = Some("t".to_owned())) as fn(&mut CredentialSettings),
            ),
            ("client", |all| all.client = Some("c".to_owned())),
            ("secret", |all| {
                all.secret = Some("env:LEEWARD_NO_SUCH_SECRET".to_owned())
            }),
        ] {
            let error = Credential::new(settings.clone()).unwrap_err();
            assert_eq!(
                error,
                CredentialError::Missing {
                    kind: kind.word(),
                    setting
                }
            );
            fill(&mut settings);
        }
        let error = Credential::new(settings).unwrap_err();
        assert!(
            error.to_string().contains("env:LEEWARD_NO_SUCH_SECRET"),
            "{error}"
        );
    }
}

#[test]
fn a_certificate_without_a_usable_key_is_refused_and_nothing_of_it_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.pem");
    let certified = rcgen::generate_simple_self_signed(vec!["app.test".to_owned()]).unwrap();
    let (certificate, elliptic) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    for (text, reason) in [
        ("nothing", "no certificate"),
        (certificate.as_str(), "no private key"),
        (&format!("{certificate}{elliptic}"), "not an RSA key"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Credential::new(CredentialSettings {
            tenant: Some("t".to_owned()),
            client: Some("c".to_owned()),
            secret: Some(format!("file:{}", path.display())),
            ..CredentialSettings::of(CredentialKind::ClientCertificate)
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains(&elliptic[60..90]), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_before_its_end_and_not_sooner() {
    let source = Scripted::of(&[Some(("first", 3600)), Some(("second", 7200))]);
    let credential = Credential::from_source(CredentialKind::AzureCli, source.clone());
    assert_eq!(token(&credential, 0).await.unwrap(), "first");
    assert_eq!(token(&credential, 3299).await.unwrap(), "first");
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    assert_eq!(token(&credential, 3300).await.unwrap(), "second");
    assert_eq!(token(&credential, 3600).await.unwrap(), "second");
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_with_a_good_token_while_the_authority_refuses_or_is_silent() {
    let source = Scripted::of(&[Some(("first", 3600)), None]);
    let credential = Credential::from_source(CredentialKind::AzureCli, source.clone());
    assert_eq!(token(&credential, 0).await.unwrap(), "first");
    assert_eq!(token(&credential, 3400).await.unwrap(), "first");
    // Not asked again at once.
    assert_eq!(token(&credential, 3410).await.unwrap(), "first");
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    // Silent from here on: ten seconds, then the old one.
    let start = tokio::time::Instant::now();
    assert_eq!(token(&credential, 3500).await.unwrap(), "first");
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    // Nearly over: no longer used, and the error says so.
    let error = token(&credential, 3580).await.unwrap_err();
    assert!(error.to_string().contains("no answer within 30 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_azure_refused_is_asked_for_anew_once() {
    let source = Scripted::of(&[Some(("first", 3600)), Some(("second", 3600)), None]);
    let credential = Credential::from_source(CredentialKind::AzureCli, source.clone());
    let first = credential.token("scope", at(0)).await.unwrap();
    credential.forget(&first).await;
    assert_eq!(token(&credential, 0).await.unwrap(), "second");
    // Whoever comes late with the old one takes nothing away.
    credential.forget(&first).await;
    assert_eq!(token(&credential, 0).await.unwrap(), "second");
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_machines_own_identity_is_not_taken_into_another_tenant() {
    let credential = Credential::new(CredentialSettings::of(CredentialKind::ManagedIdentity)).unwrap();
    let error = credential.in_tenant("t-2").unwrap_err();
    assert!(matches!(error, CredentialError::OneTenant { .. }), "{error}");
    let credential = Credential::new(CredentialSettings::of(CredentialKind::AzureCli)).unwrap();
    assert!(credential.in_tenant("t-2").is_ok());
    assert!(Credential::simulator().in_tenant("t-2").is_ok());
}
