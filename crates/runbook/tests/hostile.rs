//! Texts that nobody wrote in good faith: a clear finding, quickly, in bounded memory.

use leeward_runbook::{
    check,
    finding::to_text,
    journey::Journey,
    plan::{PlanRequest, plan},
    read,
};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("samples/example.yaml");

/// Does everything that can be done with a text. It must come back.
fn everything(bytes: &[u8]) -> usize {
    let reading = read("runbook.yaml", bytes);
    let mut findings = reading.findings;
    if let Some(runbook) = &reading.runbook {
        findings = check(runbook);
        for journey in Journey::ALL {
            let mut request = PlanRequest::new(journey);
            request.set = vec![
                ("change".to_owned(), "1".to_owned()),
                ("subscription".to_owned(), "s".to_owned()),
            ];
            let _ = plan(runbook, &request);
        }
    }
    findings.iter().map(|found| to_text(found).len()).sum()
}

fn only_code(bytes: &[u8]) -> String {
    let reading = read("runbook.yaml", bytes);
    assert!(reading.runbook.is_none());
    assert_eq!(reading.findings.len(), 1, "{:?}", reading.findings);
    reading.findings[0].code.to_string()
}

#[test]
fn a_file_of_fifty_megabytes_is_refused_before_it_is_read() {
    assert_eq!(only_code(&vec![b'a'; 50 << 20]), "LW0103");
}

#[test]
fn a_hundred_thousand_levels_of_nesting_are_refused() {
    assert_eq!(only_code("[".repeat(100_000).as_bytes()), "LW0103");
    assert_eq!(only_code("{a: ".repeat(100_000).as_bytes()), "LW0103");
    assert_eq!(only_code("- ".repeat(100_000).as_bytes()), "LW0103");
}

#[test]
fn an_alias_bomb_of_a_kilobyte_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let last = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [last.as_str(); 10].join(", ")
        ));
    }
    assert!(bomb.len() < 2048);
    assert_eq!(only_code(bomb.as_bytes()), "LW0103");
}

#[test]
fn binary_junk_is_told_as_such() {
    let junk: Vec<u8> = (0..100_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert_eq!(only_code(&junk), "LW0101");
    assert_eq!(only_code(b"\x7fELF\x02\x01\x01\x00\x00"), "LW0101");
}

#[test]
fn an_expression_three_hundred_brackets_deep_is_one_clear_finding() {
    let deep = format!("{}1{}", "(".repeat(300), ")".repeat(300));
    let text = EXAMPLE.replace(
        "url: \"https://shop.example.test/health\"",
        &format!("url: \"${{{{ {deep} }}}}\""),
    );
    assert_ne!(text, EXAMPLE);
    let findings = check(&read("runbook.yaml", text.as_bytes()).runbook.expect("a runbook"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].code.as_str(), "LW0114");
}

#[test]
fn a_word_of_a_megabyte_makes_no_finding_of_a_megabyte() {
    let long = "x".repeat(1 << 20);
    for text in [
        format!("{long}: 1"),
        format!("leeward: {long}"),
        EXAMPLE.replace("check.http", &long),
        EXAMPLE.replace("after: [decide]", &format!("after: [{long}]")),
    ] {
        assert!(everything(text.as_bytes()) < 20_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        everything(&bytes);
    }

    #[test]
    fn no_text_of_signs_that_yaml_knows_makes_the_reader_panic(text in "[-a-c:{}\\[\\]&*!|>'\"%#?,. \n$0-9]{0,300}") {
        everything(text.as_bytes());
    }

    #[test]
    fn no_mutation_of_the_example_makes_the_checker_panic(
        cuts in proptest::collection::vec((0..EXAMPLE.len(), 0..40_usize, "[ -~\n]{0,6}"), 1..6)
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for (at, length, put) in cuts {
            let at = at.min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, put.bytes());
        }
        everything(&bytes);
    }

    #[test]
    fn no_exchange_of_words_in_the_example_makes_the_planner_panic(swaps in proptest::collection::vec((0..400_usize, 0..400_usize), 1..4)) {
        let mut words: Vec<&str> = EXAMPLE.split(' ').collect();
        for (one, two) in swaps {
            let count = words.len();
            words.swap(one % count, two % count);
        }
        everything(words.join(" ").as_bytes());
    }

    #[test]
    fn no_expression_makes_the_wrapper_panic(text in "[a-z.\\-()\\[\\]{}'\"?:!&|=<>+*/%, 0-9]{0,80}") {
        let _ = leeward_runbook::expr::evaluate(&text, &leeward_runbook::expr::Scope::new());
        let _ = leeward_runbook::expr::resolve(&serde_json::json!(format!("a ${{{{ {text} }}}} b")), &leeward_runbook::expr::Scope::new());
    }
}

#[test]
fn a_text_of_megabytes_that_aliases_repeat_is_refused() {
    let long = "1".repeat(15 << 20);
    let steps: String = (0..200)
        .map(|number| format!("  s{number}: {{ timeout: *a }}\n"))
        .collect();
    assert_eq!(
        only_code(format!("x: &a {long}\nsteps:\n{steps}").as_bytes()),
        "LW0103"
    );
    let many = vec!["*a"; 100_000].join(", ");
    let text = format!("x: &a {}\ny: [{many}]\n", "1".repeat(1 << 20));
    assert_eq!(only_code(text.as_bytes()), "LW0103");
    // A text of ordinary length may stand for itself as often as before.
    let text = format!(
        "x: &a {}\ny: [{}]\n",
        "1".repeat(1000),
        vec!["*a"; 1000].join(", ")
    );
    assert!(everything(text.as_bytes()) > 0);
}

#[test]
fn what_is_said_about_many_long_words_fits_on_screens() {
    let long = "1".repeat(60 << 10);
    let steps: String = (0..200)
        .map(|number| format!("  s{number}: {{ timeout: *a }}\n"))
        .collect();
    let head = "leeward: 1\nname: x\nregions: { primary: a, paired: b }\n";
    assert!(everything(format!("{head}summary: &a {long}\nsteps:\n{steps}").as_bytes()) < 2_000_000);
}
