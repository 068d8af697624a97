"""Does the vendor's identity library take the pretend authority for a true one?"""

import ssl
import time

from azure.core.exceptions import ClientAuthenticationError
from azure.mgmt.sql import SqlManagementClient

import judge
import sdk


def a_secret_earns_a_token():
    token = sdk.credential().get_token("https://management.azure.com/.default")
    judge.same("the token looks like a JWT", token.token.count("."), 2)
    left = token.expires_on - time.time()
    judge.holds("it lasts for about an hour of the caller's", 3400 < left < 3700, left)


def a_wrong_secret_earns_none():
    try:
        sdk.credential("wrong").get_token("https://management.azure.com/.default")
        judge.holds("a wrong secret is refused", False)
    except ClientAuthenticationError as error:
        judge.holds("a wrong secret is refused as Entra does", "AADSTS7000215" in str(error), error)


def a_scope_must_be_whole():
    try:
        sdk.credential().get_token("https://management.azure.com/user_impersonation")
        judge.holds("a single permission is refused", False)
    except ClientAuthenticationError as error:
        judge.holds("a single permission is refused as Entra does", "AADSTS1002012" in str(error), error)


def arm_takes_no_token_but_the_authoritys():
    class Made:
        def get_token(self, *scopes, **more):
            from azure.core.credentials import AccessToken

            return AccessToken("made.up.here", int(time.time()) + 3600)

    client = SqlManagementClient(
        Made(),
        judge.SUBSCRIPTION,
        base_url=judge.BASE,
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=judge.AUTHORITY_FILE,
    )
    judge.same(
        "a token that nobody gave out is refused",
        sdk.refusal(lambda: client.managed_instances.get("rg-data-weu", "mi-fog-platform-primary")),
        (401, "InvalidAuthenticationToken"),
    )


def nobody_is_trusted_by_chance():
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(judge.BASE, context=ssl.create_default_context(), timeout=10)
        judge.holds("the certificate is refused without its own authority", False)
    except urllib.error.URLError as error:
        judge.holds(
            "the certificate is refused without its own authority",
            isinstance(error.reason, ssl.SSLCertVerificationError),
            error,
        )


judge.judged(
    a_secret_earns_a_token,
    a_wrong_secret_earns_none,
    a_scope_must_be_whole,
    arm_takes_no_token_but_the_authoritys,
    nobody_is_trusted_by_chance,
)
