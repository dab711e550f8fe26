//! CSV: headers, quotes, delimiters, labels, and fields that are no numbers.

use retrograd_datasets::{CsvReader, Dataset, DatasetError, LabelColumn};
use tempfile::tempdir;

use crate::support::{line, write};

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
    assert_eq!(named.features.to_vec(), [1.5, 60.0, -0.2, 7.25]);
    assert!(named.labels.is_none());
    for text in [
        "1,2\n3,4",
        "1;2\r\n3;4\r\n",
        "1\t2\n\n3\t4\n",
        "\u{feff}1, 2 \n\"3\", 4\n",
    ] {
        let plain = table(text);
        assert_eq!(plain.features.to_vec(), [1.0, 2.0, 3.0, 4.0], "{text:?}");
        assert!(plain.columns.is_empty());
    }
    let years = CsvReader::new()
        .header(true)
        .from_bytes(b"1999,2000\n1,2\n");
    assert_eq!(years.expect("a table").columns, ["1999", "2000"]);
    let pipes = CsvReader::new().delimiter(b'|').from_bytes(b"1|2\n3|4\n");
    assert_eq!(pipes.expect("a table").width(), 2);
}

#[test]
fn labels_are_numbers_or_words() {
    let words = table("a,Label,b\n1,cat 10,2\n3,cat 9,4\n5,cat 10,6\n");
    assert_eq!(words.classes, ["cat 9", "cat 10"]);
    assert_eq!(words.labels, Some(vec![1, 0, 1]));
    assert_eq!(words.columns, ["a", "b"]);
    assert_eq!(words.features.to_vec(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
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
