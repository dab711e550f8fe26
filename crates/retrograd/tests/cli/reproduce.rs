//! Published recipes: that the table is made in parts, kept, and printed whole.

use super::data::idx;
use super::*;

/// A folder in the manner of MNIST with images of 8x8: 400 to train with and 50 held out, of which a
/// quick run takes a tenth.
fn mnist(folder: &Path) {
    images(folder, 400, 8);
}

fn images(folder: &Path, train: u32, side: u32) {
    let pixels = |count: u32| -> Vec<u8> {
        let pixel = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) as u8;
        (0..(count * side * side) as usize).map(pixel).collect()
    };
    fs::create_dir_all(folder).unwrap();
    for (name, count) in [("train", train), ("t10k", 50)] {
        let images = idx(&[count, side, side], &pixels(count));
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
    }
}

/// What the row's file says.
fn result(folder: &Path, row: &str) -> serde_json::Value {
    let text = fs::read_to_string(folder.join(format!("runs/reproduce/row-{row}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The lines of a printed table that are about a row: its own and those without a name after it.
fn lines<'a>(table: &'a str, row: &str) -> Vec<&'a str> {
    let starts = |line: &&str| line.split(' ').next() == Some(row);
    let mut own = table.lines().skip_while(|line| !starts(line));
    let first = own.next().into_iter();
    first
        .chain(own.take_while(|line| line.starts_with(' ')))
        .collect()
}

#[test]
fn rows_are_trained_in_parts_and_shown_together() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mnist(&folder.join("mnist"));
    let reproduce = |rows: &[&str]| {
        let options = ["--data", "mnist", "--quick", "--threads", "1"];
        succeed(folder, &[&["reproduce"], rows, &options].concat())
    };
    let table = reproduce(&["2", "18"]);
    assert_eq!(lines(&table, "2").len(), 3, "{table}");
    assert!(
        lines(&table, "2")[1].contains("train loss, epoch 2"),
        "{table}"
    );
    assert!(
        lines(&table, "2")
            .iter()
            .all(|line| line.contains("cut short"))
    );
    assert!(
        lines(&table, "4")
            .iter()
            .all(|line| line.contains("not yet run"))
    );
    assert!(lines(&table, "20-k1")[0].contains("(milestone)"), "{table}");
    assert!(
        table.contains("0 of 2 trained rows are met, of 43 in all"),
        "{table}"
    );

    let before = fs::read(folder.join("runs/reproduce/row-2.json")).unwrap();
    let table = reproduce(&["1", "2", "4", "12"]);
    for row in ["1", "2", "4", "12", "18"] {
        assert!(
            lines(&table, row)[0].contains("cut short"),
            "{row}: {table}"
        );
    }
    // Not trained again.
    assert_eq!(
        fs::read(folder.join("runs/reproduce/row-2.json")).unwrap(),
        before
    );
    assert!(
        !folder.join("runs/reproduce/row-2").exists(),
        "nothing to go on with is left"
    );
    let page = fs::read_to_string(folder.join("runs/reproduce/table.md")).unwrap();
    assert!(page.contains("| 12 | 784-128-2-128-784") && page.contains("- **12**: Adam at 0.001"));

    // No linear map leaves less than the components do, and the loss of a mean over features is
    // theirs over the number of features.
    let linear = result(folder, "1");
    let of = |value: &serde_json::Value| value.as_f64().unwrap();
    let residual = &linear["figures"][0];
    assert!(of(&residual["ours"]) > of(&residual["against"]), "{linear}");
    let shared = of(&linear["figures"][1]["ours"]);
    assert!(shared > 0.0 && shared < 1.0, "{linear}");
    let sparse = result(folder, "4");
    assert!(of(&sparse["figures"][2]["ours"]) > 0.0, "{sparse}");
}

#[test]
fn a_seed_decides_a_row_and_another_is_not_mixed_in() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mnist(&folder.join("mnist"));
    let row =
        |more: &[&'static str]| [&["reproduce", "3", "--data", "mnist", "--quick"], more].concat();
    succeed(folder, &row(&[]));
    let first = result(folder, "3");
    fail(
        folder,
        &row(&["--seed", "1"]),
        1,
        &["row-3.json", "another seed", "--overwrite"],
    );
    succeed(folder, &row(&["--seed", "1", "--overwrite"]));
    let second = result(folder, "3");
    assert_ne!(first["figures"], second["figures"]);
    succeed(folder, &row(&["--overwrite", "--threads", "2"]));
    assert_eq!(first["figures"], result(folder, "3")["figures"]);
}

#[test]
fn a_row_of_an_older_recipe_is_refused_until_it_is_trained_anew() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mnist(&folder.join("mnist"));
    let row = ["reproduce", "3", "--data", "mnist", "--quick"];
    succeed(folder, &row);
    let ours = result(folder, "3");
    let mut older = ours.clone();
    let recipe = ours["conditions"]["recipe"].as_str().unwrap();
    older["conditions"]["recipe"] = recipe.replace("batches of 32", "batches of 64").into();
    assert_ne!(older, ours);
    let file = folder.join("runs/reproduce/row-3.json");
    fs::write(file, serde_json::to_string_pretty(&older).unwrap()).unwrap();
    fail(folder, &row, 1, &["row-3.json", "recipe", "--overwrite"]);
    let table = succeed(folder, &[&["reproduce", "6"], &row[2..]].concat());
    assert!(
        lines(&table, "3")
            .iter()
            .all(|line| line.contains("older recipe"))
    );
    succeed(folder, &[&row[..], &["--overwrite"]].concat());
    assert_eq!(result(folder, "3")["conditions"], ours["conditions"]);
}

