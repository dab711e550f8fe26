//! Pages: complete, self-contained, and deaf to what strangers write into them.

use retrograd_report::{
    Card, Chart, ImageGrid, Note, Picture, Report, ReportError, Section, Table,
};

fn pictures(name: &str) -> Vec<Picture> {
    let chart = Chart::curves(name, name, name).line(name, [(1.0, 2.0), (2.0, 1.0)]);
    let pixels = [0.0, 0.5, 1.0, f32::NAN];
    let beside = ImageGrid::new()
        .row(name, &pixels, [1, 2, 2])
        .row(name, &pixels, [1, 2, 2]);
    let listed = ImageGrid::heatmap(&[(name, &pixels), (name, &pixels)], [2, 2]);
    vec![
        Picture::chart(&chart, name).expect("a chart"),
        Picture::grid(&beside, name).expect("a grid"),
        Picture::grid(&listed, name).expect("a heat map"),
    ]
}

fn table(text: &str) -> Table {
    Table {
        columns: vec![text.into(), text.into()],
        rows: vec![vec![text.into(), text.into()]],
    }
}

/// A report that says the same everywhere.
fn report(text: &str) -> Report {
    Report {
        title: text.into(),
        summary: text.into(),
        equation: text.into(),
        cards: vec![Card::new(text, text, text)],
        sections: vec![Section {
            heading: text.into(),
            text: text.into(),
            notes: vec![Note {
                title: text.into(),
                text: text.into(),
                alarm: true,
            }],
            pictures: pictures(text),
            table: table(text),
        }],
        epochs: table(text),
        configuration: vec![(text.into(), text.into())],
        command: text.into(),
    }
}

#[test]
fn everything_is_on_the_page() {
    let page = report("denoising").to_html().expect("a page");
    assert_eq!(page.matches("<svg ").count(), 1);
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 2);
    assert_eq!(page.matches("<figcaption>denoising<").count(), 3);
    assert!(page.contains("<h1>denoising</h1>") && page.contains("<h2>denoising</h2>"));
    assert!(page.contains("<code>denoising</code>"));
    assert!(page.contains("<div class=\"bad\">"), "a note that alarms");
    assert_eq!(page.matches("<table>").count(), 2);
    assert!(page.contains("lang=\"en\"") && page.contains("prefers-color-scheme: dark"));
    assert!(page.contains(concat!("retrograd ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_picture_says_what_it_is() {
    let page = report("denoising").to_html().expect("a page");
    let images = page.matches("<img ").count() + page.matches("<svg ").count();
    let texts = page
        .matches(" alt=\"Images, top to bottom: denoising")
        .count()
        + page.matches("role=\"img\" aria-label=\"Line chart").count();
    assert_eq!((images, texts), (3, 3));
}

#[test]
fn strings_are_escaped_wherever_they_go() {
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{ title }}",
    ] {
        let page = report(hostile).to_html().expect("a page");
        assert!(!page.contains("<script") && !page.contains("<img src=x"));
        assert!(!page.contains("\"><img"));
    }
    let page = report("{{ 6 * 7 }}").to_html().expect("a page");
    assert!(page.contains("<h1>{{ 6 * 7 }}</h1>"));
}

#[test]
fn nothing_is_fetched() {
    let page = report("denoising").to_html().expect("a page");
    let without_namespace = page.replace("http://www.w3.org/2000/svg", "");
    for forbidden in ["http://", "https://", "<script", "<link", "@import", "url("] {
        assert!(!without_namespace.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn what_is_empty_is_left_out() {
    let page = Report::default().to_html().expect("a page");
    assert!(page.contains("<h1>Training run</h1>"));
    for element in [
        "<section",
        "<dl",
        "<table",
        "<figure",
        "<code",
        "class=\"equation\"",
    ] {
        assert!(!page.contains(element), "{element}");
    }
    let empty = Report {
        sections: vec![Section::default()],
        ..Report::default()
    };
    assert!(empty.to_html().expect("a page").contains("<section"));
}

#[test]
fn what_is_not_finite_is_flagged() {
    let page = Report {
        cards: vec![Card::new("Loss", "NaN", "")],
        epochs: Table {
            columns: vec!["epoch".into(), "loss".into()],
            rows: vec![vec!["1".into(), "inf".into()]],
        },
        ..Report::default()
    };
    let page = page.to_html().expect("a page");
    assert!(page.contains("class=\"value alarm\">NaN<") && page.contains("class=\"alarm\">inf<"));
}

#[test]
fn a_ragged_table_is_an_error() {
    let table = Table {
        columns: vec!["epoch".into(), "loss".into()],
        rows: vec![vec!["1".into(), "2".into()], vec!["2".into()]],
    };
    let of_epochs = Report {
        epochs: table.clone(),
        ..Report::default()
    };
    let of_a_section = Report {
        sections: vec![Section {
            table,
            ..Section::default()
        }],
        ..Report::default()
    };
    for report in [of_epochs, of_a_section] {
        let error = report.to_html().expect_err("a row is too short");
        assert!(matches!(error, ReportError::RaggedTable { row: 1, .. }));
        assert_eq!(error.to_string(), "table row 1: 1 cells under 2 columns");
    }
}
