//! The order in which people count: `img2` before `img10`.

use std::cmp::Ordering;

/// Compares runs of digits as numbers and everything else byte by byte; texts that are equal in
/// this, such as `7` and `07`, are in the order of their bytes.
pub(crate) fn order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let ordering = match (digits(left), digits(right)) {
            (0, _) | (_, 0) => match (left.split_first(), right.split_first()) {
                (Some((x, rest)), Some((y, other))) => {
                    (left, right) = (rest, other);
                    x.cmp(y)
                }
                _ => return left.len().cmp(&right.len()).then_with(|| a.cmp(b)),
            },
            (n, m) => {
                let (x, rest) = left.split_at(n);
                let (y, other) = right.split_at(m);
                (left, right) = (rest, other);
                let [x, y] = [x, y].map(significant);
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

/// How many digits the text begins with.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The digits from the first that is not 0.
fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_the_order_is_total() {
        let sorted = [
            "",
            "07",
            "7",
            "8",
            "10",
            "img",
            "img-1",
            "img1.png",
            "img02.png",
            "img2.png",
            "img2a.png",
            "img10.png",
            "img99999999999999999999999.png",
            "imh",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(order(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }
}
