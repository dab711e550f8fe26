//! A hand that fits points: how far each point is from the surface, by 26 angles and places.
//!
//! Bones turn by their angles and hand their turn on to those that hang from them; a vertex moves with the
//! bones around it, by weights. Each point belongs to a vertex, or to a triangle, in which it has two
//! coordinates of its own.

use retrograd_autograd::scalar::{Function, Real, jacobian_of};
use serde::Deserialize;

use super::{Module, check_length, check_rows};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "ht",
    functions: &[
        ("objective", |input| {
            evaluate(input, |input: Input| {
                let (hand, x) = input.read()?;
                Ok(move || {
                    let mut y = vec![0.0; hand.outputs()];
                    hand.eval(&x, &mut y);
                    y
                })
            })
        }),
        ("jacobian", |input| {
            evaluate(input, |input: Input| {
                let (hand, x) = input.read()?;
                Ok(move || Rows(jacobian_of(&hand, &x).1, hand.inputs()))
            })
        }),
    ],
};

/// Rotation, place, and four angles of each finger.
const POSE: usize = 6 + 4 * FINGERS;
const FINGERS: usize = 5;

#[derive(Deserialize)]
struct Input {
    theta: Vec<f64>,
    data: Data,
    us: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Data {
    model: Model,
    correspondences: Vec<usize>,
    points: Vec<[f64; 3]>,
}

type Square = [[f64; 4]; 4];

#[derive(Deserialize)]
struct Model {
    bone_names: Vec<String>,
    parents: Vec<i64>,
    base_relatives: Vec<Square>,
    inverse_base_absolutes: Vec<Square>,
    base_positions: Vec<[f64; 4]>,
    weights: Vec<Vec<f64>>,
    triangles: Vec<[usize; 3]>,
    is_mirrored: bool,
}

/// The upper three rows of a transformation; the fourth is 0 0 0 1.
type Transform<R> = [[R; 4]; 3];

/// A bone: how it lies in its parent, and where things on it were at rest.
struct Bone {
    parent: Option<usize>,
    relative: Transform<f64>,
    inverse: Transform<f64>,
}

/// Where a vertex is at rest, with a one, and the bones it moves with.
struct Vertex {
    rest: [f64; 4],
    bones: Vec<(usize, f64)>,
}

struct Hand {
    bones: Vec<Bone>,
    vertices: Vec<Vertex>,
    mirrored: bool,
    /// The vertices of each point with their shares, and how these move with the point's coordinates.
    targets: Vec<Target>,
    /// Whether points have coordinates of their own.
    coordinates: bool,
}

struct Target {
    vertices: [usize; 3],
    u: [f64; 2],
    point: [f64; 3],
}

impl Input {
    fn read(self) -> Result<(Hand, Vec<f64>), String> {
        let Data {
            model,
            correspondences,
            points,
        } = self.data;
        check_length("theta", self.theta.len(), POSE)?;
        check_length("points", points.len(), correspondences.len())?;
        let coordinates = !self.us.is_empty();
        if coordinates {
            check_length("us", self.us.len(), points.len())?;
        }
        let targets = model.targets(&correspondences, &points, &self.us)?;
        let hand = Hand {
            bones: model.bones()?,
            vertices: model.vertices()?,
            mirrored: model.is_mirrored,
            targets,
            coordinates,
        };
        let moves = vec![0.0; if coordinates { 2 } else { 0 }];
        Ok((hand, [moves, self.theta].concat()))
    }
}

impl Model {
    fn bones(&self) -> Result<Vec<Bone>, String> {
        let count = self.bone_names.len();
        if count < 2 + 4 * FINGERS {
            return Err(format!(
                "{count} bones; send a wrist, five fingers of four and an arm"
            ));
        }
        check_length("parents", self.parents.len(), count)?;
        check_length("base_relatives", self.base_relatives.len(), count)?;
        check_length(
            "inverse_base_absolutes",
            self.inverse_base_absolutes.len(),
            count,
        )?;
        let upper = |square: &Square| [square[0], square[1], square[2]];
        let bone = |i: usize| {
            let parent = match self.parents[i] {
                -1 => None,
                parent => Some(usize::try_from(parent).ok().filter(|p| *p < i).ok_or_else(
                    || format!("parent {parent} of bone {i}; parents come first, and −1 is none"),
                )?),
            };
            Ok(Bone {
                parent,
                relative: upper(&self.base_relatives[i]),
                inverse: upper(&self.inverse_base_absolutes[i]),
            })
        };
        (0..count).map(bone).collect()
    }

