//! The runbooks that come with the program: no finding, and a plan in both directions.

use std::{fs, path::PathBuf};

use leeward_runbook::{
    check,
    finding::to_text,
    journey::Journey,
    plan::{Folder, PlanRequest, plan},
    read,
};

struct OnDisk(PathBuf);

impl Folder for OnDisk {
    fn files(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let whole = self.0.join(path);
        if whole.is_file() {
            let bytes = fs::read(&whole).map_err(|error| error.to_string())?;
            return Ok(vec![(path.to_owned(), bytes)]);
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&whole).map_err(|error| error.to_string())? {
            let name = entry.map_err(|error| error.to_string())?.file_name();
            found.extend(self.files(&format!(
                "{}/{}",
                path.trim_end_matches('/'),
                name.to_string_lossy()
            ))?);
        }
        Ok(found)
    }
}

#[test]
fn every_shipped_runbook_plans_in_both_directions_without_a_finding() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let mut seen = 0;
    for entry in fs::read_dir(&root).expect("the folder of runbooks") {
        let folder = entry.expect("an entry").path();
        let Ok(bytes) = fs::read(folder.join("runbook.yaml")) else {
            continue;
        };
        seen += 1;
        let reading = read("runbook.yaml", &bytes);
        let runbook = reading
            .runbook
            .unwrap_or_else(|| panic!("{}: {:?}", folder.display(), reading.findings));
        let findings: Vec<String> = check(&runbook).iter().map(to_text).collect();
        assert!(
            findings.is_empty(),
            "{}:\n{}",
            folder.display(),
            findings.join("\n\n")
        );
        let folder_of_files = OnDisk(folder.clone());
        for journey in Journey::ALL {
            let mut request = PlanRequest::new(journey);
            request.environment = &|name| (name == "AZURE_SUBSCRIPTION_ID").then(|| "sub-1".to_owned());
            request.folder = &folder_of_files;
            let asked = |name: &str| {
                runbook
                    .parameters
                    .iter()
                    .any(|parameter| &*parameter.name.value == name)
            };
            if asked("change") {
                request.set.push(("change".to_owned(), "INC-1".to_owned()));
            }
            let planned = plan(&runbook, &request);
            let steps =
                planned.unwrap_or_else(|findings| panic!("{} {journey}: {findings:#?}", folder.display()));
            assert!(!steps.steps.is_empty());
        }
    }
    assert!(seen >= 3, "{seen} runbooks");
}
