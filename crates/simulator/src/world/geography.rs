//! Which regions are there, what does Azure call them, and which are pairs?
//!
//! From the service's own answer to "list locations" (2026-08); pairs are not always mutual.

/// One region of the public cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// As it stands in `location`.
    pub name: &'static str,
    /// As it is shown to people, and in the ids that SQL answers with.
    pub display: &'static str,
    /// Its pair, where it has one.
    pub pair: Option<&'static str>,
}

/// Returns a location's name as it is compared: lower case, no spaces.
pub fn fold(location: &str) -> String {
    location
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Returns a known region by any spelling of its name.
pub fn place(location: &str) -> Option<&'static Place> {
    let name = fold(location);
    PLACES.iter().find(|place| place.name == name)
}

/// Returns the name that people see; what was given where the region is unknown.
pub fn display(location: &str) -> String {
    place(location).map_or_else(|| location.to_owned(), |place| place.display.to_owned())
}

/// All regions, by name.
#[rustfmt::skip]
pub const PLACES: &[Place] = &[
    Place { name: "australiacentral", display: "Australia Central", pair: Some("australiacentral2") },
    Place { name: "australiacentral2", display: "Australia Central 2", pair: Some("australiacentral") },
    Place { name: "australiaeast", display: "Australia East", pair: Some("australiasoutheast") },
    Place { name: "australiasoutheast", display: "Australia Southeast", pair: Some("australiaeast") },
    Place { name: "austriaeast", display: "Austria East", pair: None },
    Place { name: "belgiumcentral", display: "Belgium Central", pair: None },
    Place { name: "brazilsouth", display: "Brazil South", pair: Some("southcentralus") },
    Place { name: "brazilsoutheast", display: "Brazil Southeast", pair: Some("brazilsouth") },
    Place { name: "canadacentral", display: "Canada Central", pair: Some("canadaeast") },
    Place { name: "canadaeast", display: "Canada East", pair: Some("canadacentral") },
    Place { name: "centralindia", display: "Central India", pair: Some("southindia") },
    Place { name: "centralus", display: "Central US", pair: Some("eastus2") },
    Place { name: "centraluseuap", display: "Central US EUAP", pair: Some("eastus2euap") },
    Place { name: "chilecentral", display: "Chile Central", pair: None },
    Place { name: "denmarkeast", display: "Denmark East", pair: None },
    Place { name: "eastasia", display: "East Asia", pair: Some("southeastasia") },
    Place { name: "eastus", display: "East US", pair: Some("westus") },
    Place { name: "eastus2", display: "East US 2", pair: Some("centralus") },
    Place { name: "eastus2euap", display: "East US 2 EUAP", pair: Some("centraluseuap") },
    Place { name: "eastusstg", display: "East US STG", pair: Some("southcentralusstg") },
    Place { name: "francecentral", display: "France Central", pair: Some("francesouth") },
    Place { name: "francesouth", display: "France South", pair: Some("francecentral") },
    Place { name: "germanynorth", display: "Germany North", pair: Some("germanywestcentral") },
    Place { name: "germanywestcentral", display: "Germany West Central", pair: Some("germanynorth") },
    Place { name: "indonesiacentral", display: "Indonesia Central", pair: None },
    Place { name: "israelcentral", display: "Israel Central", pair: None },
    Place { name: "italynorth", display: "Italy North", pair: None },
    Place { name: "japaneast", display: "Japan East", pair: Some("japanwest") },
    Place { name: "japanwest", display: "Japan West", pair: Some("japaneast") },
    Place { name: "jioindiacentral", display: "Jio India Central", pair: Some("jioindiawest") },
    Place { name: "jioindiawest", display: "Jio India West", pair: Some("jioindiacentral") },
    Place { name: "koreacentral", display: "Korea Central", pair: Some("koreasouth") },
    Place { name: "koreasouth", display: "Korea South", pair: Some("koreacentral") },
    Place { name: "malaysiawest", display: "Malaysia West", pair: None },
    Place { name: "mexicocentral", display: "Mexico Central", pair: None },
    Place { name: "newzealandnorth", display: "New Zealand North", pair: None },
    Place { name: "northcentralus", display: "North Central US", pair: Some("southcentralus") },
    Place { name: "northeurope", display: "North Europe", pair: Some("westeurope") },
    Place { name: "norwayeast", display: "Norway East", pair: Some("norwaywest") },
    Place { name: "norwaywest", display: "Norway West", pair: Some("norwayeast") },
    Place { name: "polandcentral", display: "Poland Central", pair: None },
    Place { name: "qatarcentral", display: "Qatar Central", pair: None },
    Place { name: "southafricanorth", display: "South Africa North", pair: Some("southafricawest") },
    Place { name: "southafricawest", display: "South Africa West", pair: Some("southafricanorth") },
    Place { name: "southcentralus", display: "South Central US", pair: Some("northcentralus") },
    Place { name: "southcentralusstg", display: "South Central US STG", pair: Some("eastusstg") },
    Place { name: "southeastasia", display: "Southeast Asia", pair: Some("eastasia") },
    Place { name: "southindia", display: "South India", pair: Some("centralindia") },
    Place { name: "spaincentral", display: "Spain Central", pair: None },
    Place { name: "swedencentral", display: "Sweden Central", pair: Some("swedensouth") },
    Place { name: "switzerlandnorth", display: "Switzerland North", pair: Some("switzerlandwest") },
    Place { name: "switzerlandwest", display: "Switzerland West", pair: Some("switzerlandnorth") },
    Place { name: "uaecentral", display: "UAE Central", pair: Some("uaenorth") },
    Place { name: "uaenorth", display: "UAE North", pair: Some("uaecentral") },
    Place { name: "uksouth", display: "UK South", pair: Some("ukwest") },
    Place { name: "ukwest", display: "UK West", pair: Some("uksouth") },
    Place { name: "westcentralus", display: "West Central US", pair: Some("westus2") },
    Place { name: "westeurope", display: "West Europe", pair: Some("northeurope") },
    Place { name: "westindia", display: "West India", pair: Some("southindia") },
    Place { name: "westus", display: "West US", pair: Some("eastus") },
    Place { name: "westus2", display: "West US 2", pair: Some("westcentralus") },
    Place { name: "westus3", display: "West US 3", pair: Some("eastus") },
];
