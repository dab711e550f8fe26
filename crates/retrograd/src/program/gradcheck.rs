//! `retrograd gradcheck`: derivatives against differences, of operations and of whole objectives.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use retrograd::autoencoders::{
    BoxedAutoencoder, Card, DataShape, Gradients, Nonlinearity, Settings,
};
use retrograd::autograd::check::catalogue::{FAMILIES, Row, rows};
use retrograd::autograd::check::{self, Check, Report};
use retrograd::autograd::{Mode, Var};
use retrograd::nn::Step;
use retrograd::tensor::{DType, Tensor, random};

use crate::program::data;
use crate::program::failure::Failure;
use crate::program::terminal::{self, aligned};
use crate::program::train::set_threads;

/// Samples of a batch that an objective is checked on.
const SAMPLES: usize = 3;
/// The same where an objective bends much: layers that are normalised over a batch bend the less the larger it is.
const MANY_SAMPLES: usize = 16;
/// Small data of every kind.
const KINDS: [(&str, DataShape); 3] = [
    ("images", DataShape::images([1, 4, 4])),
    ("table", DataShape::table(18)),
    ("points", DataShape::points(3)),
];
/// For variants that take none of those.
const COUNTS: (&str, DataShape) = ("counts", DataShape::counts(5));
/// Images for variants that halve them three times.
const LARGE: DataShape = DataShape::images([1, 8, 8]);
/// Difference steps of objectives. Large ones are the more accurate, but kinks are anywhere and a
/// small step meets few.
const SMOOTH: f64 = 1.0 / 32.0;
const KINKS: f64 = 1.0 / 512.0;
/// Where an objective bends much.
const BENT: f64 = 1.0 / 256.0;
/// A draw of batches and parameters of which no unit is at a kink: there differences and rules may
/// differ, or nothing can be said.
const SEED: u64 = 7;
/// Names closer than this (Jaro-Winkler, 1 is equal) are suggested for a misspelt one.
const SIMILAR: f64 = 0.75;

/// Something to check: an operation at a point, or an objective on a batch.
enum Subject {
    Operation(Row),
    Objective(&'static str, &'static Card, DataShape),
}

/// What came of it.
struct Line {
    name: String,
    samples: String,
    place: String,
    /// By order.
    orders: [Result<Report, check::Failure>; 2],
}

impl Line {
    fn passes(&self) -> bool {
        self.orders.iter().all(Result::is_ok)
    }
}

/// Checks what is named, or all there is, and prints the table.
pub(crate) fn run(name: Option<&str>) -> Result<(), Failure> {
    let subjects = subjects(name)?;
    set_threads(None)?;
    let bar = progress(subjects.len());
    let check = |subject: &Subject| {
        let line = subject.check();
        bar.inc(1);
        line
    };
    let lines: Vec<Line> = subjects.iter().map(check).collect();
    bar.finish_and_clear();
    terminal::print(&table(&lines))?;
    let failed = lines.iter().filter(|line| !line.passes()).count();
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::run(format!(
        "{failed} of {} checks failed; what was found stands above",
        lines.len()
    )))
}

