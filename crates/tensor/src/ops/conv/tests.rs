//! The kernels against the naive ones, on sizes with nothing round about them.

use super::{Call, Kind, Strategy, naive};
use crate::random;
use crate::shape::{Convolution, Geometry, Shape, convolution, transposed_convolution};
use crate::simd::Isa;
use crate::{Array, Float, OrPanic, Slice};

/// The three kernels in one of their forms.
type Kernels<'a, T> = [Box<dyn Fn() -> Array<T> + 'a>; 3];

/// The result of a kernel by one of the strategies.
fn by<T: Float>(
    (isa, strategy): (Isa, Strategy),
    kind: Kind,
    operands: [&[T]; 2],
    geometry: &Geometry,
) -> Array<T> {
    let shape = match kind {
        Kind::Forward => geometry.output(),
        Kind::Transposed => geometry.input(),
        Kind::Filter => geometry.weight(),
    };
    Array::written(shape, |result| {
        let call = Call {
            kind,
            operands,
            bias: None,
            geometry,
            result,
        };
        call.run_by(isa, strategy);
    })
}

/// All forms: as the methods choose, and by each strategy with every instruction set.
fn forms<'a, T: Float>(
    [x, w, y]: [&'a Array<T>; 3],
    geometry: &'a Geometry,
) -> Vec<(String, Kernels<'a, T>)> {
    let chosen: Kernels<'a, T> = [
        Box::new(|| x.convolve(w, None, geometry)),
        Box::new(|| y.convolve_transposed(w, None, geometry)),
        Box::new(|| x.convolve_filter(y, geometry)),
    ];
    let mut forms = vec![("chosen".to_owned(), chosen)];
    let slice = |tensor: &'a Array<T>| tensor.as_slice().expect("not a view");
    let (x, w, y) = (slice(x), slice(w), slice(y));
    for isa in Isa::available() {
        for strategy in [Strategy::Indirect, Strategy::Direct] {
            let way = (isa, strategy);
            let kernels: Kernels<'a, T> = [
                Box::new(move || by(way, Kind::Forward, [x, w], geometry)),
                Box::new(move || by(way, Kind::Transposed, [y, w], geometry)),
                Box::new(move || by(way, Kind::Filter, [x, y], geometry)),
            ];
            forms.push((format!("{strategy:?} with {isa}"), kernels));
        }
    }
    forms
}

/// Every kernel in one precision: each result is a sum of at most `terms` products, so the error is
/// within γ of the sum of absolute products (Higham 2002, eq. 3.5).
fn check<T: Float>(geometry: &Geometry, terms: usize) {
    let mut rng = random::rng(terms as u64);
    let mut normal = |shape: Shape| Array::<f64>::normal(shape, 0.0, 1.0, &mut rng);
    let operands = [geometry.input(), geometry.weight(), geometry.output()];
    // Numbers that both precisions have.
    let [x, w, y] = operands.map(|shape| normal(shape).cast::<f32>().cast::<f64>());
    let sizes = [&x, &w, &y].map(|tensor| tensor.map(f64::abs));
    let expected = [
        (
            naive::convolve(&x, &w, geometry),
            naive::convolve(&sizes[0], &sizes[1], geometry),
        ),
        (
            naive::transposed(&y, &w, geometry),
            naive::transposed(&sizes[2], &sizes[1], geometry),
        ),
        (
            naive::filter(&x, &y, geometry),
            naive::filter(&sizes[0], &sizes[2], geometry),
        ),
    ];
    let gamma = (terms + 1) as f64 * T::EPSILON.to_f64();
    let [x, w, y] = [&x, &w, &y].map(|tensor| tensor.cast::<T>());
    for (form, kernels) in forms([&x, &w, &y], geometry) {
        for (number, (kernel, (exact, bound))) in kernels.iter().zip(&expected).enumerate() {
            let found = kernel();
            assert_eq!(found.shape(), exact.shape());
            for ((f, e), b) in found.iter().zip(exact.iter()).zip(bound.iter()) {
                let error = (f.to_f64() - e).abs();
                assert!(
                    error <= gamma * b,
                    "kernel {number} {form} of {geometry:?}: {f} for {e}"
                );
            }
        }
    }
}

fn check_both(geometry: &Geometry) {
    let [rows, columns] = geometry.axes;
    let channels = geometry.in_channels.max(geometry.out_channels);
    let terms =
        channels * rows.kernel * columns.kernel + geometry.batch * rows.output * columns.output;
    check::<f32>(geometry, terms);
    check::<f64>(geometry, terms);
}

