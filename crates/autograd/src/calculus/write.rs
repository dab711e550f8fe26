//! Formulas as people write them: `g·(1 − y²)`.
//!
//! Parentheses stand only where they are needed: a part that binds less than its place asks for
//! gets a pair.

use std::fmt::Write;

use retrograd_tensor::pointwise::{Binary, Unary};

use super::expr::{Expr, Form};

/// Longest text of a formula; derivatives of derivatives grow without end, and nobody reads them.
const LONGEST: usize = 160;

/// How strongly a formula holds together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Comparison,
    Sum,
    Product,
    /// What a sign or a root is put in front of, and what is divided by.
    Factor,
    /// What a power is put on.
    Atom,
}

/// The formula with `names` for its inputs; cut off with `…` where it is too long to read.
pub(super) fn write(formula: &Expr, names: &[String]) -> String {
    let mut writer = Writer {
        names,
        text: String::new(),
    };
    writer.put(formula, Binding::Comparison);
    let Writer { mut text, .. } = writer;
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Names of the inputs of a function: `x`, or `x₀`, `x₁`, ...
pub(super) fn names(inputs: usize) -> Vec<String> {
    const DIGITS: [char; 10] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
    let below = |i: usize| -> String {
        let digits = i.to_string();
        digits
            .bytes()
            .map(|digit| DIGITS[usize::from(digit - b'0')])
            .collect()
    };
    match inputs {
        1 => vec!["x".to_owned()],
        _ => (0..inputs).map(|i| format!("x{}", below(i))).collect(),
    }
}

/// The name of the cotangent of an input: a bar over the letter, `x̄₁`.
pub(super) fn barred(name: &str) -> String {
    name.replacen('x', "x\u{304}", 1)
}

struct Writer<'a> {
    names: &'a [String],
    text: String,
}