/// A bar if standard error is a terminal, else nothing.
fn progress(checks: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(checks as u64);
    let style = ProgressStyle::with_template("checking {bar:30} {pos} of {len} (left {eta})");
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

/// What a name stands for: rows of an operation, a family of them, a variant; all without one.
fn subjects(name: Option<&str>) -> Result<Vec<Subject>, Failure> {
    let operations = || rows().into_iter().map(Subject::Operation);
    let objectives = |variant: &'static Card| {
        // Three pools leave nothing of 4 x 4 pixels.
        let fits = move |kind| variant.resolve(&settings(variant, kind), kind).is_ok();
        let larger = move |(what, kind): (&'static str, DataShape)| match kind.image() {
            Some(_) if !fits(kind) => (what, LARGE),
            _ => (what, kind),
        };
        let fitting = |kinds: &[(&'static str, DataShape)]| -> Vec<_> {
            let kinds = kinds.iter().copied().map(larger);
            kinds.filter(|(_, kind)| fits(*kind)).collect()
        };
        let mut kinds = fitting(&KINDS);
        if kinds.is_empty() {
            kinds = fitting(&[COUNTS]);
        }
        kinds
            .into_iter()
            .map(move |(what, kind)| Subject::Objective(what, variant, kind))
    };
    let Some(name) = name else {
        let derivable = |card: &&Card| !matches!(card.gradients, Gradients::Surrogate(_));
        let variants = Card::all().filter(derivable).flat_map(objectives);
        return Ok(operations().chain(variants).collect());
    };
    let lower = name.to_lowercase();
    let family = FAMILIES.iter().find(|(family, _)| *family == lower);
    let mut found: Vec<Subject> = match family {
        Some((_, rows)) => rows().into_iter().map(Subject::Operation).collect(),
        None => operations()
            .filter(|subject| matches!(subject, Subject::Operation(row) if [row.method(), row.operation].contains(&lower.as_str())))
            .collect(),
    };
    if let Ok(variant) = Card::named(name) {
        if let Gradients::Surrogate(of) = variant.gradients {
            return Err(Failure::usage(format!(
                "`{variant}`: its gradients are no derivatives to compare with differences, but stand in for them: {of}"
            )));
        }
        found.extend(objectives(variant));
    }
    if found.is_empty() {
        return Err(Failure::usage(unknown(name, &lower)));
    }
    Ok(found)
}

/// What to say of a name that stands for nothing.
fn unknown(name: &str, lower: &str) -> String {
    let mut known: Vec<String> = rows().iter().map(|row| row.method().to_owned()).collect();
    known.extend(FAMILIES.iter().map(|(family, _)| (*family).to_owned()));
    known.extend(Card::all().map(|variant| variant.name.to_owned()));
    known.dedup();
    let mut near: Vec<(f64, String)> = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&known, lower), known))
        .filter(|(similarity, _)| *similarity > SIMILAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.dedup_by(|a, b| a.1 == b.1);
    let near: Vec<String> = near
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    let suggestion = match near.as_slice() {
        [] => String::new(),
        names => format!("did you mean {}? ", names.join(" or ")),
    };
    let families: Vec<&str> = FAMILIES.iter().map(|(family, _)| *family).collect();
    format!(
        "there is no operation, family or variant `{name}`; {suggestion}The families are {}; without a name, all is checked",
        families.join(", ")
    )
}

impl Subject {
    fn check(&self) -> Line {
        match self {
            Self::Operation(row) => operation(row),
            Self::Objective(what, variant, kind) => objective(what, variant, *kind),
        }
    }
}

fn operation(row: &Row) -> Line {
    let shapes: Vec<String> = row.inputs.iter().map(|x| x.shape().to_string()).collect();
    let kinks = match row.kinks {
        "" => String::new(),
        kinks => format!(", but for {kinks}"),
    };
    Line {
        name: row.operation.to_owned(),
        samples: shapes.join(" "),
        place: format!("{}{kinks}", row.domain),
        orders: [1, 2].map(|order| row.check(order)),
    }
}

/// The variant at a small size, with decoders as wide as the data: a sharp one makes the objective
/// so steep that only the smallest steps stay on its slopes. A convolution puts one weight to work at every pixel, and of many units
/// one is always at a kink, so its units are smooth.
fn settings(variant: &'static Card, kind: DataShape) -> Settings {
    let mut small = variant.miniature(kind);
    if small.get("deviation").is_some() {
        small.set("deviation", 1.0);
    }
    if small.get("channels").is_some() && small.get("body").is_none() {
        small.set("activation", Nonlinearity::Tanh);
    }
    small
}

/// The objective of a fresh model, in double precision, as a function of a batch and all parameters.
/// Noise comes from the tape, which starts alike every time.
fn objective(what: &str, variant: &'static Card, kind: DataShape) -> Line {
    let mut rng = random::stream(SEED, "gradcheck", &[]);
    let model: BoxedAutoencoder = variant
        .build(&settings(variant, kind), kind, &mut rng)
        .expect("only data that fits was chosen");
    let samples = if variant.bends { MANY_SAMPLES } else { SAMPLES };
    let batch = Tensor::uniform([samples, kind.features()], 0.05, 0.95, &mut rng, DType::F64);
    model.cast(DType::F64);
    let params = model.params();
    let values = params.iter().map(|(_, param)| param.value());
    let inputs: Vec<Tensor> = std::iter::once(batch).chain(values).collect();
    // What is trained, which for some differs from what is measured.
    let training = Step {
        mode: Mode::Training,
        ..Step::default()
    };
    let f = |x: &[Var]| {
        for ((_, param), input) in params.iter().zip(&x[1..]) {
            param.set(input.value().clone());
            if let Some(tape) = input.tape() {
                tape.bind_key(param.id(), input);
            }
        }
        let input = data::input(model.as_ref(), &x[0]);
        model.objective_at(&input, &training).total()
    };
    let units = settings(variant, kind).word_if_any("activation");
    let smooth = units.is_none_or(Nonlinearity::is_smooth);
    let step = match (smooth, variant.gradients) {
        (true, Gradients::Exact) if variant.bends => BENT,
        (true, Gradients::Exact) => SMOOTH,
        _ => KINKS,
    };
    let orders = [1, 2].map(|order| {
        // The wider tolerance of order 2 leaves room for small steps, which cross fewer kinks.
        let step = if order == 1 { step } else { step / 8.0 };
        Check::order(order).step(step).run(f, &inputs)
    });
    let widths: Vec<String> = model.widths().iter().map(ToString::to_string).collect();
    Line {
        name: format!("{} {what}", variant.name),
        samples: format!("[{samples}, {}]", kind.features()),
        place: format!("objective of {}", widths.join("-")),
        orders,
    }
}

