//! What does Azure say of the health of a resource and of a region? Evidence for whoever decides, and never a gate: it
//! comes late, and of a region that burns it may say nothing.

use jiff::{Span, Timestamp};
use serde_json::Value;

use crate::arm::{Arm, ArmPath, ReadError, Request, folded_region};

/// The version that every request asks for.
pub const API: &str = "2024-02-01";

/// Types of which Azure tells the health. What is a part of one is told as that one.
const TOLD: [&str; 7] = [
    "microsoft.cdn/profiles",
    "microsoft.compute/virtualmachines",
    "microsoft.containerservice/managedclusters",
    "microsoft.network/trafficmanagerprofiles",
    "microsoft.recoveryservices/vaults",
    "microsoft.sql/servers",
    "microsoft.storage/storageaccounts",
];

/// What Azure says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `Available`, `Unavailable`, `Degraded`, `Unknown`, or a word that nobody has seen before.
    pub state: String,
    /// Why, in Azure's words.
    pub summary: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it was told: its age says how much it is worth.
    pub told: Option<Timestamp>,
}

impl Health {
    /// Reads an answer; nothing where it shows no state.
    pub fn read(body: &Value) -> Option<Health> {
        let text = |name: &str| body["properties"][name].as_str().filter(|text| !text.is_empty());
        let moment = |name: &str| text(name).and_then(|at| at.parse().ok());
        Some(Health {
            state: text("availabilityState")?.to_owned(),
            summary: crate::arm::reply::cut(text("summary").unwrap_or_default()),
            // Azure's own spelling, and the right one in case it is mended.
            since: moment("occuredTime").or_else(|| moment("occurredTime")),
            told: moment("reportedTime"),
        })
    }
}

/// Something that Azure says is going on in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its name, by which Azure's pages show it.
    pub id: String,
    /// What it is, in Azure's words.
    pub title: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When something was last said of it.
    pub told: Option<Timestamp>,
}

impl Issue {
    /// Reads an event; nothing where it is no service issue that goes on in that region.
    pub fn read(event: &Value, region: &str) -> Option<Issue> {
        let text = |name: &str| event["properties"][name].as_str();
        let is = |name: &str, word: &str| text(name).is_some_and(|told| told.eq_ignore_ascii_case(word));
        let impact = event["properties"]["impact"].as_array().into_iter().flatten();
        let mut regions = impact.flat_map(|one| one["impactedRegions"].as_array().into_iter().flatten());
        let here = regions.any(|one| {
            let name = one["impactedRegion"].as_str().unwrap_or_default();
            folded_region(name) == folded_region(region)
        });
        let meant = is("eventType", "ServiceIssue") && is("status", "Active") && here;
        meant.then(|| Issue {
            id: event["name"].as_str().unwrap_or_default().to_owned(),
            title: crate::arm::reply::cut(text("title").unwrap_or_default()),
            since: text("impactStartTime").and_then(|at| at.parse().ok()),
            told: text("lastUpdateTime").and_then(|at| at.parse().ok()),
        })
    }
}

/// Returns the resource whose health tells something about an id; nothing where Azure tells none.
pub fn subject(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.trim_matches('/').split('/').collect();
    let at = segments
        .iter()
        .position(|segment| segment.eq_ignore_ascii_case("providers"))?;
    let [namespace, kind, _name] = segments.get(at + 1..at + 4)? else {
        return None;
    };
    let known = format!("{namespace}/{kind}").to_lowercase();
    TOLD.contains(&known.as_str())
        .then(|| format!("/{}", segments[..at + 4].join("/")))
}

/// Asks for the health of one resource.
pub async fn of_resource(arm: &Arm, id: &str) -> Result<Option<Health>, ReadError> {
    let path = ArmPath::resource(id)
        .provider("Microsoft.ResourceHealth")
        .pair("availabilityStatuses", "current")
        .build()
        .map_err(|bad| ReadError::unreachable(bad.to_string()))?;
    let reply = arm.read(&Request::get(path, API)).await?;
    Ok(Health::read(&reply.body))
}

/// Asks for the service issues that go on in a region, as far as a subscription hears of them.
pub async fn of_region(arm: &Arm, subscription: &str, region: &str) -> Result<Vec<Issue>, ReadError> {
    let path = ArmPath::subscription(subscription)
        .provider("Microsoft.ResourceHealth")
        .then("events")
        .build()
        .map_err(|bad| ReadError::unreachable(bad.to_string()))?;
    let now = arm.clock().now().wall;
    let since = now.checked_sub(Span::new().hours(7 * 24)).unwrap_or(now);
    let request = Request::get(path, API).query("queryStartTime", since.strftime("%m/%d/%Y").to_string());
    let all = arm.list(&request).await?;
    Ok(all
        .iter()
        .filter_map(|event| Issue::read(event, region))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::examples;

    const EXAMPLES: &str =
        "resourcehealth/resource-manager/Microsoft.ResourceHealth/stable/2024-02-01/examples";

    #[test]
    fn health_is_read_with_its_age_and_an_unknown_word_is_shown() {
        let body =
            json!({"properties": {"availabilityState": "Wobbly", "reportedTime": "2026-11-24T02:00:00Z"}});
        let health = Health::read(&body).unwrap();
        assert_eq!(health.state, "Wobbly");
        assert_eq!(health.told, "2026-11-24T02:00:00Z".parse().ok());
        assert_eq!(Health::read(&json!({"properties": {}})), None);
        let Some(example) = examples(EXAMPLES, "AvailabilityStatus_GetByResource.json") else {
            return;
        };
        let health = Health::read(&example["responses"]["200"]["body"]).unwrap();
        assert_eq!(health.state, "Unavailable");
        assert!(health.since.is_some() && health.told.is_some());
    }

    #[test]
    fn only_a_service_issue_that_goes_on_in_the_very_region_is_evidence() {
        let Some(example) = examples(EXAMPLES, "Events_ListBySubscriptionId.json") else {
            return;
        };
        let event = &example["responses"]["200"]["body"]["value"][0];
        let issue = Issue::read(event, "westus").unwrap();
        assert_eq!(issue.id, "BC_1-FXZ");
        assert!(issue.since.is_some() && issue.told.is_some());
        assert_eq!(Issue::read(event, "westus2"), None);
        for (name, word) in [("status", "Resolved"), ("eventType", "PlannedMaintenance")] {
            let mut other = event.clone();
            other["properties"][name] = json!(word);
            assert_eq!(Issue::read(&other, "westus"), None, "{word}");
        }
    }

    #[test]
    fn the_health_of_a_part_is_that_of_the_whole() {
        let group = "/subscriptions/s/resourceGroups/rg/providers";
        assert_eq!(
            subject(&format!("{group}/Microsoft.Sql/servers/one/failoverGroups/fog")),
            Some(format!("{group}/Microsoft.Sql/servers/one"))
        );
        for none in [
            format!("{group}/Microsoft.Sql/locations/northeurope/instanceFailoverGroups/fog"),
            format!("{group}/Microsoft.Network/dnsZones/z/A/www"),
            "/subscriptions/s".to_owned(),
        ] {
            assert_eq!(subject(&none), None, "{none}");
        }
    }
}
