//! CSV: headers, quotes, delimiters, labels, and fields that are no numbers.

use retrograd_datasets::{CsvReader, Dataset, DatasetError, Fill, LabelColumn, Scaling, Table};
use tempfile::tempdir;

use crate::support::{gzip, line, write};

fn table(text: &str) -> Dataset {
    CsvReader::new()
        .from_bytes(text.as_bytes())
        .expect("a table")
}

fn refused(reader: &CsvReader, text: impl AsRef<[u8]>) -> String {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "table.csv", text.as_ref());
    let error = reader.read(&path).expect_err("a refusal");
    line(&error, &path)
}

#[test]
fn headers_and_delimiters_are_found() {
    let named = table("height,\"weight, kg\"\n1.5,60\n-2e-1,7.25\n");
    assert_eq!(named.columns, ["height", "weight, kg"]);
    assert_eq!(named.features.shape(), [2, 2]);
    assert_eq!(*named.values(), [1.5, 60.0, -0.2, 7.25]);
    assert!(named.labels.is_none());
    for text in [
        "1,2\n3,4",
        "1;2\r\n3;4\r\n",
        "1\t2\n\n3\t4\n",
        "\u{feff}1, 2 \n\"3\", 4\n",
    ] {
        let plain = table(text);
        assert_eq!(*plain.values(), [1.0, 2.0, 3.0, 4.0], "{text:?}");
        assert!(plain.columns.is_empty());
    }
    let years = CsvReader::new()
        .header(true)
        .from_bytes(b"1999,2000\n1,2\n");
    assert_eq!(years.expect("a table").columns, ["1999", "2000"]);
    let pipes = CsvReader::new().separator(b'|').from_bytes(b"1|2\n3|4\n");
    assert_eq!(pipes.expect("a table").width(), 2);
}

#[test]
fn features_may_be_words_that_keep_their_numbers() {
    let reader = CsvReader::new().words(vec!["size".into(), "colour".into()]);
    let text = "x,colour,size,label\n1,red,size 10,a\n2,\"sea, green\",size 9,b\n3,red,size 10,a\n";
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "table.csv", text.as_bytes());
    let table = reader.read_table(&path).expect("a table");
    let rows: Vec<&[f64]> = table.rows().collect();
    assert_eq!(rows, [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0], [3.0, 0.0, 1.0]]);
    let found = table.layout.feature_words();
    assert_eq!(found[0], [""; 0]);
    assert_eq!(found[1], ["red", "sea, green"]);
    assert_eq!(found[2], ["size 9", "size 10"]);
    assert!(
        table.notes[0].contains("words: colour (2), size (2)"),
        "{}",
        table.notes[0]
    );

    // Another table has the same numbers for the same words, wherever its columns stand, and no other words.
    let like = CsvReader::new().like(table.layout.clone());
    let other = like.from_bytes(b"size,x,colour\nsize 10,7,\"sea, green\"\n");
    assert_eq!(*other.expect("a table").values(), [7.0, 1.0, 1.0]);
    let said = refused(&like, "size,x,colour\nsize 9,7,blue\n");
    assert!(
        said.contains("line 2, column 3 (colour)") && said.contains("\"blue\""),
        "{said}"
    );
    assert!(said.contains("one of red, sea, green"), "{said}");

    // One that is missing is no word of its own.
    let said = refused(&reader, "x,colour,size\n1,red,s\n2,NA,s\n");
    assert!(
        said.contains("column 2 (colour)") && said.contains("--missing"),
        "{said}"
    );
    let path = write(
        folder.path(),
        "holes.csv",
        b"x,colour,size\n1,red,s\n2,,s\n",
    );
    let holes = reader
        .clone()
        .missing(true)
        .read_table(&path)
        .expect("a table");
    assert!(holes.rows().nth(1).expect("a row")[1].is_nan());
    assert_eq!(holes.layout.feature_words()[1], ["red"]);
    // Columns that cannot be words, and those that should be.
    let said = refused(&reader, "x,colour\n1,red\n");
    assert!(
        said.contains("no column called \"size\" for --words"),
        "{said}"
    );
    let label = CsvReader::new().words(vec!["label".into()]);
    let said = refused(&label, "x,label\n1,red\n");
    assert!(
        said.contains("column label for words, which is no feature"),
        "{said}"
    );
    let said = refused(&CsvReader::new(), "x,colour\n1,red\n2,blue\n");
    assert!(said.contains("--words takes them for categories"), "{said}");
}

