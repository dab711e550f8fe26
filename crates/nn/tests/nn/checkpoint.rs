//! Checkpoints: the format as others read it, files that lie, and folders that refuse.

use std::fs::{self, File};
use std::path::Path;

use retrograd_nn::checkpoint::{self, CheckpointError};
use retrograd_nn::{Activation, Linear, Module, Param, Sequential, Visitor};
use retrograd_tensor::{Float, Tensor, random};
use safetensors::tensor::Dtype;
use safetensors::{SafeTensors, serialize};

fn model(seed: u64) -> Sequential {
    let mut rng = random::rng(seed);
    Sequential::new()
        .with(
            Sequential::new()
                .with(Linear::new(3, 4, &mut rng))
                .with(Activation::Relu),
        )
        .with(Linear::new(4, 2, &mut rng).without_bias())
}

/// One parameter named `value`.
struct Single(Param);

impl Module for Single {
    fn forward(&self, x: &retrograd_autograd::Var) -> retrograd_autograd::Var {
        x * self.0.beside(x)
    }
    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("value", &self.0);
    }
}

fn single<T: Float>(values: Vec<T>) -> Single {
    let count = values.len();
    Single(Param::new(Tensor::from_vec(values, [count])))
}

#[test]
fn others_read_names_types_shapes_and_values() {
    fn holds<T: Float>(dtype: Dtype, bytes: impl Fn(T) -> Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let model = model(1).to(T::DTYPE);
        checkpoint::save(&model, &path).unwrap();
        let file = fs::read(&path).unwrap();
        let tensors = SafeTensors::deserialize(&file).unwrap();
        let params = model.params();
        let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["0.0.weight", "0.0.bias", "1.weight"]);
        assert_eq!(tensors.len(), names.len());
        for (name, param) in &params {
            let view = tensors.tensor(name).unwrap();
            assert_eq!((view.dtype(), view.shape()), (dtype, &param.shape()[..]));
            let expected: Vec<u8> = param
                .value()
                .values()
                .iter()
                .copied()
                .flat_map(&bytes)
                .collect();
            assert_eq!(view.data(), expected, "{name}");
        }
        assert_eq!(tensors.tensor("0.0.weight").unwrap().shape(), [4, 3]);
    }
    holds::<f32>(Dtype::F32, |value| value.to_le_bytes().to_vec());
    holds::<f64>(Dtype::F64, |value| value.to_le_bytes().to_vec());
}

#[test]
fn every_kind_of_number_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let odd32 = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -0.0,
        1e-45,
        f32::MAX,
    ];
    let saved = single(odd32.to_vec());
    checkpoint::save(&saved, &path).unwrap();
    let loaded = single(vec![0.0_f32; 6]);
    checkpoint::load(&loaded, &path).unwrap();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&loaded.0.value().values()), bits(&odd32));

    let odd64 = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        5e-324,
        f64::MAX,
    ];
    checkpoint::save(&single(odd64.to_vec()), &path).unwrap();
    let loaded = single(vec![0.0_f64; 6]);
    checkpoint::load(&loaded, &path).unwrap();
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&loaded.0.value().to_vec()), bits(&odd64));
}

#[test]
fn either_type_is_read_as_the_models() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    checkpoint::save(&single(vec![0.1_f64, 1.0 / 3.0]), &path).unwrap();
    let narrow = single(vec![0.0_f32; 2]);
    checkpoint::load(&narrow, &path).unwrap();
    assert_eq!(narrow.0.value().values::<f32>()[..], [0.1, 1.0 / 3.0]);
    checkpoint::save(&narrow, &path).unwrap();
    let wide = single(vec![0.0_f64; 2]);
    checkpoint::load(&wide, &path).unwrap();
    assert_eq!(wide.0.value().to_vec(), [0.1_f32, 1.0 / 3.0].map(f64::from));
}

#[test]
fn models_of_little_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    checkpoint::save(&Activation::Relu, &path).unwrap();
    checkpoint::load(&Activation::Relu, &path).unwrap();
    assert!(checkpoint::read(&path).unwrap().is_empty());
    let empty = Linear::new(0, 2, &mut random::rng(0));
    checkpoint::save(&empty, &path).unwrap();
    checkpoint::load(&empty, &path).unwrap();
    let scalar = Single(Param::new(Tensor::scalar(2.5_f32)));
    checkpoint::save(&scalar, &path).unwrap();
    assert_eq!(checkpoint::read(&path).unwrap()[0].1, scalar.0.value());
}

#[test]
fn tensors_come_sorted_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    checkpoint::save(&model(1), &path).unwrap();
    let names = || -> Vec<String> {
        let tensors = checkpoint::read(&path).unwrap();
        tensors.into_iter().map(|(name, _)| name).collect()
    };
    for _ in 0..10 {
        assert_eq!(names(), ["0.0.bias", "0.0.weight", "1.weight"]);
    }
}

