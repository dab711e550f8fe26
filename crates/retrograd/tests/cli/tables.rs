//! Commands for tables: what is missing is filled in; counts are counts.

use super::files::{folder, train, written};
use super::*;

/// Rows that two causes make, of 4 columns of very different size; the causes of row `i` are functions of it.
fn row(i: usize) -> [f64; 4] {
    let at = i as f64;
    let (a, b) = ((0.37 * at).sin(), (0.73 * at + 1.0).cos());
    [a, 1e6 + 3.0 * b, 0.001 * (a + b), 2.0 * a - b]
}

/// The same as a table, of which every number of which this is true is missing.
fn table(rows: std::ops::Range<usize>, hole: impl Fn(usize, usize) -> bool) -> String {
    let mut text = "name,a,b,c,d\n".to_owned();
    for i in rows {
        let numbers = row(i);
        let cells = numbers
            .iter()
            .enumerate()
            .map(|(column, number)| match hole(i, column) {
                true => String::new(),
                false => number.to_string(),
            });
        text += &format!("r{i},{}\n", cells.collect::<Vec<_>>().join(","));
    }
    text
}

#[test]
fn impute_fills_holes_and_keeps_every_digit_of_the_rest() {
    let hole = |i: usize, column: usize| (7 * i + 3 * column).is_multiple_of(10);
    let (learnt, others) = (table(0..300, hole), table(300..400, hole));
    let folder = folder(&[("learnt.csv", &learnt), ("others.csv", &others)]);
    let path = folder.path();
    let options = "--latent 2 --hidden 32 --samples 5 --epochs 150 --batch-size 50 --scale standard --id-column name --label-column none";
    let options: Vec<&str> = options.split(' ').collect();
    train(
        path,
        "miwae",
        "learnt.csv",
        &[&options[..], &["--out", "run"]].concat(),
    );
    let found = written(path, "impute", "run", "others.csv", &["--draws", "200"]);
    assert_eq!(found[0], "name,a,b,c,d");
    let [mut errors, mut squares] = [[0.0_f64; 4]; 2];
    for (i, line) in (300..400).zip(&found[1..]) {
        let mut cells = line.split(',');
        assert_eq!(cells.next(), Some(format!("r{i}").as_str()));
        for (column, cell) in cells.enumerate() {
            let (truth, number) = (row(i)[column], cell.parse::<f64>().unwrap());
            if hole(i, column) {
                let mean = (0..400).map(|i| row(i)[column]).sum::<f64>() / 400.0;
                errors[column] += (number - truth).powi(2);
                squares[column] += (truth - mean).powi(2);
            } else {
                assert_eq!(number, truth, "row {i}, column {column}");
            }
        }
    }
    let shares: Vec<f64> = errors.iter().zip(squares).map(|(e, s)| e / s).collect();
    let share = shares.iter().sum::<f64>() / 4.0;
    assert!(share < 0.5, "what the mean leaves is left to {shares:?}");
    // Another seed draws other codes; the same gives the same.
    let again = written(path, "impute", "run", "others.csv", &["--draws", "200"]);
    assert_eq!(found, again);
    let other = written(
        path,
        "impute",
        "run",
        "others.csv",
        &["--draws", "200", "--seed", "1"],
    );
    assert_ne!(found, other);
    // What the run held out of its own file, and a model that knows no distribution.
    succeed(path, &["impute", "run", "--out", "own.csv"]);
    let own = std::fs::read_to_string(path.join("own.csv")).unwrap();
    for line in own.lines().skip(1) {
        let mut cells = line.split(',');
        let i: usize = cells.next().unwrap()[1..].parse().unwrap();
        for (column, cell) in cells.enumerate() {
            assert!(hole(i, column) || cell.parse::<f64>().unwrap() == row(i)[column]);
        }
    }
    train(
        path,
        "linear",
        "learnt.csv",
        &[
            "--id-column",
            "name",
            "--label-column",
            "none",
            "--latent",
            "2",
            "--out",
            "plain",
        ],
    );
    let said = succeed(
        path,
        &[
            "impute",
            "plain",
            "--data",
            "others.csv",
            "--out",
            "plain.csv",
        ],
    );
    assert!(
        said.contains("the reconstruction, since `linear`"),
        "{said}"
    );
    fail(
        path,
        &["impute", "run", "--out", "picture.png"],
        2,
        &["no picture"],
    );
}