#[test]
fn words_of_many_pieces_are_numbered_as_one() {
    let text: String = (0..200_000)
        .map(|i| format!("{i}.5,word {}\n", (i * 7919) % 1000))
        .collect();
    let folder = tempdir().expect("a folder");
    let path = write(
        folder.path(),
        "table.csv",
        format!("x,w\n{text}").as_bytes(),
    );
    let reader = CsvReader::new().words(vec!["w".into()]);
    let table = reader.read_table(&path).expect("a table");
    assert_eq!(table.layout.feature_words()[1].len(), 1000);
    for (i, row) in table.rows().enumerate() {
        assert_eq!(row, [i as f64 + 0.5, ((i * 7919) % 1000) as f64]);
    }
}

#[test]
fn labels_are_numbers_or_words() {
    let words = table("a,Label,b\n1,cat 10,2\n3,cat 9,4\n5,cat 10,6\n");
    assert_eq!(words.classes, ["cat 9", "cat 10"]);
    assert_eq!(words.labels, Some(vec![1, 0, 1]));
    assert_eq!(words.columns, ["a", "b"]);
    assert_eq!(*words.values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let reader = CsvReader::new().labels(LabelColumn::Index(0));
    let numbers = reader.from_bytes(b"7,0.5\n300,1\n").expect("a table");
    assert_eq!(
        (numbers.labels, numbers.classes.len()),
        (Some(vec![7, 300]), 0)
    );
    let reader = CsvReader::new().labels(LabelColumn::Name("kind".into()));
    let data = reader.from_bytes(b"x,kind\n1,a\n2,b\n").expect("a table");
    assert_eq!(data.classes, ["a", "b"]);
    let reader = CsvReader::new().labels(LabelColumn::None);
    assert_eq!(
        reader
            .from_bytes(b"x,class\n1,2\n")
            .expect("a table")
            .width(),
        2
    );
}

#[test]
fn fields_that_are_no_numbers_are_found_by_line_and_column() {
    let text = refused(&CsvReader::new(), "a,b\n1,2\n3,four\n");
    assert!(
        text.contains("line 3") && text.contains("column 2 (b)"),
        "{text}"
    );
    assert!(
        text.contains("found \"four\", expected a finite number"),
        "{text}"
    );
    for (field, found) in [
        ("", "an empty field"),
        ("nan", "nan"),
        ("1e99", "1e99"),
        ("inf", "inf"),
    ] {
        let text = refused(&CsvReader::new(), format!("1,2\n3,{field}\n"));
        assert!(
            text.contains("line 2, column 2:") && text.contains(found),
            "{text}"
        );
    }
    let text = refused(&CsvReader::new(), "a,b\n1,\"2\n3,4\n");
    assert!(text.contains("line 2"), "an open quote: {text}");
    let text = refused(&CsvReader::new(), b"a,b\n1,\xff\xfe\n");
    assert!(text.contains("line 2"), "{text}");
    let text = refused(
        &CsvReader::new(),
        format!("a,b\n1,{}\n", "long ".repeat(1000)),
    );
    assert!(text.len() < 400, "{text}");
}

#[test]
fn rows_of_another_length_are_found() {
    let text = refused(&CsvReader::new(), "a,b,c\n1,2,3\n4,5\n");
    assert!(
        text.contains("line 3, column 3 (c): found a row of 2 fields"),
        "{text}"
    );
    let text = refused(&CsvReader::new(), "1,2\n3,4,5\n");
    assert!(
        text.contains("line 2, column 3: found a row of 3 fields"),
        "{text}"
    );
}

#[test]
fn tables_without_rows_or_columns_are_refused() {
    for text in ["", "\n\n", "a,b\n"] {
        let error = CsvReader::new().from_bytes(text.as_bytes());
        assert!(matches!(error, Err(DatasetError::Empty { .. })), "{text:?}");
    }
    let reader = CsvReader::new().labels(LabelColumn::Index(0));
    let error = reader.from_bytes(b"1\n2\n");
    assert!(matches!(error, Err(DatasetError::Empty { .. })));
}

#[test]
fn columns_of_labels_must_exist() {
    let reader = CsvReader::new().labels(LabelColumn::Name("kind".into()));
    assert!(refused(&reader, "x,y\n1,2\n").contains("columns x, y"));
    assert!(refused(&reader, "1,2\n").contains("2 columns without names"));
    let reader = CsvReader::new().labels(LabelColumn::Index(2));
    assert!(refused(&reader, "1,2\n").contains("position 2"));
}

#[test]
fn a_table_that_is_cut_short_is_shorter_or_an_error() {
    let text = "a,b,label\n1,2.5,\"x, y\"\n-3,4e1,z\n";
    let whole = table(text);
    for length in 0..text.len() {
        if let Ok(data) = CsvReader::new().from_bytes(&text.as_bytes()[..length]) {
            assert!(data.len() <= whole.len() && data.width() <= 2, "{length}");
        }
    }
}

fn read(text: &str) -> Table {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "table.csv", text.as_bytes());
    CsvReader::new().read_table(path).expect("a table")
}

