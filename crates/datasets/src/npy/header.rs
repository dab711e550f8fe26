//! The header of an NPY file: a dictionary as Python writes it, read strictly.
//!
//! ```text
//! {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//! ```
//!
//! NumPy evaluates this text as a literal of Python. Here it may hold the three keys, once each,
//! with values of their kind, and nothing else.

use super::dtype::Dtype;
use crate::source::printable;

/// What the header says of the elements that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dtype: Dtype,
    /// Whether the first axis is the fastest.
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
}

/// Why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) found: String,
    pub(crate) expected: &'static str,
    /// Whether it is a good header of something that cannot be read.
    pub(crate) unsupported: bool,
}

impl Header {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut words = Words { rest: text };
        let (mut dtype, mut fortran, mut shape) = (None, None, None);
        words.expect("{", "a header that begins with {")?;
        while !words.take("}") {
            let key = words.string()?;
            words.expect(":", "a colon after a key")?;
            let fresh = match key {
                "descr" => dtype.replace(words.dtype()?).is_none(),
                "fortran_order" => fortran.replace(words.truth()?).is_none(),
                "shape" => shape.replace(words.tuple()?).is_none(),
                _ => false,
            };
            if !fresh {
                return Err(Fault::new(
                    format!("the key '{}' in its header", printable(key)),
                    "descr, fortran_order and shape, once each",
                ));
            }
            if !words.take(",") {
                words.expect("}", "a comma or } after a value")?;
                break;
            }
        }
        if !words.rest.trim_matches([' ', '\n']).is_empty() {
            return Err(words.fault("nothing after the header's }"));
        }
        match (dtype, fortran, shape) {
            (Some(dtype), Some(fortran), Some(shape)) => Ok(Self {
                dtype,
                fortran,
                shape,
            }),
            _ => Err(Fault::new(
                "a header that lacks a key".into(),
                "descr, fortran_order and shape, once each",
            )),
        }
    }
}

impl Fault {
    fn new(found: String, expected: &'static str) -> Self {
        Self {
            found,
            expected,
            unsupported: false,
        }
    }

    fn dtype(found: String) -> Self {
        Self {
            found,
            expected: "numbers: f4, f8, i1 to i8, u1 to u8 or b1",
            unsupported: true,
        }
    }
}

/// What is left of the text.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// Takes the word if it comes next.
    fn take(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, word: &str, expected: &'static str) -> Result<(), Fault> {
        if self.take(word) {
            return Ok(());
        }
        Err(self.fault(expected))
    }

    fn fault(&self, expected: &'static str) -> Fault {
        let found = match self.rest {
            "" => "the end of the header".into(),
            rest => format!("{:?} in its header", Excerpt(rest)),
        };
        Fault::new(found, expected)
    }

    /// A string in either kind of quotes; names of types have no escapes.
    fn string(&mut self) -> Result<&'a str, Fault> {
        let quote = if self.take("'") {
            '\''
        } else {
            self.expect("\"", "a string")?;
            '"'
        };
        let Some((text, rest)) = self.rest.split_once(quote) else {
            return Err(self.fault("a string that ends"));
        };
        self.rest = rest;
        Ok(text)
    }

    fn dtype(&mut self) -> Result<Dtype, Fault> {
        self.skip_spaces();
        if self.rest.starts_with('[') {
            return Err(Fault::dtype("records of several fields".into()));
        }
        let descr = self.string()?;
        Dtype::parse(descr).ok_or_else(|| {
            let kind = match descr.trim_start_matches(['<', '>', '|', '=']).get(..1) {
                Some("c") => "complex numbers",
                Some("O") => "pickled Python objects, which may run code",
                Some("S" | "U" | "a") => "strings",
                Some("M" | "m") => "dates",
                Some("f") => "floats of an unusual size",
                _ => "something else",
            };
            Fault::dtype(format!(
                "elements of the type '{}' ({kind})",
                printable(descr)
            ))
        })
    }

    fn truth(&mut self) -> Result<bool, Fault> {
        if self.take("True") {
            return Ok(true);
        }
        self.expect("False", "True or False").map(|()| false)
    }

    /// A tuple of sizes: `()`, `(3,)`, `(3, 4)` or `(3, 4,)`.
    fn tuple(&mut self) -> Result<Vec<usize>, Fault> {
        let mut sizes = Vec::new();
        self.expect("(", "a tuple of sizes")?;
        while !self.take(")") {
            sizes.push(self.size()?);
            if self.take(",") {
                continue;
            }
            self.expect(")", "a comma or ) after a size")?;
            // A number in parentheses is no tuple.
            if sizes.len() == 1 {
                return Err(self.fault("a comma after the only size"));
            }
            break;
        }
        Ok(sizes)
    }

    fn size(&mut self) -> Result<usize, Fault> {
        self.skip_spaces();
        let digits = self.rest.len()
            - self
                .rest
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        let size = self.rest[..digits].parse();
        let size = size.map_err(|_| self.fault("sizes that are integers of 64 bits"))?;
        self.rest = &self.rest[digits..];
        Ok(size)
    }
}

/// The beginning of a text, in quotes.
struct Excerpt<'a>(&'a str);

impl std::fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Characters that are shown.
        const SHOWN: usize = 24;
        let start: String = self.0.chars().take(SHOWN).collect();
        write!(f, "\"{}\"", printable(&start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numpy_writes_is_read() {
        let header =
            Header::parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n");
        let header = header.expect("a header");
        assert_eq!((header.fortran, header.shape), (false, vec![3, 4]));
        let other = "{\"shape\":(5,),\"fortran_order\":True,\"descr\":\"|u1\"}";
        let header = Header::parse(other).expect("a header");
        assert_eq!((header.fortran, header.shape), (true, vec![5]));
        let scalar = "{'descr': '>i2', 'fortran_order': False, 'shape': ()}";
        assert_eq!(Header::parse(scalar).expect("a header").shape, []);
    }

    #[test]
    fn anything_else_is_a_fault() {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (35, 42), }";
        // Nothing can be left out but spaces, a comma that is optional, and digits of sizes.
        for (i, c) in good.char_indices() {
            let cut = [&good[..i], &good[i + 1..]].concat();
            if Header::parse(&cut).is_ok() {
                assert!(matches!(c, ' ' | ',' | '2'..='5'), "{cut}");
            }
            assert!(Header::parse(&good[..i]).is_err(), "{}", &good[..i]);
        }
        for bad in [
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'more': 1}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3.0, 4)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} 1",
        ] {
            let fault = Header::parse(bad).expect_err(bad);
            assert!(!fault.unsupported, "{bad}");
        }
    }

    #[test]
    fn types_that_are_no_numbers_are_named() {
        let found = |descr: &str| {
            let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (3,)}}");
            let fault = Header::parse(&header).expect_err("a fault");
            assert!(fault.unsupported, "{fault:?}");
            fault.found
        };
        assert!(found("'<c16'").contains("complex"));
        assert!(found("'|O'").contains("run code"));
        assert!(found("'<U10'").contains("strings"));
        assert!(found("'<f2'").contains("unusual size"));
        assert!(found("[('a', '<f4')]").contains("several fields"));
        assert!(found("''").contains("something else"));
    }
}
