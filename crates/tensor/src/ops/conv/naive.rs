//! The three kernels as their definition says it: one sum over everything, in which each product
//! of a tap, an input and an output goes where it belongs.

use crate::array::Array;
use crate::element::Float;
use crate::shape::Geometry;

/// Calls `visit` with the positions in the input, the weight and the output of every product.
fn products(geometry: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let (inputs, outputs) = (
        geometry.in_channels / geometry.groups,
        geometry.out_channels / geometry.groups,
    );
    let [rows, columns] = geometry.axes;
    for b in 0..geometry.batch {
        for o in 0..geometry.out_channels {
            for c in 0..inputs {
                for (j, l) in pairs(rows.output, columns.output) {
                    for (k, m) in pairs(rows.kernel, columns.kernel) {
                        let (Some(i), Some(h)) = (rows.position(j, k), columns.position(l, m))
                        else {
                            continue;
                        };
                        let channel = b * geometry.in_channels + o / outputs * inputs + c;
                        let x = (channel * rows.input + i) * columns.input + h;
                        let w = ((o * inputs + c) * rows.kernel + k) * columns.kernel + m;
                        let y = ((b * geometry.out_channels + o) * rows.output + j)
                            * columns.output
                            + l;
                        visit(x, w, y);
                    }
                }
            }
        }
    }
}

fn pairs(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

pub(super) fn convolve<T: Float>(x: &Array<T>, w: &Array<T>, geometry: &Geometry) -> Array<T> {
    let (x, w, mut y) = (x.to_vec(), w.to_vec(), Array::zeros(geometry.output()));
    let out = y.make_mut();
    products(geometry, |i, k, j| out[j] += x[i] * w[k]);
    y
}

pub(super) fn transposed<T: Float>(y: &Array<T>, w: &Array<T>, geometry: &Geometry) -> Array<T> {
    let (y, w, mut x) = (y.to_vec(), w.to_vec(), Array::zeros(geometry.input()));
    let out = x.make_mut();
    products(geometry, |i, k, j| out[i] += y[j] * w[k]);
    x
}

pub(super) fn filter<T: Float>(x: &Array<T>, y: &Array<T>, geometry: &Geometry) -> Array<T> {
    let (x, y, mut w) = (x.to_vec(), y.to_vec(), Array::zeros(geometry.weight()));
    let out = w.make_mut();
    products(geometry, |i, k, j| out[k] += x[i] * y[j]);
    w
}