fn values(table: Table) -> Vec<f32> {
    table.scaled(None).values().to_vec()
}

#[test]
fn the_format_is_seen_from_several_rows() {
    for (text, separator, decimal) in [
        ("a|b\n1|2\n3|4\n", "bars", "point"),
        ("1 2\n3   4\n", "blanks", "point"),
        ("  1   2\n  3   4 \n", "blanks", "point"),
        ("1,0;2\n3;4,0\n", "semicolons", "comma"),
        ("1,0\t2\n3\t4,0\n", "tabs", "comma"),
        ("1,0 2\n3 4,0\n", "blanks", "comma"),
        ("x;y\n1;2\n3;4\n", "semicolons", "point"),
    ] {
        let table = read(text);
        let note = table.notes[0].clone();
        assert!(
            note.contains(separator) && note.contains(&format!("after a {decimal}")),
            "{text:?}: {note}"
        );
        assert_eq!(values(table), [1.0, 2.0, 3.0, 4.0], "{text:?}");
    }
}

#[test]
fn a_comma_in_a_name_or_a_decimal_separates_nothing() {
    let reader = CsvReader::new().id("name");
    let data = reader.from_bytes(b"name;age;size\nSmith, John;5;3\nLee, Ann;6;2\n");
    let data = data.expect("a table");
    assert_eq!(data.ids, ["Smith, John", "Lee, Ann"]);
    assert_eq!(*data.values(), [5.0, 3.0, 6.0, 2.0]);
    // One column of decimal commas: its header has no comma, or a half that is no number.
    assert_eq!(values(read("size\n1,5\n2,25\n3,5\n")), [1.5, 2.25, 3.5]);
    assert_eq!(values(read("1,5\n2,05\n3,5\n")), [1.5, 2.05, 3.5]);
    // It may be one, and nobody can see it: said.
    let doubtful = read("1,5\n2,25\n3,5\n");
    assert_eq!(doubtful.width(), 2);
    assert!(
        doubtful.notes[1].contains("--decimal ,"),
        "{:?}",
        doubtful.notes
    );
    let one = CsvReader::new()
        .decimal(b',')
        .from_bytes(b"1,5\n2,25\n3,5\n");
    assert_eq!(one.expect("a table").values().to_vec(), [1.5, 2.25, 3.5]);
}

