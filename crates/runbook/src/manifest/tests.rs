use super::*;

fn complaints(text: &str) -> Vec<String> {
    let found = read([("m/a.yaml", text.as_bytes())], None);
    let told = found.complaints.iter();
    told.map(|one| format!("{}: {}", one.place, one.what)).collect()
}

const SHOP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n";

#[test]
fn a_folder_is_read_in_the_order_of_its_names_and_only_what_is_a_manifest() {
    let second = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: other}}\n";
    let found = read(
        [
            ("m/b.yml", SHOP.as_bytes()),
            ("m/a.yaml", second.as_slice()),
            ("m/README.md", b"not: [a manifest".as_slice()),
        ],
        Some("front"),
    );
    assert_eq!(found.complaints, []);
    let titles: Vec<String> = found.objects.iter().map(Object::title).collect();
    assert_eq!(
        titles,
        [
            "Namespace front/shop",
            "ConfigMap other/one",
            "Deployment front/shop"
        ]
    );
    assert_eq!(found.objects[2].group(), "apps");
}

#[test]
fn everything_that_is_wrong_with_a_manifest_is_told_with_its_place() {
    assert_eq!(
        complaints("kind: Pod\nmetadata: {generateName: x-}\n"),
        [
            "m/a.yaml:1:1: the object has no `apiVersion` that could be one",
            "m/a.yaml:2:11: the object has no `metadata.name` that could be one",
        ]
    );
    assert_eq!(complaints("- 1\n"), ["m/a.yaml:1:1: a list is no object"]);
    let read_back = format!("{SHOP}status: {{}}\n");
    assert_eq!(
        complaints(&read_back),
        ["m/a.yaml:4:1: `status` is made by the server"]
    );
    let twice = format!("{SHOP}---\n{SHOP}");
    assert_eq!(
        complaints(&twice),
        ["m/a.yaml:5:1: Deployment shop is described a second time"]
    );
    assert!(complaints("a: {{ .Values.x }}\n")[0].starts_with("m/a.yaml:1:"));
    let climbing = "apiVersion: v1\nkind: Pod\nmetadata: {name: ../x, namespace: A/b}\n";
    assert_eq!(complaints(climbing).len(), 2);
}

#[test]
fn a_word_that_other_readers_take_for_something_else_is_not_guessed_at() {
    for bad in ["yes", "No", "on", "0644", "0x1F", "0o17", "1_000", "1:30", ".inf"] {
        let text = format!("{SHOP}spec: {{x: {bad}}}\n");
        assert_eq!(complaints(&text).len(), 1, "{bad}");
        let quoted = format!("{SHOP}spec: {{x: \"{bad}\"}}\n");
        assert_eq!(complaints(&quoted), Vec::<String>::new(), "{bad}");
    }
    for good in [
        "true",
        "0",
        "420",
        "1.5",
        "100m",
        "1Gi",
        "8080:80",
        "nginx:1.27",
        "2026-11-24",
        "-1",
    ] {
        let text = format!("{SHOP}spec: {{x: {good}}}\n");
        assert_eq!(complaints(&text), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn a_secret_holds_references_and_never_what_it_is_for() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\n";
    let literal = format!("{secret}data: {{key: aHVudGVyMg==}}\nstringData: {{other: hunter2}}\n");
    let told = complaints(&literal);
    assert_eq!(told.len(), 2);
    assert!(
        told.iter()
            .all(|one| !one.contains("hunter2") && !one.contains("aHVu"))
    );
    let reference = format!("{secret}stringData: {{key: \"env:SHOP_KEY\", other: \"file:/run/key\"}}\n");
    assert_eq!(complaints(&reference), Vec::<String>::new());
    assert_eq!(
        complaints(&format!("{secret}stringData: {{key: \"key-vault:x\"}}\n")).len(),
        1
    );
}
