//! Does the front door let in whom ARM lets in, and answer as ARM does?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use support::*;

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_without_a_token() {
    let azure = platform_with(1, "tokens: [secret]");
    let path = format!(
        "https://management.azure.com{}?api-version={SQL}",
        instance_group("weu")
    );
    let bare = http::Request::get(&path).body(Bytes::new()).unwrap();
    let told = send(&azure, bare).await.unwrap();
    assert_eq!((told.status, told.code()), (401, "AuthenticationFailed"));
    assert!(
        told.header("www-authenticate")
            .unwrap()
            .starts_with("Bearer authorization_uri=")
    );
    let told = send(&azure, request("GET", &path, None)).await.unwrap();
    assert_eq!((told.status, told.code()), (401, "InvalidAuthenticationToken"));
}

#[tokio::test(start_paused = true)]
async fn an_api_version_is_needed_and_must_be_known() {
    let azure = platform(1);
    let told = send(&azure, request("GET", &instance_group("weu"), None))
        .await
        .unwrap();
    assert_eq!((told.status, told.code()), (400, "MissingApiVersionParameter"));
    let told = get(&azure, &instance_group("weu"), "1999-01-01").await;
    assert_eq!((told.status, told.code()), (404, "InvalidResourceType"));
    let told = get(&azure, &instance_group("weu"), "latest").await;
    assert_eq!((told.status, told.code()), (400, "InvalidApiVersionParameter"));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_named_by_its_kind() {
    let azure = platform(1);
    let code = |path: String| {
        let azure = azure.clone();
        async move { get(&azure, &path, SQL).await.code().to_owned() }
    };
    let good = instance_group("weu");
    assert_eq!(
        code(good.replace(SUBSCRIPTION, "99999999-0000-0000-0000-000000000000")).await,
        "SubscriptionNotFound"
    );
    assert_eq!(
        code(good.replace("rg-platform-weu", "rg-none")).await,
        "ResourceGroupNotFound"
    );
    assert_eq!(
        code(good.replace("fog-platform", "fog-none")).await,
        "ResourceNotFound"
    );
    assert_eq!(
        code(good.replace("Microsoft.Sql", "Microsoft.None")).await,
        "InvalidResourceType"
    );
    assert_eq!(
        code(good.to_uppercase().replace("WESTEUROPE", "West%20Europe")).await,
        ""
    );
}

#[tokio::test(start_paused = true)]
async fn every_answer_carries_its_ids_and_the_worlds_own_date() {
    let azure = platform_with(1, "start: 2026-01-05T09:00:00Z");
    let mut asked = request(
        "GET",
        &format!("{}?api-version={SQL}", instance_group("weu")),
        None,
    );
    asked
        .headers_mut()
        .insert("x-ms-correlation-request-id", "run".parse().unwrap());
    let told = send(&azure, asked).await.unwrap();
    assert_eq!(told.header("date"), Some("Mon, 05 Jan 2026 09:00:00 GMT"));
    assert_eq!(told.header("x-ms-correlation-request-id"), Some("run"));
    assert!(told.header("x-ms-request-id").is_some());
    assert!(
        told.header("x-ms-routing-request-id")
            .unwrap()
            .starts_with("WESTEUROPE:20260105T090000Z:")
    );
    assert_eq!(
        told.header("x-ms-ratelimit-remaining-subscription-global-reads"),
        Some("16499")
    );
}

#[tokio::test(start_paused = true)]
async fn groups_subscriptions_and_locations_can_be_read() {
    let azure = platform(1);
    let base = format!("/subscriptions/{SUBSCRIPTION}");
    let group = get(
        &azure,
        &format!("{base}/resourcegroups/RG-platform-neu"),
        "2021-04-01",
    )
    .await;
    assert_eq!(group.body["location"], "northeurope");
    let groups = get(&azure, &format!("{base}/resourceGroups"), "2021-04-01").await;
    assert_eq!(groups.body["value"].as_array().unwrap().len(), 3);
    let locations = get(&azure, &format!("{base}/locations"), "2022-12-01").await.body;
    let west = locations["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|place| place["name"] == "westeurope")
        .unwrap();
    assert_eq!(west["metadata"]["pairedRegion"][0]["name"], "northeurope");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_gone_never_answers_and_one_that_only_does_not_serve_does() {
    let azure = platform_with(
        1,
        "regions: [{ name: westeurope, outages: [{ is: gone, from: 1m, until: 30m }] }]",
    );
    assert_eq!(get(&azure, &instance_group("weu"), SQL).await.status, 200);
    azure.advance(Duration::from_secs(60));
    let patient =
        tokio::time::timeout(Duration::from_secs(30), get(&azure, &instance_group("weu"), SQL)).await;
    assert!(patient.is_err());
    let told = get(&azure, &instance_group("weu"), SQL).await;
    assert_eq!((told.status, told.code()), (504, "GatewayTimeout"));
    assert_eq!(get(&azure, &instance_group("neu"), SQL).await.status, 200);
    azure.advance(Duration::from_secs(1_800));
    assert_eq!(get(&azure, &instance_group("weu"), SQL).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn nothing_in_a_group_can_be_changed_while_the_groups_own_region_is_gone() {
    let azure = platform_with(
        1,
        &format!(
            "regions: [{{ name: westeurope, outages: [{{ is: gone }}] }}]\ngroups: [{{ subscription: {SUBSCRIPTION}, name: rg-global, location: westeurope }}]"
        ),
    );
    assert_eq!(get(&azure, &profile(""), "2022-04-01").await.status, 200);
    let patch = request(
        "PATCH",
        &format!("{}?api-version=2022-04-01", profile("/externalEndpoints/weu")),
        Some(json!({"properties": {"endpointStatus": "Disabled"}})),
    );
    let told = tokio::time::timeout(Duration::from_secs(30), send(&azure, patch)).await;
    assert!(told.is_err());
    assert!(!azure.requests().last().unwrap().accepted);
}

#[tokio::test(start_paused = true)]
async fn an_operation_url_that_was_taken_apart_is_refused_and_an_unknown_one_is_not_found() {
    let azure = platform(1);
    let begun = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    let url = begun.header("azure-asyncoperation").unwrap();
    let broken = url.replace("&s=", "&s=x");
    assert_eq!(
        send(&azure, request("GET", &broken, None)).await.unwrap().status,
        403
    );
    let id = begun
        .header("location")
        .unwrap()
        .split(['/', '?'])
        .find(|part| part.len() == 36 && *part != SUBSCRIPTION)
        .unwrap();
    let unknown = url.replace(id, "00000000-0000-0000-0000-000000000000");
    assert_eq!(
        send(&azure, request("GET", &unknown, None)).await.unwrap().status,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn traffic_moves_by_patching_two_endpoints() {
    let azure = platform_with(
        1,
        &format!(
            "endpoints: [{{ url: \"https://shop.example.test/\", serves: {{ traffic-manager: \"{}\" }} }}]\nregions: [{{ name: westeurope, outages: [{{ is: not-serving }}] }}]",
            profile("")
        ),
    );
    let shop = || request("GET", "https://shop.example.test/health", None);
    assert!(send(&azure, shop()).await.is_err());
    for (endpoint, status) in [("neu", "Enabled"), ("weu", "Disabled")] {
        let url = format!(
            "{}?api-version=2022-04-01",
            profile(&format!("/ExternalEndpoints/{endpoint}"))
        );
        let told = send(
            &azure,
            request(
                "PATCH",
                &url,
                Some(json!({"properties": {"endpointStatus": status}})),
            ),
        )
        .await
        .unwrap();
        assert_eq!(
            (told.status, &told.body["properties"]["endpointStatus"]),
            (200, &json!(status))
        );
    }
    tokio::time::sleep(Duration::from_secs(40)).await;
    let shown = get(&azure, &profile(""), "2022-04-01").await.body;
    assert_eq!(
        shown["properties"]["endpoints"][1]["properties"]["endpointMonitorStatus"],
        "Online"
    );
    assert_eq!(
        shown["properties"]["monitorConfig"]["profileMonitorStatus"],
        "Online"
    );
    assert_eq!(send(&azure, shop()).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn any_resource_of_the_world_can_be_read_and_changed() {
    let azure = platform(1);
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Example.Things/things/one?api-version=2024-01-01"
    );
    assert_eq!(
        send(&azure, request("GET", &path, None)).await.unwrap().body["properties"]["size"],
        1
    );
    let told = send(
        &azure,
        request("PATCH", &path, Some(json!({"properties": {"size": 2}}))),
    )
    .await
    .unwrap();
    assert_eq!(told.body["properties"]["size"], 2);
    assert_eq!(
        send(&azure, request("DELETE", &path, None)).await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_takes_no_priority_that_is_none_or_that_another_has() {
    let azure = platform(1);
    let paired = profile("/externalEndpoints/neu");
    let patch = |properties: Value| {
        request(
            "PATCH",
            &format!("{paired}?api-version=2022-04-01"),
            Some(json!({"properties": properties})),
        )
    };
    for wrong in [
        json!({"priority": 0}),
        json!({"priority": 1001}),
        json!({"weight": "much"}),
        json!({"priority": 1}),
    ] {
        let told = send(&azure, patch(wrong.clone())).await.unwrap();
        assert_eq!((told.status, told.code()), (400, "BadRequest"), "{wrong}");
    }
    let told = send(&azure, patch(json!({"priority": 3, "weight": 1000})))
        .await
        .unwrap();
    assert_eq!(told.body["properties"]["priority"], 3);
    // An endpoint that asks for none gets the next that is free.
    let url = format!("{}?api-version=2022-04-01", profile("/externalEndpoints/third"));
    let body = json!({"properties": {"target": "third.example.test"}});
    let told = send(&azure, request("PUT", &url, Some(body))).await.unwrap();
    assert_eq!(told.body["properties"]["priority"], 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_noticed_after_as_many_probes_as_the_profile_tolerates_and_callers_follow_a_ttl_later() {
    let azure = platform_with(
        1,
        &format!(
            "endpoints: [{{ url: \"https://shop.example.test/\", serves: {{ traffic-manager: \"{}\" }} }}]\nregions: [{{ name: westeurope, outages: [{{ is: not-serving, from: 10m }}] }}]",
            profile("")
        ),
    );
    let url = format!("{}?api-version=2022-04-01", profile("/externalEndpoints/neu"));
    let body = json!({"properties": {"endpointStatus": "Enabled"}});
    send(&azure, request("PATCH", &url, Some(body))).await.unwrap();
    let word = async || {
        let shown = get(&azure, &profile("/externalEndpoints/weu"), "2022-04-01")
            .await
            .body;
        shown["properties"]["endpointMonitorStatus"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let shop = async || {
        send(&azure, request("GET", "https://shop.example.test/health", None))
            .await
            .is_ok()
    };
    let start = azure.now();
    let until = |seconds: u64| {
        let at = start + Duration::from_secs(600 + seconds);
        azure.advance(Duration::try_from(at.duration_since(azure.now())).unwrap());
    };
    assert!(shop().await);
    // 30 s × (3 + 1) + 10 s, and 30 s for which callers keep an answer.
    until(125);
    assert_eq!((word().await, shop().await), ("Online".to_owned(), false));
    until(131);
    assert_eq!((word().await, shop().await), ("Degraded".to_owned(), false));
    until(161);
    assert_eq!((word().await, shop().await), ("Degraded".to_owned(), true));
}