#[test]
fn rows_of_another_length_name_the_separator() {
    let text = refused(
        &CsvReader::new(),
        "name,age\nSmith,5\nLee, Ann,6\nRay,7\nJo,1\n",
    );
    assert!(
        text.contains("text in column 1") || text.contains("between commas"),
        "{text}"
    );
    let reader = CsvReader::new().id("name");
    let text = refused(&reader, "name,age\nSmith,5\nLee, Ann,6\nRay,7\nJo,1\n");
    assert!(
        text.contains("line 3") && text.contains("3 fields between commas"),
        "{text}"
    );
    assert!(text.contains("--separator"), "{text}");
}

#[test]
fn headers_are_guessed_from_more_than_a_row() {
    for (text, names) in [
        (
            "2019,2020,2021\n1.5,2.5,3.5\n2,3,4\n",
            &["2019", "2020", "2021"][..],
        ),
        ("0,1,2\n10,12,9\n11,13,8\n", &["0", "1", "2"]),
        ("id,1,2\n3,4,5\n6,7,8\n", &["id", "1", "2"]),
        ("a,b\n1,NA\n3,4\n", &["a", "b"]),
        ("a,a,\n1,2,3\n4,5,6\n", &["a", "a (2)", "column 3"]),
    ] {
        let reader = CsvReader::new().missing(true);
        let table = reader.from_bytes(text.as_bytes()).expect("a table");
        assert_eq!(table.columns, names, "{text:?}");
    }
    for text in [
        "1,2,3\n4,5,6\n7,8,9\n",
        "1,2,3\n2,5,1\n9,0,2\n",
        "NA,NA,NA\n1,2,3\n4,5,6\n",
        "2019,2020\n2021,2025\n2018,2022\n",
        "5,NA\n1,2\n",
    ] {
        let reader = CsvReader::new().missing(true);
        let table = reader.from_bytes(text.as_bytes()).expect("a table");
        assert!(table.columns.is_empty(), "{text:?}: {:?}", table.columns);
        assert_eq!(table.len(), text.lines().count());
    }
    let years = read("2019,2020,2021\n1.5,2.5,3.5\n2,3,4\n");
    assert!(
        years.notes[0].contains("the first row being names"),
        "{:?}",
        years.notes
    );
    assert!(years.notes[1].contains("--header no"), "{:?}", years.notes);
    let data = CsvReader::new()
        .header(false)
        .from_bytes(b"2019,2020\n1.5,2.5\n");
    assert_eq!(data.expect("a table").len(), 2);
}

