//! Does a switch of a failover group look on the wire as it was recorded?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use support::*;

async fn looks_alike(test: &str, name: &str, verb: &str, view: String) {
    let Some(recorded) = recording(test, name) else {
        return;
    };
    let start = recorded
        .iter()
        .position(|item| {
            item["method"] == "POST" && item["uri"].as_str().unwrap().contains(&format!("/{verb}?"))
        })
        .unwrap();
    let azure = platform(1);
    let begun = post(&azure, &format!("{view}/{verb}"), "2023-05-01-preview").await;
    let first = &recorded[start];
    assert_eq!(first["status"], begun.status);
    assert_eq!(first["responseBody"]["operation"], begun.body["operation"]);
    assert_eq!(keys(&first["responseBody"]), keys(&begun.body));
    for header in ["azure-asyncoperation", "location", "content-type"] {
        let segment = |url: &str| {
            url.split('?')
                .next()
                .unwrap()
                .rsplit('/')
                .nth(1)
                .map(str::to_owned)
        };
        let recorded = first["responseHeaders"][header].as_str().unwrap();
        let told = begun.header(header).unwrap();
        assert_eq!(segment(recorded), segment(told), "{header}");
    }
    let polled = send(
        &azure,
        request("GET", begun.header("azure-asyncoperation").unwrap(), None),
    )
    .await
    .unwrap();
    assert_eq!(keys(&recorded[start + 1]["responseBody"]), keys(&polled.body));
    assert_eq!(
        recorded[start + 1]["responseBody"]["status"],
        polled.body["status"]
    );
    finish(&azure, &begun).await;
    let result = recorded[start..]
        .iter()
        .find(|item| item["uri"].as_str().unwrap().contains("OperationResults/"))
        .unwrap();
    let told = send(&azure, request("GET", begun.header("location").unwrap(), None))
        .await
        .unwrap();
    assert_eq!(result["status"], told.status);
    assert_eq!(keys(&result["responseBody"]), keys(&told.body));
    assert_eq!(
        result["responseBody"]["properties"]["replicationRole"],
        told.body["properties"]["replicationRole"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_switch_of_instances_looks_as_it_was_recorded() {
    let test = "a_switch_of_instances_looks_as_it_was_recorded";
    looks_alike(
        test,
        "sql-mi-failover-group.json",
        "failover",
        instance_group("neu"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_switch_of_servers_looks_as_it_was_recorded() {
    let test = "a_switch_of_servers_looks_as_it_was_recorded";
    looks_alike(test, "sql-failover-group.json", "failover", server_group("neu")).await;
}

#[tokio::test(start_paused = true)]
async fn a_profile_and_its_endpoints_look_as_they_were_recorded() {
    let test = "a_profile_and_its_endpoints_look_as_they_were_recorded";
    let Some(recorded) = recording(test, "traffic-manager.json") else {
        return;
    };
    let azure = platform(1);
    for (place, path) in [(9, profile("")), (6, profile("/externalEndpoints/weu"))] {
        let told = get(&azure, &path, "2022-04-01").await;
        let mut wanted = keys(&recorded[place]["responseBody"]);
        wanted.retain(|key| !key.starts_with("tags"));
        assert_eq!(wanted, keys(&told.body), "{path}");
    }
}
