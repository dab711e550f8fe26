//! Einstein's notation: which axes of some operands are the same, and which of them stay.
//!
//! `ij,jk->ik` names the axes of two operands and of the result. Axes of one name have one index;
//! those that the result does not have are summed over:
//!
//! ```text
//! y[i, k] = Σⱼ a[i, j] · b[j, k]
//! ```
//!
//! A name twice in one operand runs along its diagonal. `...` stands for any further axes, aligned
//! at the last and broadcast. Without `->` the result has the axes of `...` and then, in the order
//! of the alphabet, all that are named exactly once.

use super::Shape;
use crate::error::ShapeError;

/// An axis's name as a number: letters first, then the axes that `...` stands for.
type Label = usize;

/// How many letters there are, `A` to `Z` before `a` to `z`.
const LETTERS: usize = 52;

/// An equation read against the shapes of its operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Einsum {
    /// The name of each axis of each operand.
    pub operands: Vec<Vec<Label>>,
    /// The names of the axes of the result.
    pub output: Vec<Label>,
    /// The size of every axis that is named, by name.
    sizes: Vec<Option<usize>>,
}

impl Einsum {
    /// The size of an axis. Operands may have 1 in its place, which is stretched.
    ///
    /// # Panics
    /// If no operand has an axis of this name.
    #[must_use]
    pub fn size(&self, label: Label) -> usize {
        self.sizes[label].expect("a label of an operand")
    }

    /// The shape of axes with these names.
    ///
    /// # Errors
    /// If there are too many axes or elements.
    pub fn shape(&self, labels: &[Label]) -> Result<Shape, ShapeError> {
        let sizes: Vec<usize> = labels.iter().map(|&label| self.size(label)).collect();
        Shape::new(&sizes)
    }
}

/// Letters before and after `...`, if it is there.
struct Term {
    before: Vec<Label>,
    after: Option<Vec<Label>>,
}

impl Term {
    /// Names of the axes of one operand or the result.
    fn parse(text: &str) -> Result<Self, String> {
        let letters = |part: &str| part.chars().map(label).collect::<Result<Vec<_>, _>>();
        match text.split_once("...") {
            Some((_, after)) if after.contains('.') => {
                Err(format!("`{text}` has more dots than one `...`"))
            }
            Some((before, after)) => Ok(Self {
                before: letters(before)?,
                after: Some(letters(after)?),
            }),
            None => Ok(Self {
                before: letters(text)?,
                after: None,
            }),
        }
    }

    /// How many axes have letters.
    fn letters(&self) -> usize {
        self.before.len() + self.after.as_ref().map_or(0, Vec::len)
    }

    /// All names, with `dots` axes in the place of `...` out of the last of `most`.
    fn labels(&self, dots: usize, most: usize) -> Vec<Label> {
        let mut labels = self.before.clone();
        if let Some(after) = &self.after {
            labels.extend((most - dots..most).map(|axis| LETTERS + axis));
            labels.extend(after);
        }
        labels
    }
}

fn label(letter: char) -> Result<Label, String> {
    match letter {
        'A'..='Z' => Ok(letter as usize - 'A' as usize),
        'a'..='z' => Ok(letter as usize - 'a' as usize + LETTERS / 2),
        _ => Err(format!(
            "`{letter}` names no axis; names are letters from a to z and A to Z, and `...`"
        )),
    }
}

fn name(label: Label) -> String {
    match label {
        LETTERS.. => format!("axis {} of `...`", label - LETTERS),
        26.. => char::from(b'a' + (label - 26) as u8).to_string(),
        _ => char::from(b'A' + label as u8).to_string(),
    }
}

/// Rule: what `equation` means for operands of these shapes.
///
/// # Errors
/// If the equation cannot be read, does not have as many operands, or one has another number of
/// axes; if two sizes of one name differ and neither is 1; if the result has a name twice or one
/// that no operand has.
pub fn einsum(equation: &str, shapes: &[Shape]) -> Result<Einsum, ShapeError> {
    read(equation, shapes)
        .map_err(|problem| ShapeError::new("einsum", shapes, format!("`{equation}`: {problem}")))
}

fn read(equation: &str, shapes: &[Shape]) -> Result<Einsum, String> {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, result) = match text.split_once("->") {
        Some((inputs, result)) => (inputs, Some(result)),
        None => (&text[..], None),
    };
    let terms: Vec<Term> = inputs
        .split(',')
        .map(Term::parse)
        .collect::<Result<_, _>>()?;
    if terms.len() != shapes.len() {
        return Err(format!(
            "{} operands are named, {} are given",
            terms.len(),
            shapes.len()
        ));
    }
    let mut dots = Vec::new();
    for (i, (term, shape)) in terms.iter().zip(shapes).enumerate() {
        let further = shape.rank().checked_sub(term.letters());
        match further.filter(|&further| further == 0 || term.after.is_some()) {
            Some(further) => dots.push(further),
            None => {
                return Err(format!(
                    "operand {i} has rank {}, and {} axes are named",
                    shape.rank(),
                    term.letters()
                ));
            }
        }
    }
    let most = dots.iter().copied().max().unwrap_or(0);
    let operands: Vec<Vec<Label>> = terms
        .iter()
        .zip(dots)
        .map(|(term, dots)| term.labels(dots, most))
        .collect();
    let sizes = common_sizes(&operands, shapes, most)?;
    let output = match result {
        Some(result) => Term::parse(result)?.labels(most, most),
        None => implied(&operands, most),
    };
    for (i, &label) in output.iter().enumerate() {
        if output[..i].contains(&label) {
            return Err(format!("the result has {} twice", name(label)));
        }
        if sizes[label].is_none() {
            return Err(format!("the result has {}, no operand does", name(label)));
        }
    }
    Ok(Einsum {
        operands,
        output,
        sizes,
    })
}