/// Rows of which a colour and a number say the same; every ninth colour from the fourth on is missing.
fn colours(rows: std::ops::Range<usize>, holes: bool) -> String {
    let mut text = "id,colour,x\n".to_owned();
    for i in rows {
        let (kind, name) = (i % 3, ["red", "green", "blue"][i % 3]);
        let colour = if holes && i % 9 == 4 { "" } else { name };
        text += &format!("r{i},{colour},{}\n", 100.0 * kind as f64 + (i % 7) as f64);
    }
    text
}

#[test]
fn words_come_back_as_words() {
    let (learnt, holed) = (colours(0..600, false), colours(0..90, true));
    let strange = "id,colour,x\nr0,mauve,3\n";
    let files = [
        ("learnt.csv", &learnt[..]),
        ("holed.csv", &holed),
        ("strange.csv", strange),
    ];
    let folder = folder(&files);
    let path = folder.path();
    fail(
        path,
        &[
            "train",
            "tabular",
            "--data",
            "learnt.csv",
            "--id-column",
            "id",
            "--out",
            "run",
        ],
        1,
        &[
            "text in column 2 (colour: line 2 has \"red\")",
            "--words takes them for categories",
        ],
    );
    let options = "--words colour --id-column id --latent 2 --hidden 32 --epochs 40 --batch-size 50 --out run";
    let options: Vec<&str> = options.split(' ').collect();
    train(path, "tabular", "learnt.csv", &options);
    let near = |lines: &[String]| {
        let right = |line: &&String| {
            let cells: Vec<&str> = line.split(',').collect();
            let [.., colour, x] = cells[..] else {
                panic!("{line}")
            };
            let kind = ["red", "green", "blue"]
                .iter()
                .position(|name| *name == colour);
            let kind = kind.unwrap_or_else(|| panic!("{line}"));
            (x.parse::<f64>().unwrap() - 100.0 * kind as f64 - 3.0).abs() < 30.0
        };
        let lines = &lines[1..];
        lines.iter().filter(right).count() as f64 / lines.len() as f64
    };
    let back = written(path, "reconstruct", "run", "learnt.csv", &[]);
    assert_eq!(back[0], "id,colour,x");
    assert!(near(&back) > 0.95, "{}", near(&back));
    let filled = written(path, "impute", "run", "holed.csv", &[]);
    assert!(near(&filled) > 0.9, "{}", near(&filled));
    assert_eq!(filled[1], "r0,red,0");
    succeed(
        path,
        &["sample", "run", "--count", "400", "--out", "new.csv"],
    );
    let new = std::fs::read_to_string(path.join("new.csv")).unwrap();
    let new: Vec<String> = new.lines().map(str::to_owned).collect();
    // What its code does not say of a row is drawn for each column by itself; by chance it would be a third.
    assert!(near(&new) > 0.5, "{}", near(&new));
    // Between two words there is none: what stands for a missing one is a word.
    let options = "--words colour --id-column id --missing mean --epochs 1 --out filled";
    let options: Vec<&str> = options.split(' ').collect();
    train(path, "tabular", "holed.csv", &options);
    let config = std::fs::read_to_string(path.join("filled/config.toml")).unwrap();
    let fills = config.split_once("fills = [").unwrap().1;
    let fill: f64 = fills
        .split([',', ']'])
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_eq!(fill, 1.0);
    fail(
        path,
        &[
            "encode",
            "run",
            "--data",
            "strange.csv",
            "--out",
            "code.csv",
        ],
        1,
        &["\"mauve\"", "one of blue, green, red"],
    );
}

#[test]
fn the_drawn_table_is_filled_in() {
    let folder = folder(&[]);
    let path = folder.path();
    succeed(path, &["train", "miwae", "--quick", "--out", "run"]);
    succeed(
        path,
        &["impute", "run", "--draws", "50", "--out", "whole.csv"],
    );
    let text = std::fs::read_to_string(path.join("whole.csv")).unwrap();
    assert_eq!(text.lines().count(), 101);
    succeed(
        path,
        &["impute", "run", "--draws", "50", "--out", "whole.npy"],
    );
}