/// A file with this header and `data` bytes of zeros.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// A file of one tensor.
fn tensor(name: &str, dtype: &str, shape: &str, data: usize) -> Vec<u8> {
    file(
        &format!(r#"{{"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{data}]}}}}"#),
        data,
    )
}

#[test]
fn files_that_lie_are_refused_in_one_line() {
    let mut hostile: Vec<(&str, Vec<u8>)> = vec![
        ("no bytes", Vec::new()),
        ("a header of no bytes", file("", 0)),
        ("not JSON", file("{]", 0)),
        ("JSON of another kind", file("[1, 2]", 0)),
        ("an unknown type", tensor("value", "F33", "[1]", 4)),
        ("integers", tensor("value", "I32", "[2]", 8)),
        ("half precision", tensor("value", "BF16", "[2]", 4)),
        ("more elements than bytes", tensor("value", "F32", "[3]", 8)),
        (
            "fewer elements than bytes",
            tensor("value", "F32", "[1]", 8),
        ),
        // 2⁴⁵ numbers of 8 bytes are more than an address space: reserving them would abort.
        (
            "a claim of 2⁴⁵ numbers",
            tensor("value", "F64", "[35184372088832]", 8),
        ),
        (
            "an overflowing product",
            tensor("value", "F64", "[4294967296,4294967296]", 0),
        ),
        (
            "a size of 2⁶⁴ − 1",
            tensor("value", "F32", "[18446744073709551615]", 4),
        ),
        ("a negative size", tensor("value", "F32", "[-1]", 4)),
        (
            "nine axes",
            tensor("value", "F32", "[1,1,1,1,1,1,1,1,1]", 4),
        ),
        (
            "a name of two lines",
            tensor(r"a\nb\u001b[2J", "F32", "[1]", 4),
        ),
        (
            "a type of a million letters",
            tensor("value", &"F".repeat(1_000_000), "[1]", 4),
        ),
        (
            "a name of two lines, of another type",
            tensor(r"a\nb", "I64", "[1]", 8),
        ),
    ];
    let past = r#"{"value":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    hostile.push(("data that starts late", file(past, 12)));
    let beyond = r#"{"value":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    hostile.push(("data past the end", file(beyond, 4)));
    let backwards = r#"{"value":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#;
    hostile.push(("data that ends before it starts", file(backwards, 8)));
    for size in [
        u64::MAX,
        u64::MAX - 8,
        u64::MAX / 2,
        1 << 40,
        100_000_001,
        3,
    ] {
        let mut bytes = tensor("value", "F32", "[2]", 8);
        bytes[..8].copy_from_slice(&size.to_le_bytes());
        hostile.push(("a header size that is wrong", bytes));
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lies.safetensors");
    for (what, bytes) in hostile {
        fs::write(&path, bytes).unwrap();
        let model = single(vec![7.0_f32; 2]);
        let error = checkpoint::load(&model, &path).expect_err(what);
        one_line(&error, &path);
        assert_eq!(model.0.value().to_vec(), [7.0, 7.0], "{what}");
    }
}

#[test]
fn whole_files_of_other_types_are_not_called_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("integers.safetensors");
    fs::write(&path, tensor("value", "I32", "[2]", 8)).unwrap();
    let error = checkpoint::load(&single(vec![0.0_f32; 2]), &path).unwrap_err();
    let text = one_line(&error, &path);
    assert!(
        text.ends_with("value is of type I32; only F32 and F64 are read"),
        "{text}"
    );
}

#[test]
fn a_file_of_many_strangers_names_a_few() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let data = 1_f32.to_le_bytes();
    let view = || safetensors::tensor::TensorView::new(Dtype::F32, vec![1], &data).unwrap();
    let tensors = (0..1000).map(|i| (format!("layer.{i:04}.weight"), view()));
    fs::write(&path, serialize(tensors, None).unwrap()).unwrap();
    let error = checkpoint::load(&single(vec![0.0_f32]), &path).unwrap_err();
    let text = one_line(&error, &path);
    assert!(
        text.contains("layer.0000.weight") && text.contains("997 more"),
        "{text}"
    );
    assert!(text.len() < 400, "{} characters", text.len());
}

#[test]
fn refusing_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let model = single(vec![1.0_f32]);

    let nowhere = folder.path().join("missing").join("model.safetensors");
    let text = one_line(&checkpoint::save(&model, &nowhere).unwrap_err(), &nowhere);
    assert!(text.contains("there is no folder"), "{text}");
    one_line(&checkpoint::load(&model, &nowhere).unwrap_err(), &nowhere);

    let directory = folder.path().join("model.safetensors");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("inside"), "kept").unwrap();
    one_line(
        &checkpoint::save(&model, &directory).unwrap_err(),
        &directory,
    );
    one_line(
        &checkpoint::load(&model, &directory).unwrap_err(),
        &directory,
    );
    assert_eq!(fs::read(directory.join("inside")).unwrap(), b"kept");

    let long = folder.path().join("m".repeat(300));
    one_line(&checkpoint::save(&model, &long).unwrap_err(), &long);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "no temporary file is left");
}

#[test]
#[cfg(unix)]
fn a_failed_write_leaves_the_old_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    checkpoint::save(&single(vec![1.0_f32]), &path).unwrap();
    let old = fs::read(&path).unwrap();
    let permit = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode));
    permit(0o555).unwrap();
    if File::create(folder.path().join("probe")).is_ok() {
        permit(0o755).unwrap();
        println!("skipped: this user may write to read-only folders");
        return;
    }
    let error = checkpoint::save(&single(vec![2.0_f32]), &path).unwrap_err();
    permit(0o755).unwrap();
    one_line(&error, &path);
    assert_eq!(fs::read(&path).unwrap(), old);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
#[cfg(unix)]
fn a_checkpoint_is_as_readable_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let ordinary = folder.path().join("ordinary");
    File::create(&ordinary).unwrap();
    let path = folder.path().join("model.safetensors");
    for _ in 0..2 {
        checkpoint::save(&single(vec![1.0_f32]), &path).unwrap();
        assert_eq!(
            mode(&path),
            mode(&ordinary),
            "{:o} for {:o}",
            mode(&path),
            mode(&ordinary)
        );
    }
}

/// The text of an error, which must be one printable line that names the file.
fn one_line(error: &CheckpointError, path: &Path) -> String {
    let text = error.to_string();
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(text.contains(&*name), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.chars().count() < 600, "{text}");
    text
}