    fn vertices(&self) -> Result<Vec<Vertex>, String> {
        check_length("weights", self.weights.len(), self.base_positions.len())?;
        check_rows("weights", &self.weights, self.bone_names.len())?;
        let vertex = |(rest, weights): (&[f64; 4], &Vec<f64>)| {
            let all = weights.iter().copied().enumerate();
            Vertex {
                rest: *rest,
                bones: all.filter(|(_, weight)| *weight != 0.0).collect(),
            }
        };
        let each = self.base_positions.iter().zip(&self.weights);
        Ok(each.map(vertex).collect())
    }

    fn targets(
        &self,
        correspondences: &[usize],
        points: &[[f64; 3]],
        us: &[[f64; 2]],
    ) -> Result<Vec<Target>, String> {
        let target = |(i, (&found, &point)): (usize, (&usize, &[f64; 3]))| {
            let beyond = || format!("correspondence {found} of point {i} does not exist");
            let vertices = match us.is_empty() {
                true => [found; 3],
                false => *self.triangles.get(found).ok_or_else(beyond)?,
            };
            let count = self.base_positions.len();
            if vertices.iter().any(|vertex| *vertex >= count) {
                return Err(beyond());
            }
            let u = us.get(i).copied().unwrap_or([1.0, 0.0]);
            Ok(Target { vertices, u, point })
        };
        let all = correspondences.iter().zip(points).enumerate();
        all.map(target).collect()
    }
}

impl Function for Hand {
    fn inputs(&self) -> usize {
        POSE + if self.coordinates { 2 } else { 0 }
    }
    fn outputs(&self) -> usize {
        3 * self.targets.len()
    }
    /// Points share no row, so one move of the first coordinate of all of them, and one of the
    /// second, have all derivatives by coordinates. They come before the pose.
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        let (moves, pose) = x.split_at(x.len() - POSE);
        let positions = self.positions(pose);
        for (target, y) in self.targets.iter().zip(y.chunks_exact_mut(3)) {
            let [a, b, c] = target.vertices.map(|vertex| &positions[vertex]);
            for i in 0..3 {
                let place = match moves {
                    [first, second] => {
                        let (u, v) = (*first + target.u[0], *second + target.u[1]);
                        u * a[i] + v * b[i] + (1.0 - u - v) * c[i]
                    }
                    _ => a[i],
                };
                y[i] = target.point[i] - place;
            }
        }
    }
}

impl Hand {
    /// Where the vertices are in a pose.
    fn positions<R: Real>(&self, pose: &[R]) -> Vec<[R; 3]> {
        let transforms = self.transforms(&pose[6..]);
        let turn = rotation([pose[0], pose[1], pose[2]]);
        let place = |vertex: &Vertex| {
            let mut sum = [R::from(0.0); 3];
            for (bone, weight) in &vertex.bones {
                for (sum, row) in sum.iter_mut().zip(&transforms[*bone]) {
                    *sum += R::linear(&vertex.rest.map(|x| x * weight), row);
                }
            }
            if self.mirrored {
                sum[0] = -sum[0];
            }
            [0, 1, 2].map(|i| R::dot(&turn[i], &sum) + pose[3 + i])
        };
        self.vertices.iter().map(place).collect()
    }

