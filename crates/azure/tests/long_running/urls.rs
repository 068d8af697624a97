//! Where is an operation asked after, and where is its result?

use leeward_azure::arm::Method;
use serde_json::{Value, json};

use crate::script::{Fact, LOCATION, Outcome, SOON, STATUS, fact, line, status};

pub(crate) fn where_to_ask() -> Vec<Fact> {
    let mut facts = Vec::new();
    for code in ["200 OK", "201 Created", "202 Accepted", "204 No Content"] {
        facts.push(fact(
            "a status URL comes first, with whatever success",
            Method::Post,
            Some("azure-async-operation"),
            vec![
                line("/n", code, &[STATUS, LOCATION], Value::Null),
                status("Succeeded"),
            ],
            |seen| seen.succeeded() && seen.path(1).ends_with("/operations/1"),
        ));
    }
    facts.push(fact(
        "a 200 with a status URL goes on, whatever its body says",
        Method::Put,
        None,
        vec![
            line(
                "/n",
                "200 OK",
                &[STATUS],
                json!({"properties": {"provisioningState": "Updating"}}),
            ),
            status("Succeeded"),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})),
    ));
    facts.push(fact(
        "a Location alone: 202 is running, another success is done",
        Method::Post,
        None,
        vec![
            line("/n", "202 Accepted", &[LOCATION], Value::Null),
            line("/results/1", "202 Accepted", &[SOON], Value::Null),
            line("/results/1", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})) && seen.words == ["InProgress"],
    ));
    facts.push(fact(
        "a Location may end with 204",
        Method::Post,
        None,
        vec![
            line("/n", "202 Accepted", &[LOCATION], Value::Null),
            line("/results/1", "204 No Content", &[], Value::Null),
        ],
        Outcome::succeeded,
    ));
    facts.push(fact(
        "a Location may begin with its path",
        Method::Post,
        None,
        vec![
            line(
                "/n",
                "202 Accepted",
                &[("Location", "/subscriptions/s/results/1?t=1")],
                Value::Null,
            ),
            line("/results/1", "204 No Content", &[], Value::Null),
        ],
        Outcome::succeeded,
    ));
    facts.push(fact(
        "a Location alone is polled beside a 201, too",
        Method::Put,
        None,
        vec![
            line("/n", "201 Created", &[LOCATION], json!({"name": "n"})),
            line("/results/1", "200 OK", &[], Value::Null),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})),
    ));
    facts.push(fact(
        "a PUT without a URL is polled by its resource, which may be missing until it is made",
        Method::Put,
        None,
        vec![
            line(
                "/n",
                "201 Created",
                &[],
                json!({"properties": {"provisioningState": "Creating"}}),
            ),
            line("/n", "404 Not Found", &[], Value::Null),
            line(
                "/n",
                "200 OK",
                &[],
                json!({"properties": {"provisioningState": "Creating"}}),
            ),
            line(
                "/n",
                "200 OK",
                &[],
                json!({"properties": {"provisioningState": "Succeeded"}}),
            ),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})) && seen.unreadable == 1,
    ));
    facts.push(fact(
        "a resource without a provisioning state has succeeded",
        Method::Put,
        None,
        vec![line("/n", "200 OK", &[], json!({"properties": {}}))],
        Outcome::finished,
    ));
    facts.push(fact(
        "a POST without a URL is done",
        Method::Post,
        None,
        vec![line(
            "/n",
            "200 OK",
            &[],
            json!({"properties": {"provisioningState": "Updating"}}),
        )],
        Outcome::finished,
    ));
    facts.push(fact(
        "a DELETE of what is not there is done",
        Method::Delete,
        None,
        vec![line("/n", "204 No Content", &[], Value::Null)],
        Outcome::finished,
    ));
    facts
}

pub(crate) fn results() -> Vec<Fact> {
    let both = || line("/n", "202 Accepted", &[STATUS, LOCATION], Value::Null);
    let in_the_resource = || {
        vec![
            both(),
            status("Succeeded"),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ]
    };
    vec![
        fact(
            "final-state-via location: the Location is read at the end",
            Method::Post,
            Some("location"),
            vec![
                both(),
                status("Succeeded"),
                line("/results/1", "200 OK", &[], json!({"name": "fog"})),
            ],
            |seen| seen.succeeded_with(&json!({"name": "fog"})),
        ),
        fact(
            "a POST with a Location has its result there, said or not",
            Method::Post,
            None,
            vec![
                both(),
                status("Succeeded"),
                line("/results/1", "204 No Content", &[], Value::Null),
            ],
            |seen| seen.succeeded() && seen.asked.len() == 3,
        ),
        fact(
            "final-state-via azure-async-operation on a POST: nothing more is read",
            Method::Post,
            Some("azure-async-operation"),
            vec![both(), status("Succeeded")],
            |seen| seen.succeeded() && seen.asked.len() == 2,
        ),
        fact(
            "a PUT has its result in the resource",
            Method::Put,
            Some("azure-async-operation"),
            in_the_resource(),
            |seen| seen.succeeded_with(&json!({"name": "n"})),
        ),
        fact(
            "final-state-via original-uri: the resource",
            Method::Patch,
            Some("original-uri"),
            in_the_resource(),
            |seen| seen.succeeded_with(&json!({"name": "n"})),
        ),
        fact(
            "a result that cannot be read makes no failure of a success",
            Method::Post,
            Some("location"),
            vec![
                both(),
                status("Succeeded"),
                line("/results/1", "404 Not Found", &[], Value::Null),
            ],
            |seen| seen.succeeded() && seen.warnings().len() == 1,
        ),
    ]
}
