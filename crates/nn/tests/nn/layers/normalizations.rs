//! Statistics over batches, and the modes that use them.

use std::sync::Arc;

use retrograd_autograd::{Tape, checkpoint};
use retrograd_nn::{
    Adam, BatchNorm1d, BatchNorm2d, DataLoader, GroupNorm, InstanceNorm1d, InstanceNorm2d,
    LayerNorm, Module, Optimizer, RmsNorm, Sequential, Terms, Trainer, checkpoint as files,
};
use retrograd_tensor::{DType, Tensor};

use super::{assert_close, evaluate, names, refusal, train, wave};

fn vector(values: &[f64]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

fn with_affine(norm: BatchNorm1d) -> BatchNorm1d {
    norm.affine
        .weight
        .as_ref()
        .unwrap()
        .set(vector(&[0.5, 1.0, -2.0]));
    norm.affine
        .bias
        .as_ref()
        .unwrap()
        .set(vector(&[0.1, -0.2, 0.3]));
    norm
}

#[test]
fn running_statistics_of_three_batches() {
    let norm = with_affine(BatchNorm1d::new(3).to(DType::F64));
    let outputs: Vec<_> = (0..3)
        .map(|b| train(&norm, &wave([4, 3], f64::from(b))))
        .collect();
    assert_close(
        &outputs[2],
        &[
            0.5693328793004159,
            0.30355219082472495,
            0.907002507937505,
            -0.6199325072274295,
            -1.9230637606410363,
            2.349873599794972,
            -0.11382798042268756,
            0.5398302631064743,
            -3.0158846673098605,
            0.5644276083497013,
            0.2796813067098368,
            0.959008559577383,
        ],
    );
    let running = norm.running.as_ref().unwrap();
    assert_close(
        &running.mean.value(),
        &[0.0630740800634104, 0.06926484109597024, 0.04287926506809842],
    );
    assert_close(
        &running.variance.value(),
        &[1.115912649591027, 1.1124583246037871, 1.1046738717134268],
    );
    assert_eq!(running.batches.get(), 3);
    assert_close(
        &evaluate(&norm, &wave([2, 3], 5.0)),
        &[
            -0.61066817470767,
            -1.0488314007717148,
            0.048925608040319896,
            0.5876970844522323,
            1.1544147422828617,
            -1.897541551763637,
        ],
    );
    assert_eq!(running.batches.get(), 3, "evaluation counts nothing");
    running.reset();
    assert_eq!(
        (running.mean.value().to_vec(), running.batches.get()),
        (vec![0.0; 3], 0)
    );
}

#[test]
fn cumulative_statistics_are_means_over_batches() {
    let norm = with_affine(BatchNorm1d::new(3).cumulative().to(DType::F64));
    for b in 0..3 {
        let _ = train(&norm, &wave([4, 3], f64::from(b)));
    }
    let running = norm.running.as_ref().unwrap();
    assert_close(
        &running.mean.value(),
        &[0.22107298169616268, 0.2588502307273615, 0.1748861716010569],
    );
    assert_close(
        &running.variance.value(),
        &[1.4120206546729623, 1.420231355891802, 1.40373843931049],
    );
    assert_close(
        &evaluate(&norm, &wave([2, 3], 5.0)),
        &[
            -0.5982558318093171,
            -1.110332489828235,
            0.30010527411054494,
            0.46707425852394974,
            0.8396278046542583,
            -1.4266128373276619,
        ],
    );
}

#[test]
fn images_by_channels() {
    let norm = BatchNorm2d::new(2).momentum(0.3).to(DType::F64);
    for b in 0..2 {
        let _ = train(&norm, &wave([2, 2, 2, 3], f64::from(b)));
    }
    let running = norm.running.as_ref().unwrap();
    assert_close(
        &running.mean.value(),
        &[-0.036057913850238474, 0.13444029780497574],
    );
    assert_close(
        &running.variance.value(),
        &[1.0678070918872828, 1.1133426326092546],
    );
    assert_close(
        &evaluate(&norm, &wave([1, 2, 1, 2], 5.0)),
        &[
            -1.357067112535963,
            -0.7644734106153476,
            0.03827257544179169,
            0.9088835496289813,
        ],
    );
}

#[test]
fn without_running_statistics_evaluation_goes_by_the_batch() {
    let norm = BatchNorm1d::new(3).without_running().to(DType::F64);
    let x = wave([4, 3], 1.0);
    assert_eq!(train(&norm, &x), evaluate(&norm, &x));
    assert_eq!(names(&norm), ["weight", "bias"]);
    assert!(names(&norm.without_affine()).is_empty());
}

#[test]
fn names_are_those_of_pytorch_and_files_bring_statistics_back() {
    let norm = BatchNorm1d::new(3).to(DType::F64);
    let all = [
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ];
    assert_eq!(names(&norm), all);
    let _ = train(&norm, &wave([4, 3], 1.0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("norm.safetensors");
    let (saved, loaded) = (
        Sequential::new().with(norm),
        Sequential::new().with(BatchNorm1d::new(3).to(DType::F64)),
    );
    files::save(&saved, &path).unwrap();
    files::load(&loaded, &path).unwrap();
    let x = wave([2, 3], 2.0);
    assert_eq!(evaluate(&saved, &x), evaluate(&loaded, &x));
    assert_eq!(names(&loaded)[4], "0.num_batches_tracked");
}

#[test]
fn a_region_that_runs_twice_counts_a_batch_once() {
    let x = wave([4, 3], 1.0);
    let (plain, inside) = (
        BatchNorm1d::new(3).to(DType::F64),
        Arc::new(BatchNorm1d::new(3).to(DType::F64)),
    );
    let gradient = |layer: &dyn Fn(&retrograd_autograd::Var) -> retrograd_autograd::Var| {
        let tape = Tape::new();
        let leaf = tape.leaf(x.clone());
        let gradients = layer(&leaf).powf(3.0).sum(..).backward();
        gradients.of(&leaf).unwrap().clone()
    };
    let region = Arc::clone(&inside);
    let again = gradient(&move |x| {
        let region = Arc::clone(&region);
        checkpoint(&[x], move |x| region.forward(&x[0]))
    });
    assert_eq!(gradient(&|x| plain.forward(x)), again);
    let (plain, inside) = (plain.running.unwrap(), inside.running.clone().unwrap());
    assert_eq!(inside.batches.get(), 1);
    assert_eq!(plain.mean.value(), inside.mean.value());
    assert_eq!(plain.variance.value(), inside.variance.value());
}

#[test]
fn a_failed_step_and_its_replay_are_not_counted() {
    let norm = BatchNorm1d::new(3).to(DType::F64);
    let objective = |x: &_| Terms::new("bad", norm.forward(x).log().sum(..));
    let optimizer = Optimizer::new(Adam::default(), 0.1, norm.params());
    let mut trainer = Trainer::new(&norm, optimizer, objective, 3);
    let loader = DataLoader::new(wave([8, 3], 0.0), 4).unwrap();
    let text = trainer
        .fit(1, &loader, None, &mut ())
        .unwrap_err()
        .to_string();
    assert!(text.contains("`log` at"), "{text}");
    let running = norm.running.as_ref().unwrap();
    assert_eq!(running.batches.get(), 0);
    assert_eq!(running.mean.value().to_vec(), [0.0; 3]);
}

#[test]
fn instances_and_their_running_statistics() {
    let norm = InstanceNorm1d::new(2)
        .with_affine()
        .with_running(0.25)
        .to(DType::F64);
    norm.affine
        .weight
        .as_ref()
        .unwrap()
        .set(vector(&[0.5, -2.0]));
    norm.affine.bias.as_ref().unwrap().set(vector(&[0.1, 0.3]));
    let outputs: Vec<_> = (0..2)
        .map(|b| train(&norm, &wave([2, 2, 4], f64::from(b))))
        .collect();
    assert_close(
        &outputs[1].slice(0, ..1),
        &[
            0.38181650769602593,
            0.5893775043437323,
            0.15240131599321904,
            -0.7235953280329773,
            -0.5431298492558445,
            2.5454613485677244,
            1.7508682062371888,
            -2.5531997055490656,
        ],
    );
    let running = norm.running.as_ref().unwrap();
    assert_close(
        &running.mean.value(),
        &[0.3753360589877084, -0.3168810360173835],
    );
    assert_close(
        &running.variance.value(),
        &[0.784817869045388, 0.8394588673120105],
    );
    assert_close(
        &evaluate(&norm, &wave([1, 2, 3], 5.0)),
        &[
            -0.9236550419405697,
            -0.5780434808444123,
            -0.013168018106229067,
            -2.7785758480267035,
            -3.6612439903453007,
            -3.0061991293050223,
        ],
    );
    assert!(
        names(&InstanceNorm2d::new(2).to(DType::F64)).is_empty(),
        "as in PyTorch"
    );
}

#[test]
fn norms_of_a_sample_by_itself() {
    let layer = LayerNorm::new([2, 3]).epsilon(1e-3).to(DType::F64);
    layer.affine.weight.as_ref().unwrap().set(wave([2, 3], 1.0));
    layer.affine.bias.as_ref().unwrap().set(wave([2, 3], 2.0));
    let expected = [
        1.186109646988669,
        1.9215852860626472,
        0.7681210416845793,
        -1.192721768861939,
        -0.9372989896284012,
        1.5895388103757515,
        -0.18983974664126296,
        -1.011281650765238,
        -0.8492215323909983,
        -1.2014832453051707,
        -2.5076798880069315,
        -2.937640223072672,
    ];
    assert_close(&train(&layer, &wave([2, 2, 3], 0.3)), &expected);
    assert_close(&evaluate(&layer, &wave([2, 2, 3], 0.3)), &expected);

    let group = GroupNorm::new(2, 4).to(DType::F64);
    group.affine.weight.as_ref().unwrap().set(wave([4], 1.0));
    group.affine.bias.as_ref().unwrap().set(wave([4], 2.0));
    assert_close(
        &train(&group, &wave([1, 4, 3], 0.3)),
        &[
            1.1859777805154441,
            2.451325244062567,
            2.799428743365174,
            1.4691044581400348,
            -0.262269340843768,
            -2.047058096211757,
            -1.6310102666695447,
            -1.5091996640057848,
            -0.8493889026106861,
            -1.2014739295227825,
            -1.1585200082356688,
            -1.1474469314006581,
        ],
    );

    let rms = RmsNorm::new([3]).to(DType::F64);
    rms.weight.as_ref().unwrap().set(wave([3], 1.0));
    assert_close(
        &train(&rms, &wave([2, 3], 0.3)),
        &[
            0.48441109158888024,
            1.6255180610104911,
            1.304831205539605,
            1.6186011363901156,
            0.11742358115003199,
            -1.1769317011153233,
        ],
    );
}

#[test]
fn wrong_shapes_are_refused_in_words() {
    let text = refusal(|| train(&BatchNorm1d::new(3), &wave([2, 4], 0.0)));
    assert!(
        text.contains("batch norm 1d: [2, 4]: expected") && text.contains("3 channels"),
        "{text}"
    );
    let text = refusal(|| train(&BatchNorm2d::new(3), &wave([2, 3], 0.0)));
    assert!(text.contains("[batch, channels, rows, columns]"), "{text}");
    let text = refusal(|| train(&BatchNorm1d::new(3), &wave([1, 3], 0.0)));
    assert!(
        text.contains("1 number a channel") && text.contains("larger batch"),
        "{text}"
    );
    let text = refusal(|| BatchNorm1d::new(3).momentum(1.5));
    assert!(text.contains("a momentum of 1.5"), "{text}");
    let text = refusal(|| train(&LayerNorm::new([3]), &wave([2, 4], 0.0)));
    assert!(
        text.contains("layer norm: [2, 4]: expected last axes of [3]"),
        "{text}"
    );
    let text = refusal(|| train(&RmsNorm::new([3, 2]), &wave([2], 0.0)));
    assert!(text.contains("expected last axes of [3, 2]"), "{text}");
    let text = refusal(|| GroupNorm::new(2, 3));
    assert!(
        text.contains("3 channels do not form 2 equal groups"),
        "{text}"
    );
    let text = refusal(|| train(&GroupNorm::new(1, 3), &wave([3], 0.0)));
    assert!(
        text.contains("[batch, channels, ...] with 3 channels"),
        "{text}"
    );
    let text = refusal(|| {
        train(
            &InstanceNorm1d::new(2).to(DType::F64),
            &wave([2, 2, 1], 0.0),
        )
    });
    assert!(text.contains("1 position a channel"), "{text}");
    let text = refusal(|| {
        train(
            &InstanceNorm2d::new(2).to(DType::F64),
            &wave([2, 2, 1], 0.0),
        )
    });
    assert!(
        text.contains("[batch, channels, rows, columns] with 2 channels"),
        "{text}"
    );
}