#[test]
fn counts_are_taken_as_they_are_and_nothing_else_for_them() {
    let mut text = "a,b,c\n".to_owned();
    for i in 0..60 {
        text += &format!("{},{},{}\n", i % 7, (i * i) % 11, 100 * (i % 3));
    }
    let halves = text.replace("\n6,", "\n6.5,");
    let folder = folder(&[("counts.csv", &text), ("halves.csv", &halves)]);
    let path = folder.path();
    let said = train(
        path,
        "counts",
        "counts.csv",
        &["--latent", "2", "--out", "run"],
    );
    assert!(said.contains("columns are counts"), "{said}");
    let found = written(path, "reconstruct", "run", "counts.csv", &[]);
    assert_eq!(found.len(), 61);
    succeed(path, &["sample", "run", "--count", "5", "--out", "new.csv"]);
    fail(
        path,
        &["train", "counts", "--data", "halves.csv", "--out", "other"],
        1,
        &["column a holds 6.5", "whole numbers"],
    );
    fail(
        path,
        &[
            "reconstruct",
            "run",
            "--data",
            "halves.csv",
            "--out",
            "no.csv",
        ],
        1,
        &["column a holds 6.5"],
    );
    fail(
        path,
        &[
            "train",
            "counts",
            "--data",
            "counts.csv",
            "--scale",
            "unit",
            "--out",
            "other",
        ],
        2,
        &["takes counts", "--scale counts"],
    );
    succeed(path, &["train", "counts", "--quick", "--out", "drawn"]);
}

#[test]
fn what_is_compressed_is_read_again_and_by_no_other_run() {
    let folder = folder(&[("nothing.bits", "RGBITSBK and no more")]);
    let path = folder.path();
    for seed in ["0", "1"] {
        let run = format!("run{seed}");
        let options = [
            "train",
            "variational",
            "--quick",
            "--hidden",
            "32",
            "--latent",
            "4",
        ];
        succeed(
            path,
            &[&options[..], &["--seed", seed, "--out", &run]].concat(),
        );
    }
    let said = succeed(path, &["compress", "run0", "--out", "held-out.bits"]);
    assert!(said.contains("drawn from shades with seed 0"), "{said}");
    let number = |name: &str| -> f64 {
        let line = said.lines().find(|line| line.contains(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let (rate, bound) = (number("rate"), number("ELBO"));
    assert!((rate / bound - 1.0).abs() < 0.03, "{said}");
    succeed(
        path,
        &["decompress", "run0", "held-out.bits", "--out", "once.npy"],
    );
    // Binary samples are taken as they are, and come back the same.
    let said = succeed(
        path,
        &[
            "compress",
            "run0",
            "--data",
            "once.npy",
            "--out",
            "again.bits",
        ],
    );
    assert!(said.contains("as they are"), "{said}");
    succeed(
        path,
        &["decompress", "run0", "again.bits", "--out", "twice.npy"],
    );
    let bytes = |name: &str| std::fs::read(path.join(name)).unwrap();
    assert_eq!(bytes("once.npy"), bytes("twice.npy"));
    assert_eq!(bytes("held-out.bits"), bytes("again.bits"));
    assert!(bytes("again.bits").len() < bytes("once.npy").len() / 32);
    let other = ["decompress", "run1", "again.bits", "--out", "no.npy"];
    fail(path, &other, 1, &["another model"]);
    let nothing = ["decompress", "run0", "nothing.bits", "--out", "no.npy"];
    fail(path, &nothing, 1, &["not a message"]);
    let exists = ["compress", "run0", "--out", "again.bits"];
    fail(path, &exists, 1, &["there already"]);
    succeed(path, &["train", "deep", "--quick", "--out", "deep"]);
    fail(
        path,
        &["compress", "deep", "--out", "no.bits"],
        2,
        &["binary numbers", "no prior"],
    );
}

#[test]
fn tables_of_numbers_and_categories_are_drawn_anew() {
    let mut text = "sort,size\n".to_owned();
    for i in 0..200 {
        let sort = i % 3;
        text += &format!(
            "{sort},{}\n",
            100.0 * f64::from(sort) + (f64::from(i) * 0.37).sin()
        );
    }
    let folder = folder(&[("mixed.csv", &text)]);
    let path = folder.path();
    let options = [
        "--scale",
        "none",
        "--epochs",
        "200",
        "--batch-size",
        "50",
        "--latent",
        "2",
        "--out",
        "run",
    ];
    train(path, "tabular", "mixed.csv", &options);
    succeed(
        path,
        &["sample", "run", "--count", "200", "--out", "new.csv"],
    );
    let new = std::fs::read_to_string(path.join("new.csv")).unwrap();
    let mut fitting = 0;
    for line in new.lines().skip(1) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let [sort, size] = cells[cells.len() - 2..] else {
            panic!("{line}");
        };
        assert!([0.0, 1.0, 2.0].contains(&sort), "{line}");
        fitting += usize::from((size - 100.0 * sort).abs() < 10.0);
    }
    assert!(fitting > 140, "{fitting} of 200 rows hang together");
    succeed(path, &["train", "tabular", "--quick", "--out", "drawn"]);
}