#[test]
fn agree_with_the_naive_kernels_on_images() {
    let plain = Convolution::<2>::default();
    let sizes = [3, 7, 16, 29];
    let mut rng = random::rng(40);
    let shapes = [(1, 1, 1), (2, 3, 5), (3, 8, 4), (1, 5, 17), (2, 16, 9)];
    let variants = [
        plain,
        plain.padding([1, 1]),
        plain.padding([2, 0]).stride([2, 2]),
        plain.padding([1, 3]).stride([1, 3]).dilation([2, 1]),
        plain.padding([4, 4]).dilation([3, 4]).stride([3, 2]),
        Convolution {
            padding: [(2, 0), (1, 3)],
            ..plain
        },
    ];
    for options in variants {
        for (batch, inputs, outputs) in shapes {
            for kernel in [[1, 1], [3, 3], [2, 5], [4, 4]] {
                let side = |i: usize| sizes[i % sizes.len()];
                let pick = random::permutation(4, &mut rng);
                let input = Shape::from([batch, inputs, side(pick[0]), side(pick[1])]);
                let weight = Shape::from([outputs, inputs, kernel[0], kernel[1]]);
                if let Ok(geometry) = convolution(&input, &weight, &options) {
                    check_both(&geometry);
                }
            }
        }
    }
}

#[test]
fn agree_in_groups_on_signals_and_on_nothing() {
    let plain = Convolution::<2>::default();
    let grouped = [
        ([3, 6, 9, 7], [4, 3, 3, 3], plain.groups(2).padding([1, 1])),
        ([2, 5, 8, 8], [10, 1, 3, 2], plain.groups(5).stride([2, 1])),
        ([2, 12, 5, 5], [24, 4, 1, 1], plain.groups(3)),
        ([0, 3, 5, 5], [2, 3, 3, 3], plain),
        ([2, 0, 5, 5], [2, 0, 3, 3], plain),
        ([2, 3, 5, 5], [0, 3, 3, 3], plain),
    ];
    for (input, weight, options) in grouped {
        check_both(&convolution(&Shape::from(input), &Shape::from(weight), &options).or_panic());
    }
    for (length, taps, options) in [
        (1, 1, Convolution::<1>::default()),
        (50, 7, Convolution::default().stride([3]).padding([5])),
        (131, 4, Convolution::default().dilation([9])),
    ] {
        let (input, weight) = (Shape::from([3, 2, length]), Shape::from([5, 2, taps]));
        check_both(&convolution(&input, &weight, &options).or_panic());
    }
    // A transposed convolution may reach further than the convolution it transposes.
    let options = plain.stride([3, 2]).padding([1, 2]).dilation([4, 4]);
    let (input, weight) = (Shape::from([2, 4, 5, 4]), Shape::from([4, 3, 3, 2]));
    check_both(&transposed_convolution(&input, &weight, &options, [2, 3]).or_panic());
}

#[test]
fn agree_in_many_blocks_tiles_and_parts() {
    let plain = Convolution::<2>::default();
    let halving = plain.stride([2, 2]).padding([1, 1]);
    for (input, weight, options) in [
        // More products in a sum than are done in one go, and a last block of fewer images.
        ([21, 20, 9, 7], [37, 20, 4, 4], halving),
        ([35, 37, 5, 4], [6, 37, 3, 3], plain.padding([1, 1])),
        // A weight so large that it has few parts.
        ([17, 300, 1, 1], [300, 300, 1, 1], plain),
        // Windows that read nothing at all, and positions that none reads.
        (
            [2, 9, 3, 2],
            [10, 9, 2, 1],
            plain.padding([3, 4]).stride([4, 3]),
        ),
    ] {
        check_both(&convolution(&Shape::from(input), &Shape::from(weight), &options).or_panic());
    }
}

#[test]
fn a_weight_of_a_million_windows_keeps_its_digits() {
    // Every term is the same, so that all roundings go the same way.
    for [input, weight] in [
        [[1, 1, 1002, 1002], [1, 1, 3, 3]],
        [[1, 12, 1002, 1002], [12, 12, 3, 3]],
    ] {
        let (input, weight) = (Shape::from(input), Shape::from(weight));
        let geometry = convolution(&input, &weight, &Convolution::<2>::default()).or_panic();
        let y = Array::<f32>::full(geometry.output(), 0.1);
        let sums = Array::<f32>::ones(input).convolve_filter(&y, &geometry);
        let exact = 1e6 * f64::from(0.1_f32);
        // What 2048 additions round by, ε/2 each: a lane's share of a span, and the spans.
        let bound = 1024.0 * f64::from(f32::EPSILON);
        for sum in sums.iter() {
            assert!((f64::from(sum) / exact - 1.0).abs() < bound, "{sum}");
        }
    }
}

