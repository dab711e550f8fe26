//! Once it has run a few times, a training step asks the system allocator for nothing.
//!
//! Buffers come back from the tensors' pool, and the lists of a tape from the tape before. Counted
//! are the requests of the thread that takes the steps, which has no others to help it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use retrograd_autoencoders::{Card, DataShape, Settings};
use retrograd_autograd::{Tape, Var};
use retrograd_datasets::digits;
use retrograd_nn::{Adam, Optimizer, Param, Trainer};
use retrograd_tensor::{DType, Tensor, random};

/// The system's allocator, counting requests.
struct Counting;

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every request is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.set(REQUESTS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    // `alloc_zeroed` and `realloc` stay as the trait writes them: by way of `alloc`.
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Steps before counting, in which pools and lists reach their sizes.
const WARM_UP: usize = 10;
/// Steps that are counted.
const STEPS: usize = 20;

/// Requests of this thread to the allocator in the steps after the warm-up.
fn requests(mut step: impl FnMut()) -> u64 {
    (0..WARM_UP).for_each(|_| step());
    let before = REQUESTS.get();
    (0..STEPS).for_each(|_| step());
    REQUESTS.get() - before
}

/// Recording a chain of small operations on a new tape, and sweeping it.
fn small_operations() -> u64 {
    let x = Tensor::scalar::<f32>(0.5);
    requests(|| {
        let x = Tape::new().leaf(x.clone());
        let y = (0..100).fold(x.clone(), |y, _| (&y * &x).sin() + &x);
        assert!(y.backward().of(&x).is_some());
    })
}

/// Updates of a parameter that is long enough to be updated in parts.
fn updates() -> u64 {
    let param = Param::new(Tensor::zeros([100_000], DType::F32));
    let named = vec![("parameter".to_owned(), param.clone())];
    let mut optimizer = Optimizer::new(Adam::default(), 1e-3, named);
    let slope = Tensor::ones([100_000], DType::F32);
    requests(|| {
        let x = Tape::new().constant(slope.clone());
        let gradients = param.beside(&x).backward_from(&slope);
        optimizer.step(&gradients);
    })
}

/// The deep autoencoder 784-128-32-128-784 on a batch of 256, trained by Adam.
fn deep_steps() -> u64 {
    let (card, data) = (Card::named("deep"), DataShape::images([1, 28, 28]));
    let card = card.expect("a variant");
    let model = card.build(&Settings::new(), data, &mut random::rng(0));
    let model = model.expect("a model");
    let objective = |x: &Var| model.objective(&x.into());
    let optimizer = Optimizer::new(Adam::default(), 1e-3, model.params());
    let mut trainer = Trainer::new(model.as_ref(), optimizer, objective, 0);
    let batch = digits(256, 1).features;
    requests(|| {
        trainer.step(&batch, 1, 0).expect("the loss is finite");
    })
}

#[test]
fn steps_after_the_first_ones_allocate_nothing() {
    assert_eq!(small_operations(), 0, "small operations");
    // One thread, in the pool: which thread takes which part of a larger pool is chance, and so is
    // when each of them has met every size.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("a thread can be started");
    assert_eq!(pool.install(updates), 0, "updates of a parameter");
    assert_eq!(pool.install(deep_steps), 0, "steps of a deep autoencoder");
}
