//! Functions too rare for vectors, one `f64` at a time.
//!
//! Most are those of `libm`. The polygamma functions are ours: derivative n of digamma is
//! (−1)ⁿ⁺¹·n!·ζ(n + 1, x), with the Hurwitz zeta function ζ(s, x) = Σₖ (x + k)⁻ˢ over k ≥ 0. Far from
//! 0 both have expansions in powers of 1/x (Abramowitz and Stegun 1964, 6.3.18 and 23.2.9), and a sum
//! of a few terms gets there.

use std::f64::consts::PI;

pub(crate) use libm::{acos, acosh, asin, asinh, atan, atan2, atanh, erfc, hypot, lgamma};

/// The Bernoulli numbers B₂, B₄, .. B₂₄.
pub(crate) const BERNOULLI: [f64; 12] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43_867.0 / 798.0,
    -174_611.0 / 330.0,
    854_513.0 / 138.0,
    -236_364_091.0 / 2730.0,
];

/// Where the expansions reach full precision: the first term left out is below 10⁻¹⁷ of the sum.
const FAR: f64 = 12.0;

/// The largest n whose factorial is finite.
const LAST_ORDER: f64 = 170.0;

/// Derivative `order` of digamma at `x`, up to order 170; NaN beyond.
pub(crate) fn polygamma(x: f64, order: f64) -> f64 {
    if order == 0.0 {
        return digamma(x);
    }
    // Beyond the last order, the factorial is too large for a number.
    if !(0.0..=LAST_ORDER).contains(&order) || order.fract() != 0.0 {
        return f64::NAN;
    }
    let factorial: f64 = (1..=order as u32).map(f64::from).product();
    let sign = if order % 2.0 == 0.0 { -1.0 } else { 1.0 };
    sign * factorial * zeta(order + 1.0, x)
}

/// `x` − `divisor`·⌊`x` / `divisor`⌋, from the exact remainder with the sign of `x`.
pub(crate) fn remainder(x: f64, divisor: f64) -> f64 {
    let remainder = x % divisor;
    let opposite = remainder != 0.0 && (remainder < 0.0) != (divisor < 0.0);
    if opposite {
        remainder + divisor
    } else {
        remainder
    }
}

/// ψ(x) = d/dx log Γ(x): −∞ at 0, ∞ at −0, NaN at −1, −2 and so on.
fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x < 0.0 {
        // Tangents have period π, and only the distance from the next pole keeps its digits.
        let from_pole = x - x.round();
        return if from_pole == 0.0 {
            f64::NAN
        } else {
            digamma(1.0 - x) - PI / (PI * from_pole).tan()
        };
    }
    let (mut x, mut below) = (x, 0.0);
    while x < FAR {
        below += 1.0 / x;
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let term = |sum: f64, (i, b): (usize, &f64)| (sum + b / (2 * i + 2) as f64) * inverse;
    let tail = BERNOULLI.iter().enumerate().rev().fold(0.0, term);
    x.ln() - 0.5 / x - tail - below
}

/// ζ(s, x) for an integer s ≥ 2; infinite at x = 0, −1, −2 and so on.
fn zeta(s: f64, x: f64) -> f64 {
    if x > 0.0 || x.is_nan() {
        return zeta_right(s, x);
    }
    // The sum over all integers k has period 1, and its left half is a zeta function too.
    let from_pole = x - x.round();
    if from_pole == 0.0 {
        return f64::INFINITY;
    }
    let (right, left) = if from_pole > 0.0 {
        (from_pole, 1.0 - from_pole)
    } else {
        (1.0 + from_pole, -from_pole)
    };
    let mirrored = zeta_right(s, left) - zeta_right(s, 1.0 - x);
    let sign = if s % 2.0 == 0.0 { 1.0 } else { -1.0 };
    zeta_right(s, right) + sign * mirrored
}

