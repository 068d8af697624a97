//! What is a person to do about what Azure refuses of a cluster, or fails to make of it?

use super::plan::Plan;

/// Failures for want of machines. Well-known codes, reported of pools and of clusters.
pub(super) fn is_allocation(code: &str) -> bool {
    matches!(
        code,
        "AllocationFailed"
            | "ZonalAllocationFailed"
            | "SkuNotAvailable"
            | "OverconstrainedAllocationRequest"
            | "OverconstrainedZonalAllocationRequest"
    )
}

/// Failures after which the same PUT is worth another try; none of them says that it never will be.
pub(super) fn is_retryable(code: &str) -> bool {
    is_allocation(code)
        || matches!(
            code,
            "NotLatestOperation"
                | "InternalServerError"
                | "GetVnetError"
                | "FailedIdentityOperation"
                | "OperationPreempted"
                | "Canceled"
        )
}

/// Returns whether a refusal may pass by itself, where AKS knows better than its status.
pub(super) fn passes(status: u16, code: &str, message: &str) -> Option<bool> {
    let message = message.to_lowercase();
    match (status, code) {
        // A role of a fresh identity spreads; the code comes with 400 and 429.
        (429, "FailedIdentityOperation") => Some(true),
        // Somebody wrote in between: it is looked at again, and asked again.
        (412, _) => Some(true),
        // One code for three things: another operation passes, a quota and a stopped cluster do not.
        (409, "OperationNotAllowed") if message.contains("quota") || message.contains("stopped") => {
            Some(false)
        }
        // The name is taken elsewhere, for good.
        (409, "InvalidResourceLocation") => Some(false),
        _ => None,
    }
}

/// Returns Azure's message with what to do about it.
pub(super) fn with_advice(code: &str, message: &str, plan: &Plan) -> String {
    match advice(code, message, plan) {
        Some(advice) => format!("{message}; what to do: {advice}"),
        None => message.to_owned(),
    }
}

fn advice(code: &str, message: &str, plan: &Plan) -> Option<String> {
    let region = &plan.side.region;
    let name = &plan.side.name;
    let said = message.to_lowercase();
    let code = code.to_lowercase();
    let is = |known: &str| code == known.to_lowercase();
    Some(match () {
        () if is("ManagedClusterCountExceedsQuotaLimit") => {
            format!("delete a cluster of {region} that nobody needs, or ask for a higher quota of clusters there")
        }
        () if code.contains("quota") || said.contains("quota") => format!(
            "ask for more cores in {region} (az vm list-usage --location {region}), or name sizes of another family \
             under `node-sizes: {{ fallback }}`"
        ),
        () if said.contains("vm size") && said.contains("not allowed") => {
            format!("name a size that is sold in {region} under `node-sizes: {{ fallback }}`")
        }
        () if is_allocation_of(&code) && code.contains("zonal") => {
            "name other sizes under `node-sizes: { fallback }`, or take the full zone out of the capture".to_owned()
        }
        () if is_allocation_of(&code) => {
            "there are no machines of that size now: name other sizes under `node-sizes: { fallback }`, or retry later"
                .to_owned()
        }
        () if code.contains("versionnotsupported") || said.contains("not supported in this region") => format!(
            "name a version that is offered under `version` (az aks get-versions --location {region})"
        ),
        () if is("NodeResourceGroupAlreadyExists") => {
            format!("delete that resource group if it is a leftover of {name}, or give the cluster another `name`")
        }
        () if is("InvalidResourceLocation") => {
            format!("a cluster {name} of another region has the name: give this one another `name`")
        }
        () if is("SystemPoolHasRestrictedTaint") => {
            "take the taint of the system pool out of the capture".to_owned()
        }
        () if is("PropertyChangeNotAllowed") => {
            "no PUT changes that: delete what stands in the way, then retry the step".to_owned()
        }
        () if is("FailedIdentityOperation") => {
            "make the identity that `identity` names beforehand, and let this principal assign it".to_owned()
        }
        () if is("LinkedAuthorizationFailed") => {
            "give this principal `Microsoft.Network/virtualNetworks/subnets/join/action` over the subnet".to_owned()
        }
        () if is("OperationNotAllowed") && said.contains("stopped") => {
            super::view::start_cluster(&plan.place())
        }
        () if said.contains("availabilityzone") || said.contains("zone") => {
            format!("retry the step: it reads again which zones {region} has for each size")
        }
        () => return None,
    })
}

fn is_allocation_of(folded: &str) -> bool {
    folded.contains("allocation") || folded == "skunotavailable"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_operation_passes_and_a_quota_or_a_stopped_cluster_behind_the_same_code_does_not() {
        let busy = "Operation is not allowed: Another operation is in progress";
        assert_eq!(
            passes(409, "OperationNotAllowed", busy),
            None,
            "409 passes by itself"
        );
        assert_eq!(
            passes(409, "OperationNotAllowed", "exceeding approved Cores quota"),
            Some(false)
        );
        assert_eq!(
            passes(409, "OperationNotAllowed", "the cluster is stopped"),
            Some(false)
        );
        assert_eq!(passes(412, "PreconditionFailed", ""), Some(true));
        assert_eq!(passes(412, "EtagMismatch", ""), Some(true));
        assert_eq!(passes(409, "EtagMismatch", busy), None);
        assert_eq!(passes(429, "FailedIdentityOperation", ""), Some(true));
        assert_eq!(passes(400, "FailedIdentityOperation", ""), None);
        assert!(crate::arm::refusal::may_pass(409, "EtagMismatch"));
        assert!(crate::arm::refusal::may_pass(409, "OperationNotAllowed"));
        assert!(!crate::arm::refusal::may_pass(400, "FailedIdentityOperation"));
    }
}