    /// From rest to the pose, for every bone.
    fn transforms<R: Real>(&self, angles: &[R]) -> Vec<Transform<R>> {
        let still = R::from(0.0);
        let mut absolutes: Vec<Transform<R>> = Vec::with_capacity(self.bones.len());
        for (i, bone) in self.bones.iter().enumerate() {
            // The first bone is the wrist; each finger's first bone does not turn, its second turns two ways.
            let turned = match ((i.wrapping_sub(1)) / 4, i.wrapping_sub(1) % 4) {
                (finger, joint @ 1..4) if finger < FINGERS => {
                    let own = &angles[4 * finger..4 * finger + 4];
                    let bend = [still, own[0], own[2], own[3]][joint];
                    let spread = if joint == 1 { own[1] } else { still };
                    turned(&bone.relative, bend, spread, joint == 1)
                }
                _ => bone.relative.map(|row| row.map(R::from)),
            };
            let absolute = match bone.parent {
                None => turned,
                Some(parent) => after(&absolutes[parent], &turned),
            };
            absolutes.push(absolute);
        }
        let each = absolutes.iter().zip(&self.bones);
        each.map(|(absolute, bone)| after_fixed(absolute, &bone.inverse))
            .collect()
    }
}

/// A bone's place in its parent, turned by Rz(spread)·Rx(bend).
fn turned<R: Real>(relative: &Transform<f64>, bend: R, spread: R, spreads: bool) -> Transform<R> {
    let (sin, cos) = bend.sin_cos();
    let (sin_z, cos_z) = if spreads {
        spread.sin_cos()
    } else {
        (0.0.into(), 1.0.into())
    };
    relative.map(|[a, b, c, d]| {
        let [x, y] = if spreads {
            [cos_z * a + sin_z * b, cos_z * b - sin_z * a]
        } else {
            [a.into(), b.into()]
        };
        [x, y * cos + sin * c, cos * c - y * sin, d.into()]
    })
}

/// One transformation after another.
fn after<R: Real>(a: &Transform<R>, b: &Transform<R>) -> Transform<R> {
    let entry = |row: &[R; 4], j: usize| {
        let sum = R::dot(&row[..3], &[b[0][j], b[1][j], b[2][j]]);
        if j == 3 { sum + row[3] } else { sum }
    };
    [0, 1, 2].map(|i| [0, 1, 2, 3].map(|j| entry(&a[i], j)))
}

/// A transformation after one that does not move.
fn after_fixed<R: Real>(a: &Transform<R>, b: &Transform<f64>) -> Transform<R> {
    let entry = |row: &[R; 4], j: usize| {
        let sum = R::linear(&[b[0][j], b[1][j], b[2][j]], &row[..3]);
        if j == 3 { sum + row[3] } else { sum }
    };
    [0, 1, 2].map(|i| [0, 1, 2, 3].map(|j| entry(&a[i], j)))
}

/// The rotation about an axis by the angle that is its length, which is none for tiny ones.
fn rotation<R: Real>(axis: [R; 3]) -> [[R; 3]; 3] {
    let (zero, one) = (R::from(0.0), R::from(1.0));
    let square = R::dot(&axis, &axis);
    if square < 1e-8 {
        return [[one, zero, zero], [zero, one, zero], [zero, zero, one]];
    }
    let angle = square.sqrt();
    let [x, y, z] = axis.map(|a| a / angle);
    let (s, c) = angle.sin_cos();
    let t = 1.0 - c;
    [
        [x * x * t + c, x * y * t - z * s, x * z * t + y * s],
        [x * y * t + z * s, y * y * t + c, y * z * t - x * s],
        [x * z * t - y * s, y * z * t + x * s, z * z * t + c],
    ]
}

/// A matrix as rows of this length.
struct Rows(Vec<f64>, usize);