#[test]
fn indirect_products_do_not_multiply_padding() {
    // An infinity in a corner reaches the windows that read it, and no other.
    let (input, weight) = (Shape::from([1, 2, 4, 4]), Shape::from([3, 2, 3, 3]));
    let options = Convolution::<2>::default().padding([1, 1]);
    let geometry = convolution(&input, &weight, &options).or_panic();
    let mut x = vec![1.0_f32; input.elements()];
    x[0] = f32::INFINITY;
    let w = vec![1.0_f32; weight.elements()];
    for isa in Isa::available() {
        let way = (isa, Strategy::Indirect);
        let y = by(way, Kind::Forward, [&x, &w], &geometry);
        for (i, value) in y.iter().enumerate() {
            let reached = i % 16 / 4 < 2 && i % 4 < 2;
            assert_eq!(value.is_finite(), !reached, "{isa}: {value} at {i}");
            assert!(!value.is_nan());
        }
    }
}

#[test]
fn a_bias_is_added_to_every_position_of_its_channel() {
    let mut rng = random::rng(41);
    let x = Array::<f64>::normal([3, 2, 5, 4], 0.0, 1.0, &mut rng);
    let w = Array::<f64>::normal([2, 4, 3, 3], 0.0, 1.0, &mut rng);
    let options = Convolution::<2>::default();
    let bias = Array::<f64>::normal([2], 0.0, 1.0, &mut rng);
    let forward = w.permute(&[1, 0, 2, 3]);
    let expected = x.conv2d(&forward, None, &options) + bias_of(4);
    assert_close(
        &x.conv2d(&forward, Some(&bias_of(4).reshape(&[4])), &options),
        &expected,
    );
    let longer = Array::<f64>::normal([4], 0.0, 1.0, &mut rng);
    let transposed = x.conv_transpose2d(&w, Some(&longer), &options, [0, 0]);
    let expected = x.conv_transpose2d(&w, None, &options, [0, 0]) + longer.reshape(&[4, 1, 1]);
    assert_close(&transposed, &expected);
    let wrong = std::panic::catch_unwind(|| x.conv2d(&forward, Some(&bias), &options));
    assert!(wrong.is_err(), "two numbers for four channels");
}

fn bias_of(channels: usize) -> Array<f64> {
    Array::arange(channels).reshape(&[channels as isize, 1, 1])
}

fn assert_close(found: &Array<f64>, expected: &Array<f64>) {
    assert_eq!(found.shape(), expected.shape());
    let worst = found
        .iter()
        .zip(expected.iter())
        .map(|(f, e)| (f - e).abs());
    assert!(worst.fold(0.0, f64::max) <= 1e-13);
}

#[test]
fn operands_may_be_views() {
    let mut rng = random::rng(42);
    let x = Array::<f64>::normal([7, 6, 3, 4], 0.0, 1.0, &mut rng);
    let w = Array::<f64>::normal([3, 3, 2, 3], 0.0, 1.0, &mut rng);
    let turned = x.permute(&[3, 2, 0, 1]);
    let flipped = w.slice(1, Slice::all().step(-1));
    let options = Convolution::<2>::default().padding([1, 1]);
    assert_eq!(
        turned.conv2d(&flipped, None, &options),
        turned.copied().conv2d(&flipped.copied(), None, &options)
    );
}

#[test]
fn the_results_do_not_depend_on_the_number_of_threads() {
    let mut rng = random::rng(43);
    let plain = Convolution::<2>::default().padding([1, 1]);
    for ([inputs, outputs], options) in [([5, 6], plain), ([16, 24], plain.stride([2, 2]))] {
        let x = Array::<f32>::normal([37, inputs, 15, 14], 0.0, 1.0, &mut rng);
        let w = Array::<f32>::normal([outputs, inputs, 3, 3], 0.0, 1.0, &mut rng);
        let geometry = convolution(x.shape(), w.shape(), &options).or_panic();
        let run = || {
            let y = x.convolve(&w, None, &geometry);
            let back = y.convolve_transposed(&w, None, &geometry);
            let filter = x.convolve_filter(&y, &geometry);
            [y, back, filter].map(|tensor| tensor.iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(run)
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert_eq!(one, with(threads));
        }
    }
}