#[test]
fn the_last_batch_is_measured_beside_all_samples() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    images(&folder.join("mnist"), 400, 28);
    let row = ["reproduce", "14", "--data", "mnist"];
    let figure = |number: usize| {
        let figure = &result(folder, "14")["figures"][number];
        (figure["ours"].as_f64().unwrap(), figure["against"].clone())
    };
    // 37 of 40 samples, the first twelfth being left out, are one batch, which is the last.
    succeed(folder, &[&row[..], &["--quick"]].concat());
    assert_eq!(result(folder, "14")["conditions"]["train_samples"], 37);
    let ((last, published), (all, unsaid)) = (figure(0), figure(1));
    assert!((last / all - 1.0).abs() < 1e-6, "{last} {all}");
    assert!(published == 0.0104 && unsaid.is_null());
    // 367 of 400 are two batches.
    let table = succeed(folder, &[&row[..], &["--overwrite"]].concat());
    assert_ne!(figure(0).0, figure(1).0);
    let lines = lines(&table, "14");
    assert!(lines[0].contains("last batch's squared error") && lines[0].contains(" no "));
    assert!(
        lines[1]
            .trim_end()
            .ends_with(|digit: char| digit.is_ascii_digit()),
        "{table}"
    );
}

#[test]
fn a_row_that_was_begun_is_not_gone_on_with_otherwise() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mnist(&folder.join("mnist"));
    let row = ["reproduce", "3", "--data", "mnist", "--quick"];
    succeed(folder, &row);
    let results = folder.join("runs/reproduce");
    let conditions = result(folder, "3")["conditions"].clone();
    fs::remove_file(results.join("row-3.json")).unwrap();
    let begin = |conditions: &serde_json::Value| {
        fs::create_dir_all(results.join("row-3")).unwrap();
        let text = serde_json::to_string_pretty(conditions).unwrap();
        fs::write(results.join("row-3/conditions.json"), text).unwrap();
    };
    let mut other = conditions;
    other["seed"] = 7.into();
    begin(&other);
    fail(
        folder,
        &row,
        1,
        &["conditions.json", "another seed", "--overwrite"],
    );
}

#[test]
#[cfg(unix)]
fn an_interrupted_row_goes_on_to_the_same_figures() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    images(&folder.join("mnist"), 800, 8);
    let row = ["reproduce", "7", "--data", "mnist", "--threads", "1"];
    let begun = folder.join("runs/reproduce/row-7/stage-1");
    let said = interrupt(folder, &row, || begun.exists());
    assert!(said.contains("stopped in row 7"), "{said}");
    assert!(!folder.join("runs/reproduce/row-7.json").exists());
    succeed(folder, &row);
    let parts = result(folder, "7");
    succeed(folder, &[&row[..], &["--overwrite"]].concat());
    assert_eq!(parts["figures"], result(folder, "7")["figures"]);
    assert_eq!(parts["conditions"]["quick"], false);
}

#[test]
fn what_cannot_be_reproduced_is_refused_in_words() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mnist(&folder.join("mnist"));
    let with =
        |row: &'static str, data: &'static str| ["reproduce", row, "--data", data, "--quick"];
    fail(
        folder,
        &with("99", "mnist"),
        2,
        &["no row 99", "16-gaussian", "18"],
    );
    fail(folder, &with("2", "nowhere"), 1, &["nowhere"]);
    // A code of 64 for images of 8x8.
    fail(folder, &with("9", "mnist"), 1, &["row 9", "code of 64"]);
    fail(folder, &["reproduce", "2"], 2, &["--data"]);
    fs::create_dir_all(folder.join("runs/reproduce")).unwrap();
    fs::write(folder.join("runs/reproduce/row-2.json"), "{}").unwrap();
    fail(
        folder,
        &with("2", "mnist"),
        1,
        &["row-2.json", "no result of a row"],
    );
}
