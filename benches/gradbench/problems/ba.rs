//! Cameras and points that fit what was seen: the errors of projection, and their sparse Jacobian.
//!
//! A camera is a rotation (axis times angle), a centre, a focal length, a principal point and two
//! coefficients of radial distortion. Each observation is of one point by one camera, so each pair of
//! errors has a small dense block of derivatives.

use retrograd_autograd::scalar::{Function, Real, SparseRows, jacobians, values};
use serde::{Deserialize, Serialize};

use super::{Module, check_length};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "ba",
    functions: &[
        ("objective", |input| {
            evaluate(input, |input: Input| {
                let scene = input.read()?;
                Ok(move || scene.errors())
            })
        }),
        ("jacobian", |input| {
            evaluate(input, |input: Input| {
                let scene = input.read()?;
                Ok(move || Jacobian(scene.jacobian()))
            })
        }),
    ],
};

const CAMERA: usize = 11;
/// A camera, a point and a weight.
const BLOCK: usize = CAMERA + 3 + 1;

#[derive(Deserialize)]
struct Input {
    n: usize,
    m: usize,
    p: usize,
    cam: Vec<f64>,
    x: Vec<f64>,
    w: f64,
    feat: Vec<f64>,
}

/// What is seen, with as many copies of camera, point and observation as were asked for.
struct Scene {
    cameras: Vec<[f64; CAMERA]>,
    points: Vec<[f64; 3]>,
    weights: Vec<f64>,
    /// By which camera, of which point, and where.
    seen: Vec<(u32, u32, [f64; 2])>,
}

impl Input {
    fn read(self) -> Result<Scene, String> {
        let (n, m, p) = (self.n, self.m, self.p);
        if n == 0 || m == 0 || p == 0 {
            return Err("n, m or p is 0; send 1 or more".into());
        }
        let entries = CAMERA * n + 3 * m + p;
        if [n, m, p].iter().any(|count| *count > 1 << 26) || entries > 1 << 30 {
            return Err(format!(
                "{n} cameras, {m} points and {p} observations are too many"
            ));
        }
        let fixed = |name: &str| format!("{name} has another number of entries than it should");
        check_length("cam", self.cam.len(), CAMERA)?;
        check_length("x", self.x.len(), 3)?;
        check_length("feat", self.feat.len(), 2)?;
        let feature: [f64; 2] = self.feat.try_into().map_err(|_| fixed("feat"))?;
        Ok(Scene {
            cameras: vec![self.cam.try_into().map_err(|_| fixed("cam"))?; n],
            points: vec![self.x.try_into().map_err(|_| fixed("x"))?; m],
            weights: vec![self.w; p],
            seen: (0..p)
                .map(|i| ((i % n) as u32, (i % m) as u32, feature))
                .collect(),
        })
    }
}

/// The error of an observation by camera, point and weight; where it was seen is constant.
struct Projection;

impl Function for Projection {
    fn inputs(&self) -> usize {
        BLOCK
    }
    fn constants(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    #[inline(always)]
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        let (camera, point) = x.split_at(CAMERA);
        let offset = |i: usize| point[i] - camera[3 + i];
        let [across, down, depth] = rotate(
            [camera[0], camera[1], camera[2]],
            [offset(0), offset(1), offset(2)],
        );
        let (u, v) = (across / depth, down / depth);
        let square = u.square() + v.square();
        let stretch = 1.0 + square * (camera[9] + camera[10] * square);
        let scale = stretch * camera[6];
        let (weight, feature) = (point[3], &point[4..]);
        y[0] = weight * (u * scale + camera[7] - feature[0]);
        y[1] = weight * (v * scale + camera[8] - feature[1]);
    }
}

/// Rodrigues' formula.
#[inline(always)]
fn rotate<R: Real>(axis: [R; 3], x: [R; 3]) -> [R; 3] {
    let square = axis[0].square() + axis[1].square() + axis[2].square();
    if square == 0.0 {
        let turned = cross(axis, x);
        return [x[0] + turned[0], x[1] + turned[1], x[2] + turned[2]];
    }
    let angle = square.sqrt();
    let (sin, cos) = angle.sin_cos();
    let by = angle.recip();
    let axis = [axis[0] * by, axis[1] * by, axis[2] * by];
    let turned = cross(axis, x);
    let along = R::dot(&axis, &x) * (1.0 - cos);
    let entry = |i: usize| R::dot(&[x[i], turned[i], axis[i]], &[cos, sin, along]);
    [entry(0), entry(1), entry(2)]
}

#[inline(always)]
fn cross<R: Real>(a: [R; 3], b: [R; 3]) -> [R; 3] {
    let entry = |i: usize, j: usize| a[i] * b[j] - a[j] * b[i];
    [entry(1, 2), entry(2, 0), entry(0, 1)]
}

/// How far a weight is from 1.
struct Weight;

impl Function for Weight {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    #[inline(always)]
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        y[0] = 1.0 - x[0].square();
    }
}

impl Scene {
    #[inline(always)]
    fn load(&self, i: usize, argument: &mut [f64]) {
        let (camera, point, feature) = &self.seen[i];
        argument[..CAMERA].copy_from_slice(&self.cameras[*camera as usize]);
        argument[CAMERA..CAMERA + 3].copy_from_slice(&self.points[*point as usize]);
        argument[BLOCK - 1] = self.weights[i];
        argument[BLOCK..].copy_from_slice(feature);
    }

    fn errors(&self) -> Errors {
        let p = self.seen.len();
        let (mut projection, mut weight) = (vec![0.0; 2 * p], vec![0.0; p]);
        let store = |i: usize, y: &[f64]| projection[2 * i..2 * i + 2].copy_from_slice(y);
        values(&Projection, p, |i, x| self.load(i, x), store);
        values(
            &Weight,
            p,
            |i, x| x[0] = self.weights[i],
            |i, y| weight[i] = y[0],
        );
        Errors { projection, weight }
    }