#[test]
fn columns_of_text_are_all_named_at_once() {
    let text = refused(
        &CsvReader::new(),
        "name,age,city,when\nBob,1,Rome,2020-01-01\nAnn,2,Oslo,2020-01-02\n",
    );
    for words in [
        "column 1 (name: line 2 has \"Bob\")",
        "column 3 (city: line 2 has \"Rome\")",
        "column 4 (when: line 2 has \"2020-01-01\")",
        "--drop name,city,when",
        "--label-column",
        "--id-column",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let reader = CsvReader::new()
        .id("name")
        .without(vec!["city".into(), "When".into()]);
    let data = reader
        .from_bytes(b"name,age,city,when\nBob,1,Rome,x\nAnn,2,Oslo,y\n")
        .expect("a table");
    assert_eq!(
        (data.columns, data.ids),
        (vec!["age".into()], vec!["Bob".into(), "Ann".into()])
    );
    let only = CsvReader::new().only(vec!["b".into()]);
    let data = only.from_bytes(b"a,b,c\nx,1,y\nz,2,w\n").expect("a table");
    assert_eq!(data.columns, ["b"]);
    assert!(refused(&only, "a,c\n1,2\n").contains("columns a, c"));
}

#[test]
fn columns_of_another_table_are_found_by_name() {
    let first = read("a,b,c,label\n1,2,3,x\n4,5,6,y\n");
    let reader = CsvReader::new().like(first.layout.clone());
    let other = reader
        .from_bytes(b"label,c,extra,a,b\nx,3,text,1,2\ny,6,text,4,5\n")
        .expect("a table");
    assert_eq!(other.columns, ["a", "b", "c"]);
    assert_eq!(*other.values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(other.labels, Some(vec![0, 1]));
    let text = refused(&reader, "a,c,d\n1,2,3\n");
    assert!(text.contains("no column called b"), "{text}");
    // Without names, by position: all columns, or the features alone.
    for bare in ["1,2,3,x\n4,5,6,y\n", "1,2,3\n4,5,6\n"] {
        let other = reader.from_bytes(bare.as_bytes()).expect("a table");
        assert_eq!(*other.values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
    let text = refused(&reader, "1,2\n3,4\n");
    assert!(
        text.contains("2 columns") && text.contains("3 features"),
        "{text}"
    );
}

#[test]
fn labels_are_those_that_are_known() {
    let classes = ["setosa", "versicolor", "virginica"].map(String::from);
    let reader = CsvReader::new().classes(classes.to_vec());
    let data = reader
        .from_bytes(b"a,class\n1,virginica\n2,setosa\n")
        .expect("a table");
    assert_eq!(data.labels, Some(vec![2, 0]));
    assert_eq!(data.classes, classes);
    let text = refused(&reader, "a,class\n1,setosa\n2,rose\n");
    assert!(
        text.contains("line 3, column 2 (class): found the label \"rose\"")
            && text.contains("virginica"),
        "{text}"
    );
    let text = refused(&CsvReader::new(), "a,class\n1,setosa\n2,\n");
    assert!(
        text.contains("line 3") && text.contains("an empty label"),
        "{text}"
    );
    // Numbers that a gap has made decimals.
    let numbers = CsvReader::new().classes(vec!["0".into(), "1".into()]);
    let data = numbers
        .from_bytes(b"a,class\n1,1.0\n2,0.0\n")
        .expect("a table");
    assert_eq!(data.labels, Some(vec![1, 0]));
    // Measurements are no labels.
    let table = read("a,target\n1,0.5\n2,0.75\n");
    assert_eq!(table.width(), 2);
    assert!(
        table.notes[1].contains("holds measurements"),
        "{:?}",
        table.notes
    );
}

#[test]
fn no_digit_is_lost() {
    let rows: String = (0..64)
        .map(|i| format!("{},{}\n", 1_700_000_000 + i, 1e6 + f64::from(i) / 1e3))
        .collect();
    let table = read(&format!("time,height\n{rows}"));
    let all = vec![true; 64];
    let columns = table.columns(&all);
    assert_eq!((columns[0].low, columns[0].high), (1.7e9, 1.7e9 + 63.0));
    assert!(columns[0].is_id && !columns[1].is_id);
    let scaled = table.scaled(Some(&Scaling::unit_of(&columns)));
    for (row, values) in scaled.values().to_vec().chunks(2).enumerate() {
        let expected = row as f32 / 63.0;
        // The first rounds once; the second's decimals are rounded to 2⁻³³ of their millions.
        assert_eq!(values[0], expected);
        assert!((values[1] - expected).abs() < 1e-7, "{row}: {}", values[1]);
    }
}

#[test]
fn what_is_missing_is_counted_and_filled() {
    let text = "a,b\n1,10\nNA,20\n3,\n5,60\n";
    assert!(refused(&CsvReader::new(), text).contains("--missing"));
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "table.csv", text.as_bytes());
    for (fill, expected) in [(Fill::Mean, [3.0, 30.0]), (Fill::Median, [3.0, 20.0])] {
        let mut table = CsvReader::new()
            .missing(true)
            .read_table(&path)
            .expect("a table");
        assert_eq!(table.missing(), (2, 2));
        let columns = table.columns(&[true; 4]);
        assert_eq!(columns[0].missing, 1);
        table.fill(&[fill.of(&columns[0]), fill.of(&columns[1])]);
        let values = values(table);
        assert_eq!([values[2], values[5]], expected, "{fill:?}");
    }
}

#[test]
fn other_encodings_and_compressed_tables_are_read() {
    let text = "größe;label\n1,5;ä\n2;b\n";
    let expected = CsvReader::new()
        .from_bytes(text.as_bytes())
        .expect("a table");
    assert_eq!(
        (&expected.columns[0][..], &expected.classes[1][..]),
        ("größe", "ä")
    );
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|letter| u32::from(letter) as u8).collect();
    let folder = tempdir().expect("a folder");
    for (name, bytes, note) in [
        (
            "little.csv",
            [&[0xff, 0xfe][..], &little].concat(),
            "UTF-16",
        ),
        ("bare.csv", little, "UTF-16"),
        ("big.csv", [&[0xfe, 0xff][..], &big].concat(), "UTF-16"),
        ("latin.csv", latin, "Latin-1"),
        ("packed.csv.gz", gzip(text.as_bytes()), ""),
    ] {
        let path = write(folder.path(), name, &bytes);
        let table = CsvReader::new().read_table(path).expect("a table");
        assert!(
            table.notes.iter().any(|own| own.contains(note)),
            "{name}: {:?}",
            table.notes
        );
        let data = table.scaled(None);
        assert_eq!(*data.values(), [1.5, 2.0], "{name}");
        assert_eq!(
            (data.columns, data.classes),
            (expected.columns.clone(), expected.classes.clone()),
            "{name}"
        );
    }
    let cut = &gzip(text.as_bytes())[..20];
    let path = write(folder.path(), "cut.csv.gz", cut);
    let error = CsvReader::new().read(&path).expect_err("a refusal");
    assert!(line(&error, &path).contains("gzip"), "{error}");
}

#[test]
fn pieces_of_a_long_table_are_one_table() {
    // Some megabytes, so several pieces.
    let rows = 200_000;
    let body: String = (0..rows)
        .map(|i| format!("{i},{}.5,\"c\n{}\"\n", i % 7, i % 3))
        .collect();
    let table = read(&format!("a,b,label\n{body}"));
    assert_eq!(table.len(), rows);
    let data = table.scaled(None);
    assert_eq!(data.classes, ["c\n0", "c\n1", "c\n2"]);
    for (row, values) in data.values().to_vec().chunks(2).enumerate() {
        assert_eq!(values, [row as f32, (row % 7) as f32 + 0.5]);
    }
    let labels = data.labels.expect("labels");
    assert!(
        labels
            .iter()
            .enumerate()
            .all(|(row, &label)| label as usize == row % 3)
    );
    let text = refused(&CsvReader::new(), format!("a,b,label\n{body}1,x,y\n"));
    assert!(text.contains(&format!("line {}", 2 * rows + 2)), "{text}");
}

#[test]
fn wide_tables_are_seen_whole() {
    let width = 12_000;
    let names: Vec<String> = (0..width)
        .map(|column| format!("column_{column}"))
        .collect();
    let row = |of: usize| {
        (0..width)
            .map(|column| (column % 7 + of).to_string())
            .collect::<Vec<_>>()
            .join(";")
    };
    let table = read(&format!(
        "{}\n{}\n{}\n{}\n",
        names.join(";"),
        row(0),
        row(1),
        row(2)
    ));
    assert_eq!((table.len(), table.width()), (3, width));
    assert_eq!(table.about().columns, names);
}

#[test]
fn labels_of_another_table_are_read_where_the_first_had_none() {
    let first = read("a,b\n1,2\n4,5\n");
    let reader = CsvReader::new().like(first.layout.clone());
    let other = reader
        .from_bytes(b"b,class,a\n2,x,1\n5,y,4\n")
        .expect("a table");
    assert_eq!(other.labels, Some(vec![0, 1]));
    assert_eq!(*other.values(), [1.0, 2.0, 4.0, 5.0]);
}