impl Writer<'_> {
    /// The formula, in parentheses if it binds less than `least`.
    fn put(&mut self, formula: &Expr, least: Binding) {
        // A formula shares its parts, its text repeats them: stop before that takes forever.
        if self.text.len() > 4 * LONGEST {
            return;
        }
        let parenthesised = binding(formula) < least;
        self.add(if parenthesised { "(" } else { "" });
        match formula.form() {
            Form::Input(i) => {
                let name = self.names.get(*i).cloned();
                self.add(&name.unwrap_or_else(|| format!("x{i}")));
            }
            Form::Constant(value) => self.add(&number(*value)),
            Form::Unary(function, x) => self.put_unary(*function, x),
            Form::Binary(function, a, b) => self.put_binary(*function, a, b),
            Form::Select(condition, a, b) => {
                self.put(a, Binding::Sum);
                self.around(" if ", condition, Binding::Comparison);
                self.around(" else ", b, Binding::Sum);
            }
        }
        self.add(if parenthesised { ")" } else { "" });
    }

    fn put_unary(&mut self, function: Unary, x: &Expr) {
        match function {
            Unary::Neg => self.around("−", x, Binding::Product),
            Unary::Recip => self.around("1/", x, Binding::Factor),
            Unary::Sqrt => self.around("√", x, Binding::Atom),
            Unary::Square => {
                self.put(x, Binding::Atom);
                self.add("²");
            }
            Unary::Abs => {
                self.around("|", x, Binding::Sum);
                self.add("|");
            }
            _ => {
                self.add(&format!("{function:?}(").to_lowercase());
                self.put(x, Binding::Comparison);
                self.add(")");
            }
        }
    }

    fn put_binary(&mut self, function: Binary, a: &Expr, b: &Expr) {
        let (sign, left, right) = match function {
            Binary::Add => (" + ", Binding::Sum, Binding::Sum),
            Binary::Sub => (" − ", Binding::Sum, Binding::Product),
            Binary::Mul => match b.form() {
                // g·1/x is g/x, and a sign after a dot asks for parentheses.
                Form::Unary(Unary::Recip, x) => return self.put_quotient(a, x),
                _ if is_signed(b) => ("·", Binding::Product, Binding::Factor),
                _ => ("·", Binding::Product, Binding::Product),
            },
            Binary::Div => return self.put_quotient(a, b),
            Binary::Less => (" < ", Binding::Sum, Binding::Sum),
            Binary::LessEqual => (" ≤ ", Binding::Sum, Binding::Sum),
            Binary::Equal => (" = ", Binding::Sum, Binding::Sum),
            Binary::Pow => ("^", Binding::Atom, Binding::Atom),
            _ => {
                self.add(&format!("{function:?}(").to_lowercase());
                self.put(a, Binding::Comparison);
                self.around(", ", b, Binding::Comparison);
                return self.add(")");
            }
        };
        self.put(a, left);
        self.around(sign, b, right);
    }

    fn put_quotient(&mut self, a: &Expr, b: &Expr) {
        self.put(a, Binding::Product);
        self.around("/", b, Binding::Factor);
    }

    /// A sign and what follows it.
    fn around(&mut self, sign: &str, x: &Expr, least: Binding) {
        self.add(sign);
        self.put(x, least);
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// Whether its text starts with a minus sign.
fn is_signed(formula: &Expr) -> bool {
    match formula.form() {
        Form::Constant(value) => *value < 0.0,
        Form::Unary(Unary::Neg, _) => true,
        Form::Binary(Binary::Mul | Binary::Div, a, _) => is_signed(a),
        _ => false,
    }
}

fn binding(formula: &Expr) -> Binding {
    match formula.form() {
        Form::Constant(value) if *value < 0.0 => Binding::Product,
        Form::Input(_) | Form::Constant(_) => Binding::Atom,
        Form::Unary(Unary::Neg | Unary::Recip, _) => Binding::Product,
        Form::Unary(Unary::Sqrt | Unary::Square, _) => Binding::Factor,
        Form::Unary(..) => Binding::Atom,
        Form::Binary(Binary::Add | Binary::Sub, ..) => Binding::Sum,
        Form::Binary(Binary::Mul | Binary::Div, ..) => Binding::Product,
        Form::Binary(Binary::Pow, ..) => Binding::Factor,
        Form::Binary(Binary::Less | Binary::LessEqual | Binary::Equal, ..) | Form::Select(..) => {
            Binding::Comparison
        }
        Form::Binary(..) => Binding::Atom,
    }
}

/// Four significant digits at most, with a true minus sign.
fn number(value: f64) -> String {
    let size = value.abs();
    let mut text = String::new();
    let short = if size == 0.0 || (1e-3..1e5).contains(&size) {
        let digits = 3 - size.max(1e-3).log10().floor() as i32;
        let scale = 10_f64.powi(digits);
        write!(text, "{}", (size * scale).round() / scale)
    } else {
        write!(text, "{size:.3e}")
    };
    short.expect("a string takes everything");
    if value < 0.0 {
        format!("−{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_stand_only_where_they_are_needed() {
        let [x, y, g] = [0, 1, 2].map(Expr::input);
        let names = ["x", "y", "g"].map(str::to_owned);
        for (formula, text) in [
            (&g * (1.0 - y.square()), "g·(1 − y²)"),
            (&g * (&x - (&y + 1.0)), "g·(x − (y + 1))"),
            (&x / (&y * &g), "x/(y·g)"),
            (-(&x + &y), "−(x + y)"),
            (&g * -&x, "g·(−x)"),
            (&g * x.recip(), "g/x"),
            ((&x + &y).sqrt(), "√(x + y)"),
            ((-&x).exp() * 0.797_884_560_8, "exp(−x)·0.7979"),
            (x.pow(&y - 1.0), "x^(y − 1)"),
            ((&x - &y).abs() - 1e-7, "|x − y| − 1.000e-7"),
            (
                &g + Expr::select(&x.less(0.0), &x.exp(), &Expr::from(-1.5)),
                "g + (exp(x) if x < 0 else −1.5)",
            ),
        ] {
            assert_eq!(write(&formula, &names), text);
        }
    }

    #[test]
    fn endless_formulas_are_cut() {
        let mut formula = Expr::input(0);
        for _ in 0..60 {
            formula = &formula * &formula.sin();
        }
        let text = write(&formula, &names(1));
        assert_eq!(text.chars().count(), LONGEST + 1);
        assert!(text.ends_with('…'));
    }
}
