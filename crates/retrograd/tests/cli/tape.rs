//! `retrograd tape` and `retrograd gradcheck`.

use super::*;

#[test]
fn a_step_is_shown_as_a_table_with_what_it_keeps() {
    let folder = TempDir::new().unwrap();
    let table = succeed(folder.path(), &["tape", "deep", "--batch-size", "2"]);
    for words in [
        "encoder.0.weight",
        "affine",
        "body.rs:",
        "kept for the rules",
        "W̄ = gᵀ·x",
        "every buffer once",
    ] {
        assert!(table.contains(words), "no {words:?} in {table}");
    }
}

#[test]
fn a_step_is_written_as_a_page_a_graph_and_json() {
    let folder = TempDir::new().unwrap();
    let files = ["--html", "t.html", "--dot", "t.dot", "--json", "t.json"];
    for variant in ["linear", "simple", "deep"] {
        let arguments = [
            &["tape", variant, "--batch-size", "3", "--overwrite"][..],
            &files,
        ]
        .concat();
        let printed = succeed(folder.path(), &arguments);
        assert_eq!(printed.lines().count(), 3, "a line a file: {printed}");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("written");
        let page = read("t.html");
        assert!(
            page.contains(&format!("One step of the {variant} autoencoder"))
                && page.ends_with("</html>\n")
        );
        assert!(read("t.dot").starts_with("digraph tape {"));
        let step: serde_json::Value = serde_json::from_str(&read("t.json")).expect("JSON");
        let names = step["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|node| &node["name"]);
        assert!(names.clone().any(|name| name == "decoder.0.weight"));
        let events = step["events"].as_array().expect("events");
        let kinds = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
        assert_eq!((kinds("forward"), kinds("seed")), (names.count(), 1));
        assert!(kinds("rule") > 3 && kinds("gradient") >= 4, "{variant}");
    }
}

#[test]
fn a_profile_adds_up() {
    let folder = TempDir::new().unwrap();
    let text = succeed(
        folder.path(),
        &["tape", "simple", "--profile", "--batch-size", "4"],
    );
    assert!(
        text.contains("batch of 4") && text.contains("Gflop/s"),
        "{text}"
    );
    // Two affine maps of 784 by 32 on 4 samples: 2·4·784·32 each.
    let affine = text
        .lines()
        .find(|line| line.starts_with("affine"))
        .expect("there are two");
    assert!(affine.contains("401.4 k"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("total")), "{text}");
}

#[test]
fn files_are_not_replaced_unasked() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("mine"), "words").unwrap();
    for form in ["--html", "--dot", "--json"] {
        let arguments = ["tape", "linear", form, "mine"];
        fail(folder.path(), &arguments, 1, &["mine", "--overwrite"]);
        assert_eq!(fs::read(folder.path().join("mine")).unwrap(), b"words");
    }
    succeed(
        folder.path(),
        &["tape", "linear", "--dot", "mine", "--overwrite"],
    );
    fail(
        folder.path(),
        &["tape", "linear", "--html", "no/such/folder"],
        1,
        &["no/such"],
    );
    fail(
        folder.path(),
        &["tape", "linear", "--html", "same", "--json", "same"],
        2,
        &["same", "two files"],
    );
    assert!(!folder.path().join("same").exists());
    fail(
        folder.path(),
        &["tape", "liner"],
        2,
        &["did you mean `linear`"],
    );
    fail(
        folder.path(),
        &["tape", "linear", "--batch-size", "0"],
        2,
        &["--batch-size"],
    );
    fail(
        folder.path(),
        &["tape", "deep", "--batch-size", "99999999"],
        2,
        &["10000"],
    );
}

#[test]
fn gradcheck_prints_a_line_a_check_and_a_summary() {
    let folder = TempDir::new().unwrap();
    let rows = |arguments: &[&str]| -> Vec<String> {
        let table = succeed(folder.path(), arguments);
        table.lines().map(str::to_owned).collect()
    };
    let tanh = rows(&["gradcheck", "tanh"]);
    assert!(
        tanh[1].starts_with("tanh") && tanh[1].contains("yes"),
        "{tanh:?}"
    );
    assert_eq!(tanh.len(), 4, "{tanh:?}");
    assert!(tanh[3].starts_with("1 of 1 pass"), "{tanh:?}");
    let deep = rows(&["gradcheck", "deep"]);
    assert!(
        deep.iter()
            .any(|line| line.starts_with("deep images") && line.contains("16-6-3-6-16"))
    );
    // A family; all of them are the tests of the autograd.
    let family = rows(&["gradcheck", "products"]);
    let checks = family.len() - 3;
    let broadcast = |line: &String| line.starts_with("matmul broadcast both");
    assert!(checks > 20 && family.iter().any(broadcast), "{family:?}");
    let summary = &family[checks + 2];
    assert!(
        summary.starts_with(&format!("{checks} of {checks} pass")),
        "{summary}"
    );
}

#[test]
fn gradcheck_of_nothing_known_suggests_something() {
    let folder = TempDir::new().unwrap();
    fail(
        folder.path(),
        &["gradcheck", "simgoid"],
        2,
        &["`simgoid`", "did you mean `sigmoid`"],
    );
    fail(
        folder.path(),
        &["gradcheck", ""],
        2,
        &["there is no operation", "elementwise"],
    );
}