    fn jacobian(&self) -> SparseRows {
        let p = self.seen.len();
        let mut matrix = SparseRows::with_capacity(3 * p, (2 * BLOCK + 1) * p);
        let first_point = (CAMERA * self.cameras.len()) as u32;
        let first_weight = first_point + 3 * self.points.len() as u32;
        let mut columns = [0; BLOCK];
        jacobians(
            &Projection,
            p,
            |i, x| self.load(i, x),
            |i, _, rows| {
                let (camera, point, _) = self.seen[i];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = match j {
                        0..CAMERA => CAMERA as u32 * camera + j as u32,
                        CAMERA..14 => first_point + 3 * point + (j - CAMERA) as u32,
                        _ => first_weight + i as u32,
                    };
                }
                matrix.push_block(&columns, rows);
            },
        );
        jacobians(
            &Weight,
            p,
            |i, x| x[0] = self.weights[i],
            |i, _, rows| matrix.push_block(&[first_weight + i as u32], rows),
        );
        matrix
    }
}

struct Errors {
    projection: Vec<f64>,
    weight: Vec<f64>,
}

#[derive(Serialize)]
struct Repeated<'e> {
    elements: &'e [f64],
    repeated: usize,
}

#[derive(Serialize)]
struct RepeatedOne {
    element: f64,
    repeated: usize,
}

/// All observations are copies, so the first stands for all.
impl Serialize for Errors {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'e> {
            reproj_error: Repeated<'e>,
            w_err: RepeatedOne,
        }
        let repeated = self.weight.len();
        Form {
            reproj_error: Repeated {
                elements: &self.projection[..2],
                repeated,
            },
            w_err: RepeatedOne {
                element: self.weight[0],
                repeated,
            },
        }
        .serialize(serializer)
    }
}

struct Jacobian(SparseRows);

/// The first 30 of each list, which are the first observation's, and the last.
impl Serialize for Jacobian {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form {
            rows: Vec<u32>,
            cols: Vec<u32>,
            vals: Vec<f64>,
        }
        fn ends<T: Copy>(list: &[T]) -> Vec<T> {
            let first = list.iter().take(2 * BLOCK);
            first.chain(list.last()).copied().collect()
        }
        Form {
            rows: ends(&self.0.starts),
            cols: ends(&self.0.columns),
            vals: ends(&self.0.values),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{assert_near, differences, numbers, output};

    const X: [f64; 15] = [
        0.3, -0.5, 0.2, 0.1, 0.4, -0.2, 1.7, 0.05, -0.03, 0.02, -0.01, 0.9, -0.3, 4.0, 0.8,
    ];

    fn input(x: &[f64]) -> Value {
        json!({
            "n": 2, "m": 3, "p": 11, "cam": x[..11], "x": x[11..14], "w": x[14], "feat": [0.4, 0.7],
        })
    }

    fn errors(x: &[f64]) -> Vec<f64> {
        let found = output("ba", "objective", &input(x)).expect("errors");
        assert_eq!(found["reproj_error"]["repeated"], 11);
        let mut all = numbers(&found["reproj_error"]["elements"]);
        all.push(found["w_err"]["element"].as_f64().expect("a number"));
        all
    }

    /// The rotation as the power series of the matrix [axis]ₓ, and what follows written out.
    #[test]
    fn errors_by_another_formula() {
        for axis in [[0.3, -0.5, 0.2], [0.0; 3]] {
            let mut x = X;
            x[..3].copy_from_slice(&axis);
            let offset = [x[11] - x[3], x[12] - x[4], x[13] - x[5]];
            let (mut turned, mut term) = (offset, offset);
            for order in 1..30 {
                let [a, b, c] = axis;
                let [p, q, r] = term;
                let cross = [b * r - c * q, c * p - a * r, a * q - b * p];
                term = cross.map(|t| t / f64::from(order));
                (0..3).for_each(|i| turned[i] += term[i]);
            }
            let (u, v) = (turned[0] / turned[2], turned[1] / turned[2]);
            let r = u * u + v * v;
            let stretch = (1.0 + x[9] * r + x[10] * r * r) * x[6];
            let expected = [
                x[14] * (u * stretch + x[7] - 0.4),
                x[14] * (v * stretch + x[8] - 0.7),
                1.0 - x[14] * x[14],
            ];
            assert_near(&errors(&x), &expected, 1e-14);
        }
    }

    #[test]
    fn jacobian_by_differences() {
        let found = output("ba", "jacobian", &input(&X)).expect("a Jacobian");
        let values = numbers(&found["vals"]);
        for row in 0..2 {
            let expected = differences(|x| errors(x)[row], &X);
            assert_near(&values[15 * row..15 * row + 15], &expected, 1e-8);
        }
        assert_eq!(values[30], -1.6);
        // 2 cameras and 3 points stand before the weights.
        let columns = numbers(&found["cols"]);
        assert_eq!(columns[..15], columns[15..30]);
        assert_eq!(columns[11..15], [22.0, 23.0, 24.0, 31.0]);
        assert_eq!(columns[30], 41.0);
        let rows = numbers(&found["rows"]);
        assert_eq!(
            (rows[..3].to_vec(), rows[30]),
            (vec![0.0, 15.0, 30.0], 341.0)
        );
    }

    #[test]
    fn wrong_inputs() {
        for (field, value) in [
            ("cam", json!([1.0])),
            ("p", json!(0)),
            ("n", json!(1u64 << 40)),
        ] {
            let mut input = input(&X);
            input[field] = value;
            assert!(output("ba", "jacobian", &input).is_err());
        }
    }
}