impl serde::Serialize for Rows {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.chunks_exact(self.1))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{assert_near, differences, numbers, output, spread};
    use super::{FINGERS, POSE};

    const BONES: usize = 2 + 4 * FINGERS;

    /// Affine transformations without a pattern.
    fn squares(offset: f64) -> Value {
        let square = |i: usize| {
            let all = spread(12, offset + i as f64 * 0.17);
            json!([all[..4], all[4..8], all[8..], [0, 0, 0, 1]])
        };
        (0..BONES).map(square).collect()
    }

    /// A small hand of five vertices; each moves with three bones.
    fn input(theta: &[f64], us: &[[f64; 2]]) -> Value {
        let chain = |i: usize| if i % 4 == 1 { 0 } else { i as i64 - 1 };
        let parents: Vec<i64> = (0..BONES)
            .map(|i| {
                if i == 0 {
                    -1
                } else if i == BONES - 1 {
                    0
                } else {
                    chain(i)
                }
            })
            .collect();
        let weights: Vec<Vec<f64>> = (0..5)
            .map(|v| {
                let own = |i: usize| [3 * v + 2, 4 * v + 4, 20 - v].contains(&i);
                (0..BONES)
                    .map(|i| if own(i) { 0.2 + 0.01 * i as f64 } else { 0.0 })
                    .collect()
            })
            .collect();
        let rest: Vec<Vec<f64>> = spread(15, 0.9)
            .chunks(3)
            .map(|p| vec![p[0], p[1], p[2], 1.0])
            .collect();
        json!({
            "theta": theta,
            "us": us,
            "data": {
                "model": {
                    "bone_count": BONES,
                    "bone_names": (0..BONES).map(|i| format!("bone {i}")).collect::<Vec<_>>(),
                    "parents": parents,
                    "base_relatives": squares(0.3),
                    "inverse_base_absolutes": squares(0.6),
                    "base_positions": rest,
                    "weights": weights,
                    "triangles": [[0, 1, 2], [2, 3, 4]],
                    "is_mirrored": true,
                },
                "correspondences": if us.is_empty() { [4, 1, 2] } else { [1, 0, 1] },
                "points": [[0.1, 0.2, 0.3], [0.5, 0.4, 0.6], [0.9, 0.7, 0.8]],
            }
        })
    }

    fn errors(theta: &[f64], us: &[[f64; 2]]) -> Vec<f64> {
        numbers(&output("ht", "objective", &input(theta, us)).expect("errors"))
    }

    const US: [[f64; 2]; 3] = [[0.2, 0.3], [0.5, 0.1], [0.3, 0.6]];

    /// What the benchmark's reference in C++ (`tools/manual`) prints for these inputs.
    #[test]
    fn errors_of_the_reference() {
        let theta = spread(POSE, 0.05);
        let simple = [
            4.856283298747058,
            9.53968361210725,
            -10.854552510524446,
            5.175374078430514,
            7.264580187871744,
            -9.399378753940349,
            6.641442236684306,
            10.393592335382586,
            -11.687613486507981,
        ];
        assert_near(&errors(&theta, &[]), &simple, 1e-14);
        let in_triangles = [
            4.829848140613073,
            9.296803514970776,
            -10.718583813561295,
            5.121880319330554,
            8.438160333789538,
            -9.842974677292123,
            5.504897088685365,
            9.518532545506767,
            -9.949309018999791,
        ];
        assert_near(&errors(&theta, &US), &in_triangles, 1e-14);
    }

    #[test]
    fn jacobians_by_differences() {
        let theta = spread(POSE, 0.05);
        let found = output("ht", "jacobian", &input(&theta, &[])).expect("a Jacobian");
        for row in 0..9 {
            let expected = differences(|theta| errors(theta, &[])[row], &theta);
            assert_near(&numbers(&found[row]), &expected, 2e-8);
        }
        let found = output("ht", "jacobian", &input(&theta, &US)).expect("a Jacobian");
        for row in 0..9 {
            let own = |u: &[f64]| {
                let mut us = US;
                us[row / 3] = [u[0], u[1]];
                errors(&theta, &us)[row]
            };
            let mut expected = differences(own, &US[row / 3]);
            expected.extend(differences(|theta| errors(theta, &US)[row], &theta));
            assert_near(&numbers(&found[row]), &expected, 2e-8);
        }
    }

    #[test]
    fn wrong_inputs() {
        let theta = spread(POSE, 0.05);
        for (place, value, words) in [
            ("/data/model/parents/3", json!(7), "parent 7 of bone 3"),
            (
                "/data/correspondences/1",
                json!(9),
                "correspondence 9 of point 1",
            ),
            ("/data/points", json!([]), "points has 0 entries; send 3"),
            ("/theta", json!([1.0]), "theta has 1 entries; send 26"),
            ("/data/model/weights/0", json!([1.0]), "row 0 of weights"),
        ] {
            let mut input = input(&theta, &[]);
            *input.pointer_mut(place).expect("a place") = value;
            let error = output("ht", "objective", &input).expect_err("a mistake");
            assert!(error.contains(words), "{error}");
        }
    }
}
