//! How tensors look when printed.

use std::fmt;

use crate::array::Array;
use crate::element::Element;

/// Above this many elements or empty brackets, long axes are cut to their ends.
const WHOLE: usize = 1000;
/// Elements shown at each end of a cut axis.
const ENDS: usize = 3;

/// Nested brackets with aligned columns; large tensors are cut to the ends of each axis.
/// `{:.2}` sets the digits after the point (4 by default).
impl<T: Element> fmt::Display for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = Printer::new(self, f.precision().unwrap_or(4));
        printer.write(self, 0, f)?;
        if printer.cut {
            write!(f, " {}", self.shape())?;
        }
        Ok(())
    }
}

/// The type and shape, then the values as [`Display`](fmt::Display) shows them.
impl<T: Element> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} ", T::NAME, self.shape())?;
        Printer {
            cut: printed(self) > 8,
            ..Printer::new(self, 4)
        }
        .write(self, 0, f)
    }
}

struct Printer {
    digits: usize,
    width: usize,
    scientific: bool,
    cut: bool,
}

impl Printer {
    fn new<T: Element>(tensor: &Array<T>, digits: usize) -> Self {
        let cut = printed(tensor) > WHOLE;
        let shown = if cut { corners(tensor) } else { tensor.clone() };
        let sizes = || {
            shown
                .iter()
                .map(|v| v.to_f64().abs())
                .filter(|v| v.is_finite() && *v > 0.0)
        };
        let largest = sizes().fold(0.0, f64::max);
        let smallest = sizes().fold(f64::INFINITY, f64::min);
        // Beyond these a fixed number of digits would show only zeros, or noise.
        let scientific = T::NAME != "i64"
            && largest > 0.0
            && (largest >= 1e6 || smallest < 1e-4 && largest < 1e-2);
        let mut printer = Self {
            digits,
            width: 0,
            scientific,
            cut,
        };
        printer.width = shown
            .iter()
            .map(|v| printer.number(v).len())
            .max()
            .unwrap_or(0);
        printer
    }

    fn number<T: Element>(&self, value: T) -> String {
        match (T::NAME, self.scientific) {
            ("i64", _) => format!("{value}"),
            (_, true) => format!("{:.*e}", self.digits, value.to_f64()),
            (_, false) => format!("{:.*}", self.digits, value.to_f64()),
        }
    }

    fn write<T: Element>(
        &self,
        tensor: &Array<T>,
        depth: usize,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        if tensor.rank() == 0 {
            let text = self.number(tensor.item());
            let width = if depth == 0 { 0 } else { self.width };
            return write!(f, "{text:>width$}");
        }
        f.write_str("[")?;
        let size = tensor.shape()[0];
        let shortened = self.cut && size > 2 * ENDS;
        let last_axis = tensor.rank() == 1;
        for i in (0..size).filter(|i| !shortened || *i < ENDS || *i >= size - ENDS) {
            if i > 0 {
                f.write_str(if last_axis { ", " } else { "," })?;
                if !last_axis {
                    write!(
                        f,
                        "{}{:pad$}",
                        "\n".repeat(tensor.rank() - 1),
                        "",
                        pad = depth + 1
                    )?;
                }
            }
            if shortened && i == size - ENDS {
                f.write_str("...")?;
                if last_axis {
                    f.write_str(", ")?;
                } else {
                    write!(f, ",\n{:pad$}", "", pad = depth + 1)?;
                }
            }
            self.write(&tensor.select(0, i), depth + 1, f)?;
        }
        f.write_str("]")
    }
}

/// How many numbers, or pairs of empty brackets, the whole tensor would show.
fn printed<T: Element>(tensor: &Array<T>) -> usize {
    // An axis of size 0 shows as `[]`, whatever is inside it.
    tensor
        .shape()
        .iter()
        .take_while(|&&size| size > 0)
        .product()
}

/// The elements that a cut tensor shows.
fn corners<T: Element>(tensor: &Array<T>) -> Array<T> {
    (0..tensor.rank()).fold(tensor.clone(), |shown, axis| {
        let size = shown.shape()[axis];
        if size <= 2 * ENDS {
            return shown;
        }
        let ends = [0..ENDS as isize, (size - ENDS) as isize..size as isize];
        Array::cat(
            &ends.map(|range| shown.slice(axis as isize, range)),
            axis as isize,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tensors_are_whole_and_aligned() {
        let x = Array::from_vec(vec![1.0_f32, -2.5, 10.0, 0.0], [2, 2]);
        assert_eq!(x.to_string(), "[[ 1.0000, -2.5000],\n [10.0000,  0.0000]]");
        assert_eq!(format!("{x:.1}"), "[[ 1.0, -2.5],\n [10.0,  0.0]]");
        assert_eq!(Array::scalar(0.5_f64).to_string(), "0.5000");
        assert_eq!(Array::<f32>::zeros([0]).to_string(), "[]");
        assert_eq!(
            Array::from_vec(vec![7_i64, -1], [2]).to_string(),
            "[ 7, -1]"
        );
    }

    #[test]
    fn large_tensors_are_cut_and_say_their_shape() {
        let text = Array::<f32>::arange(2000).to_string();
        assert_eq!(
            text,
            "[   0.0000,    1.0000,    2.0000, ..., 1997.0000, 1998.0000, 1999.0000] [2000]"
        );
        let wide = Array::<f32>::zeros([100, 100]).to_string();
        assert_eq!(wide.lines().count(), 7, "{wide}");
    }

    #[test]
    fn long_empty_tensors_are_cut_too() {
        let long = Array::<f32>::zeros([10_000_000, 0]);
        let text = "[[],\n [],\n [],\n ...,\n [],\n [],\n []]";
        assert_eq!(long.to_string(), format!("{text} [10000000, 0]"));
        assert_eq!(
            format!("{long:?}"),
            format!("Tensor<f32>[10000000, 0] {text}")
        );
        assert_eq!(Array::<f32>::zeros([0, 5000]).to_string(), "[]");
        let deep = Array::<f32>::zeros([100, 100, 0, 9]).to_string();
        assert!(deep.ends_with(" [100, 100, 0, 9]") && deep.len() < 500);
    }

    #[test]
    fn tiny_values_are_not_shown_as_zero() {
        assert_eq!(Array::scalar(3e-7_f64).to_string(), "3.0000e-7");
        assert!(Array::scalar(f64::NAN).to_string().contains("NaN"));
    }
}
