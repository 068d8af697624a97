//! Does a client that nobody here has met find what it would find at Azure's front door?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::*;

fn group(name: &str, rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}{rest}")
}

async fn ask(
    azure: &leeward_simulator::Simulator,
    method: &str,
    path: &str,
    version: &str,
    body: Value,
) -> Told {
    let body = Some(body).filter(|body| !body.is_null());
    send(
        azure,
        request(method, &format!("{path}?api-version={version}"), body),
    )
    .await
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_type_is_not_made_and_one_that_the_world_names_is() {
    let thing = group("rg-global", "/providers/Microsoft.Foo/bars/one");
    let body = json!({"location": "northeurope", "properties": {"size": 1}});
    let told = ask(&platform(1), "PUT", &thing, "2024-01-01", body.clone()).await;
    assert_eq!((told.status, told.code()), (404, "InvalidResourceType"));
    let azure = platform_with(1, "types: [Microsoft.Foo/bars]");
    assert_eq!(get(&azure, &thing, "2024-01-01").await.code(), "ResourceNotFound");
    assert_eq!(ask(&azure, "PUT", &thing, "2024-01-01", body).await.status, 201);
    assert_eq!(
        get(&azure, &thing, "2024-01-01").await.body["properties"]["size"],
        1
    );
}

#[tokio::test(start_paused = true)]
async fn what_azure_takes_minutes_for_is_refused_and_never_made_up() {
    let machine = group("rg-global", "/providers/Microsoft.Compute/virtualMachines/vm-1");
    let azure = platform_with(
        1,
        &json!({"resources": [{"id": machine, "type": "Microsoft.Compute/virtualMachines", "region": "northeurope", "body": {}}]})
            .to_string(),
    );
    let extension = group(
        "rg-global",
        "/providers/Microsoft.KubernetesConfiguration/extensions/flux",
    );
    for (method, path) in [
        ("POST", format!("{machine}/capture")),
        ("PUT", extension.clone()),
        ("DELETE", extension),
    ] {
        let told = ask(&azure, method, &path, "2024-07-01", json!({"properties": {}})).await;
        assert_eq!(
            (told.status, told.code()),
            (400, "NotModelledBySimulator"),
            "{path}"
        );
        let words = told.body["error"]["message"].as_str().unwrap();
        assert!(words.contains("does not play it"), "{words}");
    }
    assert!(azure.requests().iter().all(|entry| !entry.accepted));
}

#[tokio::test(start_paused = true)]
async fn a_new_group_in_a_region_that_is_gone_is_not_made() {
    let azure = platform_with(1, "regions: [{ name: westeurope, outages: [{ is: gone }] }]");
    let told = ask(
        &azure,
        "PUT",
        &group("rg-new", ""),
        "2021-04-01",
        json!({"location": "West Europe"}),
    )
    .await;
    assert_eq!((told.status, told.code()), (504, "GatewayTimeout"));
    assert_eq!(
        get(&azure, &group("rg-new", ""), "2021-04-01").await.code(),
        "ResourceGroupNotFound"
    );
    let told = ask(
        &azure,
        "PUT",
        &group("rg-new", ""),
        "2021-04-01",
        json!({"location": "northeurope"}),
    )
    .await;
    assert_eq!(told.status, 201);
}

#[tokio::test(start_paused = true)]
async fn head_says_whether_something_is_there() {
    let azure = platform(1);
    for (path, version, status) in [
        (group("rg-global", ""), "2021-04-01", 204),
        (group("rg-none", ""), "2021-04-01", 404),
        (server_group("weu"), SQL, 204),
        (server_group("weu").replace("fog-shop", "fog-none"), SQL, 404),
        (profile(""), "2022-04-01", 204),
    ] {
        let told = ask(&azure, "HEAD", &path, version, Value::Null).await;
        assert_eq!((told.status, &told.body), (status, &Value::Null), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn providers_and_tenants_can_be_listed() {
    let azure = platform(1);
    let base = format!("/subscriptions/{SUBSCRIPTION}/providers");
    let one = get(&azure, &format!("{base}/microsoft.sql"), "2021-04-01").await;
    assert_eq!(one.body["registrationState"], "Registered");
    let types = one.body["resourceTypes"].as_array().unwrap();
    assert!(
        types
            .iter()
            .any(|one| one["resourceType"] == "servers/failovergroups")
    );
    let all = get(&azure, &base, "2021-04-01").await.body;
    assert!(all["value"].as_array().unwrap().len() > 6);
    let told = get(&azure, &format!("{base}/Microsoft.None"), "2021-04-01").await;
    assert_eq!((told.status, told.code()), (404, "InvalidResourceNamespace"));
    let told = ask(
        &azure,
        "POST",
        &format!("{base}/Microsoft.Sql/register"),
        "2021-04-01",
        Value::Null,
    )
    .await;
    assert_eq!(told.status, 200);
    assert_eq!(get(&azure, "/tenants", "2022-12-01").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_what_nobody_has_is_empty() {
    let azure = platform(1);
    for rest in [
        "/providers/Microsoft.Network/publicIPAddresses",
        "/providers/Microsoft.Authorization/policyAssignments",
        "/providers/Microsoft.ContainerService/managedClusters",
    ] {
        let told = get(&azure, &group("rg-global", rest), "2024-05-01").await;
        assert_eq!((told.status, &told.body), (200, &json!({"value": []})), "{rest}");
    }
    let told = get(
        &azure,
        &group("rg-global", "/providers/Microsoft.None/things"),
        "2024-05-01",
    )
    .await;
    assert_eq!((told.status, told.code()), (404, "InvalidResourceType"));
}

#[tokio::test(start_paused = true)]
async fn a_version_between_those_that_were_seen_is_taken() {
    let azure = platform(1);
    assert_eq!(
        get(&azure, &server_group("weu"), "2024-02-01-preview")
            .await
            .status,
        200
    );
    assert_eq!(
        get(&azure, &group("rg-global", ""), "2023-01-31").await.status,
        200
    );
    assert_eq!(
        get(&azure, &server_group("weu"), "2099-01-01").await.code(),
        "InvalidResourceType"
    );
}

#[tokio::test(start_paused = true)]
async fn lists_are_narrowed_by_what_a_filter_says() {
    let azure = platform(1);
    let all = format!("/subscriptions/{SUBSCRIPTION}/resources");
    let filter = async |words: &str| {
        let query: String = url(words);
        let path = format!("{all}?api-version=2021-04-01&$filter={query}");
        send(&azure, request("GET", &path, None)).await.unwrap()
    };
    let told = filter("resourceType eq 'Microsoft.Sql/servers' and name eq 'sql-shop-neu'").await;
    let list = told.body["value"].as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:#?}");
    assert_eq!(list[0]["location"], "northeurope");
    assert_eq!(
        filter("resourceType eq 'Microsoft.None/none'").await.body["value"],
        json!([])
    );
    let told = filter("substringof('x', name)").await;
    assert_eq!((told.status, told.code()), (400, "InvalidFilterInQueryString"));
}

fn url(words: &str) -> String {
    words.replace(' ', "%20").replace('\'', "%27")
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_where_the_world_says_so() {
    let azure = platform_with(1, "page-size: 2");
    let mut url = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups?api-version=2021-04-01&$top=9");
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let told = send(&azure, request("GET", &url, None)).await.unwrap();
        let list = told.body["value"].as_array().unwrap().clone();
        assert!(!list.is_empty() && list.len() <= 2, "{list:#?}");
        names.extend(list.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        pages += 1;
        match told.body["nextLink"].as_str() {
            Some(next) => url = next.to_owned(),
            None => break,
        }
    }
    names.sort();
    assert_eq!(
        (pages, names),
        (
            2,
            ["rg-global", "rg-platform-neu", "rg-platform-weu"]
                .map(str::to_owned)
                .to_vec()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_nobody_knows_is_said_to_be_that() {
    let azure = platform(1);
    let begun = post(&azure, &format!("{}/failover", server_group("neu")), SQL).await;
    let url = begun.header("azure-asyncoperation").unwrap();
    let id = url
        .split(['/', '?'])
        .find(|part| part.len() == 36 && *part != SUBSCRIPTION)
        .unwrap();
    let unknown = url.replace(id, "00000000-0000-0000-0000-000000000000");
    let told = send(&azure, request("GET", &unknown, None)).await.unwrap();
    assert_eq!((told.status, told.code()), (404, "OperationIdNotFound"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        send(&azure, request("GET", url, None)).await.unwrap().body["status"],
        "Succeeded"
    );
}
