"""What do the judges have in common?

A judge is one of the vendor's own clients that does a few things to a simulated Azure and says, line by line as JSON,
what it saw and whether that is what it would see from Azure. Nothing here knows Leeward; nothing here goes anywhere but
to the address it is given.
"""

import json
import os
import ssl
import sys
import traceback
import urllib.request

BASE = os.environ["JUDGE_ENDPOINT"]
AUTHORITY_FILE = os.environ["JUDGE_CA"]
TENANT = os.environ["JUDGE_TENANT"]
CLIENT = os.environ["JUDGE_CLIENT"]
SECRET = os.environ["JUDGE_SECRET"]
SUBSCRIPTION = os.environ["JUDGE_SUBSCRIPTION"]
# "pinned": the api-versions of our specifications; "newest": each client's own default.
VERSIONS = os.environ.get("JUDGE_VERSIONS", "newest")

verdicts = []


def holds(what, true, seen=None):
    """Says whether something holds; what was seen stands beside it."""
    verdict = {"what": what, "holds": bool(true), "versions": VERSIONS}
    if not true:
        verdict["seen"] = repr(seen)[:2000]
    verdicts.append(verdict)
    print(json.dumps(verdict), flush=True)
    return bool(true)


def same(what, seen, wanted):
    """Says whether what was seen is what is wanted."""
    return holds(what, seen == wanted, {"seen": seen, "wanted": wanted})


def judged(*parts):
    """Runs the parts of a judge; one that breaks off is a verdict too."""
    for part in parts:
        try:
            part()
        except Exception as error:  # noqa: BLE001 - whatever a client throws is a verdict
            traceback.print_exc()
            holds(f"{part.__name__} runs to its end", False, error)
    sys.exit(0 if verdicts and all(verdict["holds"] for verdict in verdicts) else 1)


def control(method, what, body=None):
    """Asks the control side of the simulator."""
    request = urllib.request.Request(
        f"{BASE}/_simulator/{what}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    context = ssl.create_default_context(cafile=AUTHORITY_FILE)
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        return json.load(answer)


def later(by):
    """Turns the clock of the simulated world on."""
    control("POST", "advance", {"by": by})


def befalls(verdict, **match):
    """Puts a fault in the way; `times` says how often."""
    times = match.pop("times", 1)
    control("POST", "faults", [{"match": match, "times": times, "verdict": verdict}])


def changes(word):
    """Returns how many changing requests went to a path with this word, and how many of them were taken on."""
    asked = [
        one
        for one in control("GET", "requests")
        if one["changing"] and one["path"].lower().endswith(word.lower())
    ]
    return len(asked), sum(1 for one in asked if one["accepted"])
