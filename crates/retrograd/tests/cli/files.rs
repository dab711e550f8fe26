//! Tables as people have them: what is read, what is matched by name, what is said, what is refused.

use super::*;

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Trains with few samples and one epoch, unless options say otherwise; what was said.
pub(super) fn train(folder: &Path, variant: &str, data: &str, options: &[&str]) -> String {
    let epochs = ["--epochs", "1"];
    let epochs = if options.contains(&"--epochs") {
        &[][..]
    } else {
        &epochs
    };
    let arguments = [
        &["train", variant, "--data", data, "--overwrite"],
        epochs,
        options,
    ]
    .concat();
    let output = retrograd(folder, &arguments);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// What a command on a run writes for a file, as lines.
pub(super) fn written(
    folder: &Path,
    command: &str,
    run: &str,
    data: &str,
    options: &[&str],
) -> Vec<String> {
    let arguments = [
        &[
            command,
            run,
            "--data",
            data,
            "--out",
            "out.csv",
            "--overwrite",
        ],
        options,
    ];
    succeed(folder, &arguments.concat());
    let text = fs::read_to_string(folder.join("out.csv")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A field of every line.
fn field(lines: &[String], at: usize) -> Vec<String> {
    let field = |line: &String| line.split(',').nth(at).unwrap().to_owned();
    lines.iter().map(field).collect()
}

/// Twelve flowers of three kinds, which `kinds` chooses from.
fn flowers(kinds: &[&str]) -> String {
    let rows = (0..12).map(|i| {
        let kind = ["setosa", "versicolor", "virginica"][i % 3];
        (
            kind,
            format!("{}.5,{},{},{kind}\n", i, (i * 5) % 7, (i * i) % 11),
        )
    });
    let rows = rows
        .filter(|(kind, _)| kinds.contains(kind))
        .map(|(_, row)| row);
    format!("length,width,height,class\n{}", rows.collect::<String>())
}

#[test]
fn labels_are_known_by_their_names() {
    let all = ["setosa", "versicolor", "virginica"];
    let folder = folder(&[
        ("all.csv", &flowers(&all)),
        ("two.csv", &flowers(&["setosa", "virginica"])),
        (
            "rose.csv",
            "length,width,height,class\n1,2,3,setosa\n1,2,3,rose\n",
        ),
        (
            "empty.csv",
            "length,width,height,class\n1,2,3,setosa\n1,2,3,\n",
        ),
    ]);
    let path = folder.path();
    let small = ["--hidden", "4", "--latent", "2"];
    train(path, "conditional", "all.csv", &small);
    let run = "runs/conditional";
    // As many classes as the data has.
    let config = fs::read_to_string(path.join(run).join("config.toml")).unwrap();
    assert!(config.contains("classes = 3"), "{config}");
    let whole = written(path, "encode", run, "all.csv", &[]);
    let two = written(path, "encode", run, "two.csv", &[]);
    let code = |line: &String| line.split_once(',').unwrap().1.to_owned();
    let expected: Vec<String> = whole
        .iter()
        .filter(|line| !line.ends_with("versicolor"))
        .map(code)
        .collect();
    assert_eq!(two.iter().map(code).collect::<Vec<_>>(), expected);
    for (file, words) in [
        (
            "rose.csv",
            &["line 3", "rose", "setosa, versicolor, virginica"][..],
        ),
        ("empty.csv", &["line 3", "empty label"]),
    ] {
        fail(
            path,
            &["encode", run, "--data", file, "--out", "x.csv"],
            1,
            words,
        );
    }
    fail(
        path,
        &["train", "deep", "--data", "empty.csv", "--out", "other"],
        1,
        &["line 3", "empty label"],
    );
    let drawn = ["--label", "virginica", "--out", "drawn.npy"];
    succeed(path, &[&["sample", run], &drawn[..]].concat());
    fail(
        path,
        &["sample", run, "--label", "rose", "--out", "x.npy"],
        2,
        &["rose", "virginica"],
    );
    // A model that does not need labels carries those it has never seen.
    train(path, "deep", "all.csv", &["--hidden", "4", "--latent", "2"]);
    let roses = written(path, "encode", "runs/deep", "rose.csv", &[]);
    assert_eq!(field(&roses, 3), ["class", "setosa", "rose"]);
}

#[test]
fn columns_are_known_by_their_names() {
    let rows = "1,20,3\n2,40,1\n3,10,2\n4,50,7\n5,60,1\n";
    let turned = "3;x;20;1\n1;y;40;2\n2;z;10;3\n7;u;50;4\n1;v;60;5\n";
    let folder = folder(&[
        ("a.csv", &format!("a,b,c\n{rows}{rows}")),
        ("b.csv", &format!("c;note;b;a\n{turned}{turned}")),
        ("lacks.csv", "a,c,d\n1,2,3\n"),
        ("bare.csv", &format!("{rows}{rows}")),
    ]);
    let path = folder.path();
    train(path, "simple", "a.csv", &["--latent", "2"]);
    let own = written(path, "encode", "runs/simple", "a.csv", &[]);
    assert_eq!(written(path, "encode", "runs/simple", "b.csv", &[]), own);
    let arguments = ["encode", "runs/simple", "--data", "b.csv", "--out", "x.csv"];
    let said = text(&retrograd(path, &arguments).stderr);
    assert!(said.contains("left out: note"), "{said}");
    fail(
        path,
        &[
            "encode",
            "runs/simple",
            "--data",
            "lacks.csv",
            "--out",
            "y.csv",
        ],
        1,
        &["lacks.csv", "no column called b", "a, b, c"],
    );
    assert_eq!(written(path, "encode", "runs/simple", "bare.csv", &[]), own);
    let arguments = [
        "encode",
        "runs/simple",
        "--data",
        "bare.csv",
        "--out",
        "z.csv",
    ];
    let said = text(&retrograd(path, &arguments).stderr);
    assert!(said.contains("by their position"), "{said}");
}

#[test]
fn ids_are_carried_to_every_output() {
    let rows: String = (0..12)
        .map(|i| {
            format!(
                "{},{},k{i},{}\n",
                i % 5,
                i * 3 % 7,
                9007199254740993_u64 + i
            )
        })
        .collect();
    let folder = folder(&[("keys.csv", &format!("a,b,key,number\n{rows}"))]);
    let path = folder.path();
    fail(
        path,
        &["train", "simple", "--data", "keys.csv"],
        1,
        &[
            "column 3 (key: line 2 has \"k0\")",
            "--drop key",
            "--id-column",
        ],
    );
    let said = train(
        path,
        "simple",
        "keys.csv",
        &["--drop", "key", "--latent", "2"],
    );
    assert!(
        said.contains("used as features: number") && said.contains("--id-column"),
        "{said}"
    );
    let options = ["--id-column", "number", "--drop", "key", "--latent", "1"];
    let said = train(path, "simple", "keys.csv", &options);
    assert!(
        said.contains("ids: number") && said.contains("left out: key"),
        "{said}"
    );
    for command in ["encode", "reconstruct", "score"] {
        let ids = field(&written(path, command, "runs/simple", "keys.csv", &[]), 0);
        assert_eq!(
            (ids[0].as_str(), ids[1].as_str(), ids[12].as_str()),
            ("number", "9007199254740993", "9007199254741004"),
            "{command}"
        );
    }
    // What the run held out is known by its id as well.
    succeed(path, &["encode", "runs/simple", "--out", "held.csv"]);
    let held = fs::read_to_string(path.join("held.csv")).unwrap();
    assert!(
        held.lines().nth(1).unwrap().starts_with("90071992547"),
        "{held}"
    );
    // Without ids, by the row of the file.
    train(
        path,
        "simple",
        "keys.csv",
        &["--columns", "a,b", "--latent", "1"],
    );
    succeed(path, &["encode", "runs/simple", "--out", "rows.csv"]);
    let rows = fs::read_to_string(path.join("rows.csv")).unwrap();
    assert!(rows.starts_with("row,h1\n"), "{rows}");
    let codes = written(path, "encode", "runs/simple", "keys.csv", &[]);
    assert!(
        codes.contains(&rows.lines().nth(1).unwrap().to_owned()),
        "{rows} {codes:?}"
    );
}

#[test]
fn last_digits_are_kept() {
    let rows: String = (0..64)
        .map(|i| format!("{},{}\n", 1_700_000_000 + i, 1e6 + f64::from(i) / 1e3))
        .collect();
    let folder = folder(&[("times.csv", &format!("time,height\n{rows}"))]);
    let path = folder.path();
    train(
        path,
        "linear",
        "times.csv",
        &["--latent", "1", "--epochs", "2000"],
    );
    let made = written(path, "reconstruct", "runs/linear", "times.csv", &[]);
    for (row, line) in made.iter().skip(1).enumerate() {
        let values: Vec<f64> = line.split(',').map(|x| x.parse().unwrap()).collect();
        // Both columns are one line, which a code of one number holds.
        let expected = [1.7e9 + row as f64, 1e6 + row as f64 / 1e3];
        assert!((values[1] - expected[0]).abs() < 2.0, "{line}");
        assert!((values[2] - expected[1]).abs() < 2e-3, "{line}");
    }
}

#[test]
fn scales_are_chosen_by_the_data_and_by_options() {
    let small: String = (0..20)
        .map(|i| format!("{},{}e-7,5\n", f64::from(i) / 19.0, i % 10))
        .collect();
    let fills: String = (0..20)
        .map(|i| format!("{},{}\n", f64::from(i) / 19.0, f64::from(i * 7 % 20) / 20.0))
        .collect();
    let folder = folder(&[
        ("small.csv", &format!("a,b,c\n{small}")),
        ("fills.csv", &format!("a,b\n{fills}")),
    ]);
    let path = folder.path();
    let said = train(path, "simple", "small.csv", &["--latent", "2"]);
    assert!(said.contains("each column is scaled to [0, 1]"), "{said}");
    assert!(
        said.contains("never change") && said.contains(": c"),
        "{said}"
    );
    let said = train(path, "simple", "fills.csv", &["--latent", "1"]);
    assert!(said.contains("taken as they are"), "{said}");
    let said = train(
        path,
        "linear",
        "fills.csv",
        &["--latent", "1", "--scale", "standard"],
    );
    assert!(said.contains("mean 0 and standard deviation 1"), "{said}");
    let config = fs::read_to_string(path.join("runs/linear/config.toml")).unwrap();
    assert!(config.contains("scale = \"standard\""), "{config}");
}

#[test]
fn cross_entropy_is_of_numbers_from_0_to_1() {
    let rows: String = (0..20)
        .map(|i| format!("{},{}\n", f64::from(i) / 19.0, 60 + i))
        .collect();
    let folder = folder(&[("a.csv", &format!("share,age\n{rows}"))]);
    let path = folder.path();
    for (variant, option, value) in [
        ("simple", "--output", "probability"),
        ("variational", "--decoder", "bernoulli"),
    ] {
        let options = [option, value, "--latent", "1"];
        fail(
            path,
            &[
                &[
                    "train", variant, "--data", "a.csv", "--scale", "none", "--epochs", "1",
                ],
                &options[..],
            ]
            .concat(),
            2,
            &[
                "column age reaches from 60 to 79",
                "cross-entropy",
                "--scale unit",
                option,
            ],
        );
        assert!(!path.join("runs").join(variant).exists());
        train(path, variant, "a.csv", &options);
        for record in metrics(&path.join("runs").join(variant)) {
            let loss = record["held_out"]["loss"].as_f64().unwrap();
            assert!(loss > 0.0, "{variant}: {loss}");
        }
    }
}

#[test]
fn what_is_missing_is_filled_on_request() {
    let folder = folder(&[
        (
            "gaps.csv",
            "a,b\n1,10\nNA,20\n3,\n5,60\n2,30\n4,10\n6,20\n7,80\n9,10\n8,15\n3,3\n1,12\n",
        ),
        ("more.csv", "b,a\n,1\n10,\n"),
    ]);
    let path = folder.path();
    fail(
        path,
        &[
            "train",
            "simple",
            "--data",
            "gaps.csv",
            "--missing",
            "refuse",
        ],
        1,
        &["line 3, column 1 (a)", "--missing"],
    );
    let said = train(
        path,
        "simple",
        "gaps.csv",
        &["--missing", "median", "--latent", "1"],
    );
    assert!(
        said.contains("2 of 12 rows lack numbers, 2 in all, for which the median"),
        "{said}"
    );
    // Other files are filled with what the run's own rows had.
    assert_eq!(
        written(path, "encode", "runs/simple", "more.csv", &[]).len(),
        3
    );
}

#[test]
fn tables_are_read_from_standard_input() {
    use std::io::Write;
    let folder = folder(&[]);
    let through = |arguments: &[&str], input: &str| {
        let mut child = command(folder.path(), arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let rows: String = (0..20).map(|i| format!("{i};{},5\n", i * i)).collect();
    let output = through(
        &[
            "train", "simple", "--data", "-", "--epochs", "1", "--latent", "1",
        ],
        &rows,
    );
    let said = text(&output.stderr);
    assert!(
        output.status.success() && said.contains("20 rows of 2 columns between semicolons"),
        "{said}"
    );
    let output = through(
        &["encode", "runs/simple", "--data", "-", "--out", "codes.csv"],
        "1;2\n3;4\n",
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = through(
        &["encode", "runs/simple", "--data", "-", "--out", "x.csv"],
        "1;2\n3;x\n",
    );
    assert!(
        text(&output.stderr).contains("\"standard input\": line 2"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn bytes_come_back_in_their_own_units() {
    let folder = folder(&[]);
    let path = folder.path();
    let values: Vec<u8> = (0..40 * 4).map(|i| (i * 37 % 200 + 50) as u8).collect();
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let mut header = "{'descr': '|u1', 'fortran_order': False, 'shape': (40, 2, 2), }".to_owned();
    header.push_str(&" ".repeat(0x75 - header.len()));
    header.push('\n');
    bytes.extend(header.bytes());
    bytes.extend(&values);
    fs::write(path.join("shades.npy"), bytes).unwrap();
    train(
        path,
        "simple",
        "shades.npy",
        &["--latent", "2", "--epochs", "20"],
    );
    let arguments = [
        "reconstruct",
        "runs/simple",
        "--data",
        "shades.npy",
        "--out",
        "y.npy",
    ];
    succeed(path, &arguments);
    let made = retrograd::datasets::read_npy::<f32>(path.join("y.npy")).unwrap();
    let mean = made.iter().sum::<f32>() / made.elements() as f32;
    assert!((100.0..200.0).contains(&mean), "{mean}");
}

/// A folder of ten images in colour of these sizes, each of a shade of its own.
fn pictures(folder: &Path, [height, width]: [usize; 2]) {
    fs::create_dir_all(folder).unwrap();
    for i in 0..10_u8 {
        let file = fs::File::create(folder.join(format!("{i}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        let pixel = [200, i * 10, 0];
        let mut writer = encoder.write_header().unwrap();
        writer
            .write_image_data(&pixel.repeat(height * width))
            .unwrap();
    }
}

#[test]
fn images_keep_their_shape_and_their_colours() {
    let folder = folder(&[]);
    let path = folder.path();
    pictures(&path.join("wide"), [8, 16]);
    pictures(&path.join("tall"), [16, 8]);
    pictures(&path.join("odd"), [10, 8]);
    train(path, "strided", "wide", &["--epochs", "60", "--lr", "0.01"]);
    let config = fs::read_to_string(path.join("runs/strided/config.toml")).unwrap();
    assert!(
        config.contains("image = [3, 8, 16]")
            || config.contains("image = [\n    3,\n    8,\n    16,\n]"),
        "{config}"
    );
    // As many pixels in another shape are other images.
    fail(
        path,
        &["encode", "runs/strided", "--data", "tall", "--out", "x.npy"],
        2,
        &["16x8 pixels in 3 channels", "8x16 pixels in 3 channels"],
    );
    fail(
        path,
        &["train", "strided", "--data", "odd", "--out", "other"],
        2,
        &["10x8 pixels cannot be halved 2 times"],
    );
    // Red images come back as red ones.
    succeed(
        path,
        &[
            "reconstruct",
            "runs/strided",
            "--data",
            "wide",
            "--out",
            "y.png",
        ],
    );
    for picture in ["y.png", "runs/strided/reconstructions.png"] {
        let file = std::io::BufReader::new(fs::File::open(path.join(picture)).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        assert_eq!(reader.info().color_type, png::ColorType::Rgb, "{picture}");
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        let red = bytes
            .chunks(3)
            .filter(|rgb| rgb[0] > 150 && rgb[1] < 120 && rgb[2] < 60);
        // Nearly all pixels but those between images are originals and reconstructions.
        assert!(red.count() * 4 > bytes.len() / 3, "{picture}");
    }
}

#[test]
fn an_output_that_cannot_reach_the_data_is_refused() {
    let rows: String = (0..20)
        .map(|row| format!("{row},{}\n", row * row))
        .collect();
    let folder = folder(&[("t.csv", &format!("a,b\n{rows}"))]);
    let path = folder.path();
    let train_with = |variant, more: &[&'static str]| {
        let start = ["train", variant, "--data", "t.csv", "--epochs", "1"];
        [&start[..], &["--latent", "1", "--scale", "standard"], more].concat()
    };
    for (variant, output, what) in [
        ("deep", "rectified", "no number below 0"),
        ("simple", "squashed", "from 0 to 1"),
        ("simple", "probability", "from 0 to 1"),
    ] {
        let arguments = train_with(variant, &["--output", output]);
        let words = [
            "column a",
            "from -1.6",
            what,
            "--scale unit",
            "--output real",
        ];
        fail(path, &arguments, 2, &words);
    }
    let words = [
        "column a",
        "its output lies between 0 and 1",
        "--scale unit",
        "simple",
    ];
    fail(path, &train_with("undercomplete", &[]), 2, &words);
    // The defaults reach any number.
    for variant in ["deep", "simple", "contractive"] {
        succeed(path, &train_with(variant, &["--overwrite"]));
    }
}

#[test]
fn the_highest_scores_are_named_as_rows_are_elsewhere() {
    let rows: String = (0..20)
        .map(|row| format!("r{row},{row},{}\n", 3 * row))
        .collect();
    let odd = "plant,a,b\nfern,1,3\nyucca,1,57\nmoss,2,6\n";
    let folder = folder(&[("t.csv", &format!("plant,a,b\n{rows}")), ("odd.csv", odd)]);
    let path = folder.path();
    train(
        path,
        "linear",
        "t.csv",
        &["--latent", "1", "--id-column", "plant"],
    );
    let said = succeed(path, &["score", "runs/linear", "--data", "odd.csv"]);
    assert!(said.contains("highest: yucca ("), "{said}");
    train(
        path,
        "linear",
        "t.csv",
        &["--latent", "1", "--drop", "plant"],
    );
    let said = succeed(path, &["score", "runs/linear", "--data", "odd.csv"]);
    assert!(said.contains("highest: row 1 ("), "{said}");
}
