"""How does a judge make one of the vendor's management clients?"""

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

import judge


def credential(secret=None):
    """Signs in at the pretend authority."""
    return ClientSecretCredential(
        judge.TENANT,
        judge.CLIENT,
        secret or judge.SECRET,
        authority=judge.BASE,
        disable_instance_discovery=True,
        connection_verify=judge.AUTHORITY_FILE,
    )


def client(kind, pinned, **more):
    """Makes a client, with the api-version that is asked for."""
    if judge.VERSIONS == "pinned":
        more["api_version"] = pinned
    return kind(
        credential(),
        judge.SUBSCRIPTION,
        base_url=judge.BASE,
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=judge.AUTHORITY_FILE,
        **more,
    )


def ended(poller, by="15m"):
    """Lets the operation's time pass in the simulated world, and returns what the poller returns."""
    judge.later(by)
    return poller.result()


def refusal(call):
    """Returns status and code of the error that a call ends with."""
    try:
        call()
    except HttpResponseError as error:
        return error.status_code, error.error.code if error.error else None
    return None