/// ζ(s, x) for x > 0: terms up to a = x + n, and the Euler-Maclaurin expansion of the others,
/// a¹⁻ˢ/(s − 1) + a⁻ˢ/2 + Σⱼ B₂ⱼ/(2j)!·s(s + 1)···(s + 2j − 2)·a⁻ˢ⁻²ʲ⁺¹.
fn zeta_right(s: f64, x: f64) -> f64 {
    if x == f64::INFINITY {
        return 0.0;
    }
    let (mut a, mut sum) = (x, 0.0);
    while a < FAR + s {
        sum += a.powf(-s);
        a += 1.0;
    }
    let power = a.powf(-s);
    sum += power * (a / (s - 1.0) + 0.5);
    // s(s + 1)···(s + 2j − 2)/(2j)!·a⁻ˢ⁻²ʲ⁺¹
    let mut factor = 0.5 * s * power / a;
    for (j, b) in (1..).zip(BERNOULLI) {
        sum += b * factor;
        let next = 2.0 * f64::from(j);
        factor *= (s + next - 1.0) / (next + 1.0) * (s + next) / (next + 2.0) / (a * a);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assert_relative_eq;

    type Function = fn(f64) -> f64;

    /// Values to forty digits, rounded.
    #[rustfmt::skip]
    const VALUES: [(Function, f64, f64); 49] = [
        (erfc, -2.5, 1.999593047982555),
        (erfc, -0.3, 1.3286267594591274),
        (erfc, 0.0, 1.0),
        (erfc, 1e-09, 0.9999999988716208),
        (erfc, 0.7, 0.32219880616258156),
        (erfc, 3.0, 2.209049699858544e-05),
        (erfc, 9.5, 3.7692144856548797e-41),
        (erfc, 26.0, 5.663192408856143e-296),
        (asin, -0.999, -1.526071239626163),
        (asin, -0.4, -0.41151684606748806),
        (asin, 0.0, 0.0),
        (asin, 1e-09, 1e-09),
        (asin, 0.3, 0.3046926540153975),
        (asin, 0.7, 0.775397496610753),
        (asin, 0.999999, 1.5693821131146521),
        (acos, -0.999, 3.09686756642106),
        (acos, -0.4, 1.9823131728623846),
        (acos, 1e-09, 1.5707963257948967),
        (acos, 0.3, 1.2661036727794992),
        (acos, 0.7, 0.7953988301841436),
        (acos, 0.999999, 0.0014142136802445852),
        (atan, -1000000000.0, -1.5707963257948967),
        (atan, -2.5, -1.1902899496825317),
        (atan, -0.4, -0.3805063771123649),
        (atan, 0.0, 0.0),
        (atan, 1e-09, 1e-09),
        (atan, 0.9, 0.7328151017865066),
        (atan, 30.0, 1.5374753309166493),
        (asinh, -1e+200, -461.2101657793691),
        (asinh, -30.0, -4.09462222433053),
        (asinh, -0.4, -0.3900353197707153),
        (asinh, 0.0, 0.0),
        (asinh, 1e-09, 1e-09),
        (asinh, 0.9, 0.8088669356527824),
        (asinh, 2.0, 1.4436354751788103),
        (asinh, 1000000000.0, 21.416413017506358),
        (acosh, 1.0, 0.0),
        (acosh, 1.0000001, 0.0004472135919037347),
        (acosh, 1.1, 0.4435682543851154),
        (acosh, 2.0, 1.3169578969248168),
        (acosh, 30.0, 4.0940666686320855),
        (acosh, 1000000000.0, 21.416413017506358),
        (acosh, 1e+200, 461.2101657793691),
        (atanh, -0.999999, -7.254328619247669),
        (atanh, -0.4, -0.42364893019360184),
        (atanh, 0.0, 0.0),
        (atanh, 1e-09, 1e-09),
        (atanh, 0.3, 0.3095196042031117),
        (atanh, 0.9, 1.4722194895832204),
    ];

    /// Point, value to forty digits, rounded.
    #[rustfmt::skip]
    const LGAMMA: [(f64, f64); 11] = [
        (-10.3, -14.457515440024208),
        (-2.5, -0.056243716497674054),
        (-0.4, 1.31452458994339),
        (1e-09, 20.723265836369194),
        (0.3, 1.0957979948180756),
        (1.0, 0.0),
        (1.7, -0.09580769740706588),
        (2.0, 0.0),
        (2.3, 0.15418945495963046),
        (30.0, 71.25703896716801),
        (1000000000.0, 19723265827.503716),
    ];

    /// Order, point, value to forty digits, rounded.
    #[rustfmt::skip]
    const POLYGAMMA: [(f64, f64, f64); 45] = [
        (0.0, -20.3, 5.317549924239749),
        (0.0, -2.3, 3.3173231575618227),
        (0.0, -0.001, 999.4211381978913),
        (0.0, 0.001, -1000.5755719318103),
        (0.0, 0.3, -3.502524222200133),
        (0.0, 1.0, -0.5772156649015329),
        (0.0, 3.7, 1.1671535393615113),
        (0.0, 20.5, 2.9958363947076467),
        (0.0, 1000000.0, 13.815510057964191),
        (1.0, -20.3, 15.03134603262623),
        (1.0, -2.3, 14.725912160961292),
        (1.0, -0.001, 1000001.6473414317),
        (1.0, 0.001, 1000001.6425331958),
        (1.0, 0.3, 12.245364546107732),
        (1.0, 1.0, 1.6449340668482264),
        (1.0, 3.7, 0.3100378576700383),
        (1.0, 20.5, 0.04998959242996099),
        (1.0, 1000000.0, 1.0000005000001667e-06),
        (2.0, -20.3, 68.8352336578373),
        (2.0, -2.3, 68.71379252927031),
        (2.0, -0.001, 1999999997.5893795),
        (2.0, 0.001, -2000000002.3976321),
        (2.0, 0.3, -75.27253658872604),
        (2.0, 1.0, -2.4041138063191885),
        (2.0, 3.7, -0.09539530872855403),
        (2.0, 20.5, -0.0024984397723677343),
        (2.0, 1000000.0, -1.0000010000005e-12),
        (3.0, -20.3, 769.0206923407153),
        (3.0, -2.3, 768.9350646661422),
        (3.0, -0.001, 6000000000006.519),
        (3.0, 0.001, 6000000000006.469),
        (3.0, 0.3, 743.1417646550498),
        (3.0, 1.0, 6.493939402266829),
        (3.0, 3.7, 0.058279217956563614),
        (3.0, 20.5, 0.0002496881810853771),
        (3.0, 1000000.0, 2.000003000002e-18),
        (7.0, -20.3, 76905684.33321284),
        (7.0, -2.3, 76905683.92058922),
        (7.0, -0.001, 5.04e+27),
        (7.0, 0.001, 5.04e+27),
        (7.0, 0.3, 76818182.99849322),
        (7.0, 1.0, 5060.54987523764),
        (7.0, 3.7, 0.17110607134145694),
        (7.0, 20.5, 5.592400980358798e-07),
        (7.0, 1000000.0, 7.2000252000336e-40),
    ];

    /// The difference in units of the last place of `expected`, or of `floor` if that is larger.
    fn units(found: f64, expected: f64, floor: f64) -> f64 {
        let size = expected.abs().max(floor);
        (found - expected).abs() / (size.next_up() - size)
    }

    #[test]
    fn functions_agree_with_forty_digits() {
        for (f, x, expected) in VALUES {
            let (found, error) = (f(x), units(f(x), expected, 0.0));
            assert!(
                error <= 2.0,
                "at {x}: {found}, not {expected}: {error} units"
            );
        }
        // Near its zeros log Γ is a difference of numbers of size 1.
        for (x, expected) in LGAMMA {
            let (found, error) = (lgamma(x), units(lgamma(x), expected, 1.0));
            assert!(
                error <= 2.0,
                "at {x}: {found}, not {expected}: {error} units"
            );
        }
    }

    #[test]
    fn polygamma_functions_agree_with_forty_digits() {
        for (order, x, expected) in POLYGAMMA {
            let found = polygamma(x, order);
            // Some are so small that only a relative bound says anything.
            assert_relative_eq!(
                found,
                expected,
                epsilon = 0.0,
                max_relative = 4e-15,
                "order {order} at {x}"
            );
        }
    }

    #[test]
    fn poles_and_ends() {
        for (order, at_zero) in [
            (0.0, f64::NEG_INFINITY),
            (1.0, f64::INFINITY),
            (2.0, f64::NEG_INFINITY),
        ] {
            assert_eq!(polygamma(0.0, order), at_zero);
        }
        assert_eq!(polygamma(-0.0, 0.0), f64::INFINITY);
        assert!(polygamma(-3.0, 0.0).is_nan());
        assert_eq!(polygamma(-3.0, 1.0), f64::INFINITY);
        assert_eq!(polygamma(f64::INFINITY, 0.0), f64::INFINITY);
        assert_eq!(polygamma(f64::INFINITY, 3.0), 0.0);
        assert!(polygamma(1.0, 0.5).is_nan() && polygamma(1.0, -1.0).is_nan());
        assert!(polygamma(f64::NAN, 0.0).is_nan() && polygamma(f64::NAN, 2.0).is_nan());
    }
}
