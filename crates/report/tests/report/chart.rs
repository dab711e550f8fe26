//! Charts: what is in the SVG, and that no data can spoil it.

use retrograd_report::{Chart, Scale};

fn svg(chart: &Chart) -> String {
    let text = chart.to_svg().expect("a chart").to_string();
    for word in ["NaN", "inf\"", "inf,", "2147483"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert!(text.starts_with("<svg ") && text.trim_end().ends_with("</svg>"));
    text
}

/// The points of every line drawn in a colour.
fn lines<'a>(svg: &'a str, colour: &'a str) -> impl Iterator<Item = usize> + 'a {
    let polylines = svg.lines().filter(|line| line.starts_with("<polyline"));
    polylines
        .filter(move |line| line.contains(colour))
        .filter_map(|line| line.split("points=\"").nth(1))
        .map(|points| points.matches(',').count())
}

const BLUE: &str = "#0072B2";

#[test]
fn names_axes_and_title_are_there() {
    let text = svg(&Chart::curves("Loss", "epoch", "nats")
        .line("train", [(1.0, 3.0), (2.0, 2.0)])
        .dashed("held out", [(1.0, 4.0), (2.0, 3.0)]));
    for name in [
        "\nLoss\n",
        "\nepoch\n",
        "\nnats\n",
        "\ntrain\n",
        "\nheld out\n",
    ] {
        assert!(text.contains(name), "{name:?} in {text}");
    }
    assert!(text.contains("viewBox=") && text.contains("width=\"100%\""));
    assert!(text.contains("currentColor") && !text.contains("#010203"));
}

#[test]
fn what_is_not_finite_interrupts_the_line() {
    let losses = [5.0, 4.0, f64::NAN, 3.0, 2.5, 2.2, f64::INFINITY, 2.0];
    let points = (1..).map(f64::from).zip(losses);
    let text = svg(&Chart::curves("Loss", "epoch", "nats").line("train", points));
    // The legend's swatch, then two stretches of line; the last point stands alone, as a disc.
    assert_eq!(lines(&text, BLUE).collect::<Vec<_>>(), [2, 2, 3]);
    assert_eq!(text.matches("<circle").count(), 1);
}

#[test]
fn empty_and_single_points_are_drawn() {
    let empty: [(f64, f64); 0] = [];
    assert!(svg(&Chart::curves("", "", "")).contains("nothing to draw yet"));
    assert!(svg(&Chart::scatter("", "", "").points("none", empty)).contains("nothing to draw yet"));
    let single = svg(&Chart::curves("", "", "")
        .line("one", [(1.0, 0.0)])
        .line("none", empty));
    assert!(single.contains("<circle") && single.contains("\nnone\n"));
    let nan = [(f64::NAN, 1.0), (1.0, f64::NAN)];
    assert!(svg(&Chart::curves("", "", "").dashed("nan", nan)).contains("nothing to draw yet"));
}

#[test]
fn the_y_axis_turns_logarithmic_beyond_two_decades() {
    let chart = Chart::curves("Loss", "epoch", "nats").line("train", [(1.0, 1000.0), (9.0, 0.01)]);
    assert!(svg(&chart).contains("\n0.1\n"));
    assert!(svg(&chart.clone().y_scale(Scale::Linear)).contains("\n400\n"));
    let zero = chart.line("zero", [(1.0, 0.0)]);
    assert!(svg(&zero).contains("\n400\n"));
    let zero = zero.y_scale(Scale::Logarithmic);
    assert!(svg(&zero).contains("\n0.1\n"));
}

#[test]
fn names_are_escaped() {
    let name = "</text><script>\"&'\u{0}";
    let text = svg(&Chart::curves(name, name, name).line(name, [(1.0, 1.0)]));
    assert!(!text.contains("<script") && !text.contains('\u{0}'));
    assert!(text.contains("&lt;script&gt;"));
}

#[test]
fn extreme_values_neither_panic_nor_hang() {
    let extremes = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1.0 + f64::EPSILON,
        1e-320,
        1e-99,
        1e99,
        -1e99,
        1e15,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::NAN,
        f64::INFINITY,
    ];
    for a in extremes {
        for b in extremes {
            for scale in [Scale::Auto, Scale::Linear, Scale::Logarithmic] {
                let points = [(a, b), (b, a), (1.0, a), (1.0 + f64::EPSILON, b)];
                svg(&Chart::curves("", "", "")
                    .y_scale(scale)
                    .line("x", points)
                    .dashed("y", points));
            }
            svg(&Chart::scatter("", "", "").points("x", [(a, b), (b, b)]));
        }
    }
}

#[test]
fn no_two_of_many_lines_look_alike() {
    let points = [(0.0, 1.0), (9.0, 2.0)];
    let chart = (0..16).fold(Chart::curves("Lines", "", ""), |chart, number| {
        chart
            .line(format!("{number}"), points)
            .dashed_alike(format!("{number}, held out"), points)
    });
    let text = svg(&chart);
    // The swatches of the legend stand between its names: a colour, and how many dashes.
    let looks = text.split("<text").skip(1).take(32).map(|group| {
        let dashes = group.lines().filter(|line| line.starts_with("<polyline"));
        let stroke = |line: &str| {
            line.split("stroke=")
                .nth(1)
                .map(|rest| rest[..9].to_owned())
        };
        let colours: Vec<Option<String>> = dashes.map(stroke).collect();
        (colours[0].clone(), colours.len())
    });
    let looks: std::collections::BTreeSet<_> = looks.collect();
    assert_eq!(looks.len(), 32);
}

#[test]
fn a_long_legend_makes_the_chart_taller() {
    let chart = |names: i32| {
        (0..names).fold(Chart::curves("", "", ""), |chart, index| {
            chart.line(
                format!("a rather long name {index}"),
                [(0.0, 1.0), (1.0, 2.0)],
            )
        })
    };
    let height = |text: String| {
        let view_box = text.split("viewBox=\"0 0 ").nth(1).expect("a view box");
        let height = view_box.split(['"', ' ']).nth(1).expect("a height");
        height.parse::<u32>().expect("a number")
    };
    assert!(height(svg(&chart(20))) > height(svg(&chart(2))));
}