/// The size of every name: that of all its axes, except that 1 stretches.
fn common_sizes(
    operands: &[Vec<Label>],
    shapes: &[Shape],
    dots: usize,
) -> Result<Vec<Option<usize>>, String> {
    let mut sizes = vec![None; LETTERS + dots];
    let axes = |(labels, shape): (&Vec<Label>, &Shape)| -> Vec<(Label, usize)> {
        labels.iter().copied().zip(shape.iter().copied()).collect()
    };
    for (label, size) in operands.iter().zip(shapes).flat_map(axes) {
        sizes[label] = match sizes[label] {
            None | Some(1) => Some(size),
            Some(known) if size == known || size == 1 => Some(known),
            Some(known) => {
                return Err(format!("{} is both {known} and {size}", name(label)));
            }
        };
    }
    Ok(sizes)
}

/// The axes of `...`, then what is named once.
fn implied(operands: &[Vec<Label>], dots: usize) -> Vec<Label> {
    let count = |label| {
        operands
            .iter()
            .flatten()
            .filter(move |&&other| other == label)
    };
    let once = (0..LETTERS).filter(|&label| count(label).count() == 1);
    (LETTERS..LETTERS + dots).chain(once).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(sizes: &[&[usize]]) -> Vec<Shape> {
        sizes.iter().map(|&sizes| Shape::from(sizes)).collect()
    }

    #[track_caller]
    fn result(equation: &str, sizes: &[&[usize]]) -> Shape {
        let plan = einsum(equation, &shapes(sizes)).unwrap();
        plan.shape(&plan.output).unwrap()
    }

    #[track_caller]
    fn refused(equation: &str, sizes: &[&[usize]], because: &str) {
        let text = einsum(equation, &shapes(sizes)).unwrap_err().to_string();
        assert!(text.ends_with(because), "{text}");
    }

    #[test]
    fn results_are_named_or_implied() {
        assert_eq!(result("ij,jk->ik", &[&[2, 3], &[3, 4]]), [2, 4]);
        assert_eq!(result("ij , jk", &[&[2, 3], &[3, 4]]), [2, 4]);
        assert_eq!(result("ba", &[&[2, 3]]), [3, 2]);
        assert_eq!(result("ba->", &[&[2, 3]]), []);
        assert_eq!(result("ii", &[&[3, 3]]), []);
        assert_eq!(result("bA", &[&[2, 3]]), [3, 2]);
        assert_eq!(result("->", &[&[]]), []);
    }

    #[test]
    fn dots_are_aligned_at_the_last() {
        let sizes: &[&[usize]] = &[&[5, 2, 3, 4], &[2, 4, 6]];
        assert_eq!(result("...ij,...jk->...ik", sizes), [5, 2, 3, 6]);
        assert_eq!(result("i...,...", &[&[7, 2], &[3, 2]]), [3, 2, 7]);
        assert_eq!(result("i...->...", &[&[3, 3]]), [3]);
        assert_eq!(result("...i->i", &[&[2, 3]]), [3]);
        assert_eq!(result("...,...", &[&[1, 3], &[2, 1]]), [2, 3]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        let two: &[&[usize]] = &[&[2, 3], &[4, 5]];
        let text = einsum("ij,jk", &shapes(two)).unwrap_err().to_string();
        assert_eq!(text, "einsum: [2, 3] x [4, 5]: `ij,jk`: j is both 3 and 4");
        refused("ij", two, "1 operands are named, 2 are given");
        refused("ij,j->i", two, "operand 1 has rank 2, and 1 axes are named");
        refused(
            "i1,jk",
            two,
            "names are letters from a to z and A to Z, and `...`",
        );
        refused(
            "i.j,jk",
            two,
            "names are letters from a to z and A to Z, and `...`",
        );
        refused("...i...,jk", two, "`...i...` has more dots than one `...`");
        refused("ij,kl->ii", two, "the result has i twice");
        refused("ij,kl->im", two, "the result has m, no operand does");
        refused(
            "ij,kl->i->j",
            two,
            "names are letters from a to z and A to Z, and `...`",
        );
        refused(
            "ijk,...lmn->i",
            two,
            "operand 0 has rank 2, and 3 axes are named",
        );
        refused("...j,...k", two, "axis 0 of `...` is both 2 and 4");
    }
}
