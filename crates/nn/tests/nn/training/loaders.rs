//! Loaders: batches and what is left over.

use super::*;
use retrograd_tensor::Array;

#[test]
fn batches_of_one_of_all_and_of_a_remainder() {
    let data = Tensor::arange(7, DType::F32).reshape(&[7, 1, 1]);
    let sizes = |batch, last| -> Vec<usize> {
        let loader = DataLoader::new(data.clone(), batch)
            .unwrap()
            .last_batch(last);
        let sizes: Vec<usize> = loader.epoch(0).map(|batch| batch.shape()[0]).collect();
        assert_eq!(loader.batches(), sizes.len());
        sizes
    };
    assert_eq!(sizes(1, LastBatch::Keep), [1; 7]);
    assert_eq!(sizes(7, LastBatch::Keep), [7]);
    assert_eq!(sizes(7, LastBatch::Drop), [7]);
    assert_eq!(sizes(3, LastBatch::Keep), [3, 3, 1]);
    assert_eq!(sizes(3, LastBatch::Drop), [3, 3]);
    assert_eq!(sizes(6, LastBatch::Drop), [6]);
    let loader = DataLoader::new(data, 3).unwrap();
    assert!(loader.epoch(0).all(|batch| batch.shape()[1..] == [1, 1]));
}

#[test]
fn views_lists_and_integers_are_data_too() {
    let turned = Tensor::arange(6, DType::F64).reshape(&[2, 3]).t();
    let loader = DataLoader::new(turned, 2).unwrap();
    let batches: Vec<Tensor> = loader.epoch(0).collect();
    assert_eq!(batches[0].to_vec(), [0.0, 3.0, 1.0, 4.0]);
    assert_eq!(batches[1].to_vec(), [2.0, 5.0]);
    let labels = Array::from_vec(vec![3, 1, 2], [3]);
    let loader = DataLoader::new(labels, 2).unwrap();
    let batches: Vec<Array<i64>> = loader.epoch(0).collect();
    assert_eq!(
        (batches[0].to_vec(), batches[1].to_vec()),
        (vec![3, 1], vec![2])
    );
    assert!(DataLoader::new(Tensor::scalar(1.0_f32), 1).is_err());
}

#[test]
fn what_is_dropped_changes_with_the_epoch_and_the_order_with_the_seed() {
    let loader = |seed| {
        let data = Tensor::arange(10, DType::F32).reshape(&[10, 1]);
        let loader = DataLoader::new(data, 4).unwrap();
        loader.shuffled(seed).last_batch(LastBatch::Drop)
    };
    let epoch = |seed, epoch| -> Vec<f64> {
        let loader = loader(seed);
        loader
            .epoch(epoch)
            .flat_map(|batch| batch.to_vec())
            .collect()
    };
    let mut met = [false; 10];
    for n in 0..20 {
        epoch(1, n).iter().for_each(|&v| met[v as usize] = true);
    }
    assert_eq!(met, [true; 10], "none is left out for good");
    assert_ne!(epoch(1, 0), epoch(2, 0));
    assert_eq!(epoch(1, u64::MAX), epoch(1, u64::MAX));
}