/// The table, what failed, and a summary.
fn table(lines: &[Line]) -> String {
    let heading = [
        "operation",
        "samples",
        "order 1",
        "order 2",
        "pass",
        "where",
    ]
    .map(str::to_owned);
    let mut cells = vec![heading];
    cells.extend(lines.iter().map(|line| {
        let [first, second] = line.orders.each_ref().map(|order| match order {
            Ok(report) => format!("{:.1e}", report.worst_error()),
            Err(check::Failure::Wrong(_)) => "wrong".to_owned(),
            Err(check::Failure::Undecided(_)) => "undecided".to_owned(),
            Err(_) => "not checked".to_owned(),
        });
        let pass = if line.passes() { "yes" } else { "NO" }.to_owned();
        [
            line.name.clone(),
            line.samples.clone(),
            first,
            second,
            pass,
            line.place.clone(),
        ]
    }));
    let mut text = aligned(&cells, &[2, 3]);
    for line in lines {
        for failure in line.orders.iter().filter_map(|order| order.as_ref().err()) {
            text += &format!("\n{}: {failure}\n", line.name);
        }
    }
    text + &summary(lines)
}

fn summary(lines: &[Line]) -> String {
    let reports = || lines.iter().flat_map(|line| &line.orders).flatten();
    let worst = |order: usize| {
        let errors = reports().filter(|report| report.order == order);
        errors.map(Report::worst_error).fold(0.0, f64::max)
    };
    let numbers: usize = reports().map(|report| report.entries).sum();
    format!(
        "\n{} of {} pass: {numbers} derivatives compared, largest relative error {:.1e} at order 1 and {:.1e} at order 2\n",
        lines.iter().filter(|line| line.passes()).count(),
        lines.len(),
        worst(1),
        worst(2)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::autograd::check::catalogue::{LINEAR, sample};

    #[test]
    fn every_variant_passes() {
        let derivable = |card: &&Card| !matches!(card.gradients, Gradients::Surrogate(_));
        for card in Card::all().filter(derivable) {
            let lines: Vec<Line> = subjects(Some(card.name))
                .unwrap()
                .iter()
                .filter(|subject| matches!(subject, Subject::Objective(..)))
                // The tests of the variants have all kinds of data.
                .take(1)
                .map(Subject::check)
                .collect();
            assert!(
                !lines.is_empty() && lines.iter().all(Line::passes),
                "{}",
                table(&lines)
            );
        }
    }

    #[test]
    fn a_wrong_rule_fails_and_is_explained() {
        let row = Row {
            operation: "half a square",
            f: |x| &x[0] * x[0].stop_gradient(),
            inputs: vec![sample([3])],
            tolerance: LINEAR,
            domain: "all numbers",
            kinks: "",
        };
        let line = operation(&row);
        assert!(!line.passes());
        let text = table(&[line]);
        assert!(text.contains("wrong") && text.contains("NO"), "{text}");
        assert!(
            text.contains("analytic (rules)") && text.contains("0 of 1 pass"),
            "{text}"
        );
    }

    /// A kink so near that every step crosses it.
    #[test]
    fn what_differences_cannot_tell_is_undecided() {
        let row = Row {
            operation: "a kink",
            f: |x| x[0].relu(),
            inputs: vec![Tensor::scalar(1e-6)],
            tolerance: LINEAR,
            domain: "all numbers",
            kinks: "x = 0",
        };
        let line = operation(&row);
        assert!(!line.passes());
        let text = table(&[line]);
        assert!(
            text.contains("undecided") && text.contains("cannot be judged"),
            "{text}"
        );
    }

    #[test]
    fn names_stand_for_operations_families_and_variants() {
        let count = |name: &str| subjects(Some(name)).map(|found| found.len());
        assert!(count("slice").is_ok_and(|rows| rows > 2));
        assert_eq!(count("slice step 2"), Ok(1));
        assert!(count("Deep").is_ok_and(|kinds| kinds == 2));
        assert!(count("products").is_ok_and(|all| Ok(all) > count("matmul").map_err(drop)));
        let Err(failure) = count("matmull") else {
            panic!("a name that stands for nothing")
        };
        assert!(
            failure.to_string().contains("did you mean `matmul`"),
            "{failure}"
        );
    }
}
