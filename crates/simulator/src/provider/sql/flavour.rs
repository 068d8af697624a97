//! In which words do groups of instances and groups of servers differ?

use std::time::Duration;

use crate::{arm::Answer, provider::durations as lasts};

/// One of the two kinds of failover group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flavour {
    /// The type, folded.
    pub(crate) kind: &'static str,
    /// The type, as answers show it.
    pub(crate) shown: &'static str,
    /// What its error codes begin with.
    code: &'static str,
    /// The segment of its `Azure-AsyncOperation` URLs.
    pub(crate) status: &'static str,
    /// The segment of its `Location` URLs.
    pub(crate) result: &'static str,
    /// Its words for create, update, drop and fail over.
    pub(crate) created: &'static str,
    pub(crate) updated: &'static str,
    pub(crate) dropped: &'static str,
    pub(crate) switched: &'static str,
    /// Whether it knows PATCH.
    pub(crate) patches: bool,
    /// Whether it knows tryPlannedBeforeForcedFailover.
    pub(crate) tries: bool,
    pub(crate) create_lasts: Duration,
    pub(crate) update_lasts: Duration,
    pub(crate) drop_lasts: Duration,
    pub(crate) planned_lasts: Duration,
    pub(crate) forced_lasts: Duration,
}

/// Groups of managed instances.
pub(crate) const INSTANCES: Flavour = Flavour {
    kind: "microsoft.sql/locations/instancefailovergroups",
    shown: "Microsoft.Sql/locations/instanceFailoverGroups",
    code: "InstanceFailoverGroup",
    status: "instanceFailoverGroupAzureAsyncOperation",
    result: "instanceFailoverGroupOperationResults",
    created: "CreateManagedFailoverGroup",
    updated: "UpdateManagedFailoverGroup",
    dropped: "DropManagedFailoverGroup",
    switched: "FailoverManagedFailoverGroup",
    patches: false,
    tries: false,
    create_lasts: lasts::INSTANCE_GROUP_CREATED,
    update_lasts: lasts::INSTANCE_GROUP_UPDATED,
    drop_lasts: lasts::INSTANCE_GROUP_DROPPED,
    planned_lasts: lasts::INSTANCE_GROUP_PLANNED,
    forced_lasts: lasts::INSTANCE_GROUP_FORCED,
};

/// Groups of servers.
pub(crate) const SERVERS: Flavour = Flavour {
    kind: "microsoft.sql/servers/failovergroups",
    shown: "Microsoft.Sql/servers/failoverGroups",
    code: "FailoverGroup",
    status: "failoverGroupAzureAsyncOperation",
    result: "failoverGroupOperationResults",
    created: "CreateFailoverGroup",
    updated: "UpdateFailoverGroup",
    dropped: "DropFailoverGroup",
    switched: "FailoverFailoverGroup",
    patches: true,
    tries: true,
    create_lasts: lasts::SERVER_GROUP_CREATED,
    update_lasts: lasts::SERVER_GROUP_UPDATED,
    drop_lasts: lasts::SERVER_GROUP_DROPPED,
    planned_lasts: lasts::SERVER_GROUP_PLANNED,
    forced_lasts: lasts::SERVER_GROUP_FORCED,
};

impl Flavour {
    /// Returns the flavour of a type.
    pub(crate) fn of(kind: &str) -> Option<&'static Flavour> {
        [&INSTANCES, &SERVERS]
            .into_iter()
            .find(|flavour| flavour.kind.eq_ignore_ascii_case(kind))
    }

    /// Makes the error of this flavour whose code ends so.
    pub(crate) fn error(&self, ending: &str) -> Answer {
        let code = format!("{}{ending}", self.code);
        let instance = match self.code {
            "InstanceFailoverGroup" => "instance ",
            _ => "",
        };
        let message = match ending {
            "FailoverRequestOnPrimary" => format!(
                "The failover request should be initiated on the secondary server of {instance}failover group."
            ),
            "Busy" if instance.is_empty() => "Failover Group is busy with another operation.".to_owned(),
            "Busy" => "Instance failover group is busy with another operation.".to_owned(),
            "UpdateOrDeleteRequestOnSecondary" => format!(
                "Modifications to the {instance}failover group are not allowed on a secondary server. Execute the \
                 request on the primary server."
            ),
            "CreateOrUpdateRequestInvalidReadWriteEndpoint" => {
                "The readWriteEndpoint field is required for create or update requests.".to_owned()
            }
            "CreateOrUpdateRequestInvalidReadWriteFailoverPolicy" => {
                "The failoverPolicy field for the read-write endpoint is required for create or update requests."
                    .to_owned()
            }
            "CreateOrUpdateRequestInvalidReadWriteEndpointFields" => {
                "The property failoverWithDataLossGracePeriodMinutes must be provided when failover policy Automatic \
                 is selected for the read-write endpoint."
                    .to_owned()
            }
            "CreateOrUpdateRequestInvalidReadWriteEndpointFieldsForManualPolicy" => {
                "Grace period value should not be provided when failover policy Manual is selected for the \
                 read-write endpoint."
                    .to_owned()
            }
            "CreateOrUpdateRequestInvalid" => {
                format!("The create or update {instance}failover group request body is empty or invalid.")
            }
            "CreateOrUpdateRequestNegativeGracePeriodValues" => {
                "Grace period value for the read-write endpoint must be non-negative.".to_owned()
            }
            "CreateOrUpdateRequestLessThanMinimumGracePeriodValues" => format!(
                "Grace period value for the {instance}failover group must be greater than or equal to the '60' minutes \
                 minimum grace period"
            ),
            "CreateOrUpdateRequestUnsupportedPartnerCount" if instance.is_empty() => {
                "Only one partner server for Failover Group is supported. Please modify your request accordingly."
                    .to_owned()
            }
            "CreateOrUpdateRequestUnsupportedPartnerCount" => "Only one partner region is supported.".to_owned(),
            "CreateOrUpdateRequestUnsupportedPairCount" => {
                "Only one managed instance pair is supported.".to_owned()
            }
            "CreateOrUpdateRequestDuplicatePartner" => format!(
                "One or more of the provided partner servers are already part of the {instance}failover group. Please \
                 make sure the primary server and all of the given partner servers are unique."
            ),
            "CreateOrUpdateRequestInvalidPrimary" => format!(
                "The given primary field in create or update {instance}failover group request body is empty or invalid."
            ),
            "CreateOrUpdateRequestInvalidDatabases" => {
                "The provided databases IDs are not properly constructed database resource IDs.".to_owned()
            }
            "CreateOrUpdateRequestInvalidDatabaseServer" => {
                "One or more of the provided databases do not exist on the primary server of the failover group. Please \
                 make sure that all the databases exist on the primary server."
                    .to_owned()
            }
            "AlreadyExists" => "Failover group already exists on a given server.".to_owned(),
            "DnsRecordInUse" => "A duplicate DNS record exists for the requested endpoint.".to_owned(),
            _ => format!(
                "The given partners field in create or update {instance}failover group request body is empty or invalid."
            ),
        };
        Answer::error(status_of(&code), &code, message)
    }
}

/// Returns the HTTP status that SQL lists for a code.
pub(crate) fn status_of(code: &str) -> u16 {
    match code {
        code if code.ends_with("Busy")
            || code.ends_with("AlreadyExists")
            || code.ends_with("DnsRecordInUse") =>
        {
            409
        }
        "ConflictingServerOperation"
        | "OperationCancelled"
        | "OperationInterrupted"
        | "UpdateSloInProgress" => 409,
        "OperationTimedOut" => 500,
        _ => 400,
    }
}
