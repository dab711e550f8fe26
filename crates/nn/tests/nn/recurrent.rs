//! Recurrent layers against PyTorch's values and against differences.

use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Gru, GruCell, Lstm, LstmCell, Module, RecurrentOptions, Rnn, RnnCell, Visitor};
use retrograd_tensor::random::rng;
use retrograd_tensor::{DType, Shape, Tensor};

use crate::gradients::{check_module, normal};
use crate::reference::{assert_values, fill, wave};

/// Two layers in both directions.
const DEEP: RecurrentOptions = RecurrentOptions {
    layers: 2,
    bidirectional: true,
    batch_first: false,
    dropout: 0.0,
    bias: true,
};

/// Three steps of a batch of two, three inputs.
fn sequence() -> Var {
    wave([3, 2, 3], 1.0, 1.0).into()
}

/// First states of four cells of two units, for a batch of two.
fn state(phase: f64) -> Var {
    wave([4, 2, 2], phase, 1.0).into()
}

#[test]
fn rnn_has_the_values_of_pytorch() {
    let network = Rnn::new(3, 2, DEEP, &mut rng(0)).to(DType::F64);
    fill(&network);
    let (y, last) = network.run(&sequence(), Some(&state(2.0)));
    assert_eq!(
        (y.shape(), last.shape()),
        (&[3, 2, 4].into(), &[4, 2, 2].into())
    );
    assert_values(
        &y,
        &[
            0.344951611274883,
            -0.986979480290914,
            -0.968451300992663,
            0.24860987302384,
            -0.679885708276049,
            -0.122411730936844,
            -0.946812933678726,
            0.431705949555967,
            0.220822915796341,
            -0.646861617345496,
            -0.967237858893604,
            0.180334554639204,
            0.0944467040932564,
            -0.793630797789426,
            -0.969717406735731,
            0.208175167142037,
            0.0264454802961045,
            -0.554447361767137,
            -0.714150962130725,
            0.0884629851455289,
            0.0500721201606099,
            -0.603080692731583,
            -0.965728392634626,
            0.269518173361171,
        ],
    );
    assert_values(
        &last,
        &[
            0.543798567207272,
            0.974869341296208,
            0.905884323139629,
            0.910053743605819,
            0.993239211335605,
            -0.358277809684919,
            0.712205003294145,
            0.930381537175532,
            0.0264454802961045,
            -0.554447361767137,
            0.0500721201606099,
            -0.603080692731583,
            -0.968451300992663,
            0.24860987302384,
            -0.946812933678726,
            0.431705949555967,
        ],
    );
}

#[test]
fn rnn_with_relu_has_the_values_of_pytorch() {
    let network = Rnn::new(3, 2, DEEP, &mut rng(0)).with_relu().to(DType::F64);
    fill(&network);
    let (y, last) = network.run(&sequence(), Some(&state(2.0)));
    assert_eq!(
        (y.shape(), last.shape()),
        (&[3, 2, 4].into(), &[4, 2, 2].into())
    );
    assert_values(
        &y,
        &[
            0.0,
            0.0,
            0.0,
            1.84246342745432,
            0.0,
            0.378737380261534,
            0.0,
            1.22787831988797,
            0.450007025508456,
            0.0,
            0.0,
            0.745347326593643,
            0.0,
            0.0,
            0.0,
            1.49682327251256,
            0.0589319273214247,
            0.0,
            0.0,
            1.95464760459322,
            0.424296494408127,
            0.0,
            0.0,
            1.17724112167312,
        ],
    );
    assert_values(
        &last,
        &[
            1.78502540051288,
            3.80186934410712,
            2.22655227489421,
            2.57647847513425,
            3.18149437774021,
            0.0,
            2.27335295747596,
            1.8516059096681,
            0.0589319273214247,
            0.0,
            0.424296494408127,
            0.0,
            0.0,
            1.84246342745432,
            0.0,
            1.22787831988797,
        ],
    );
}

#[test]
fn gru_has_the_values_of_pytorch() {
    let network = Gru::new(3, 2, DEEP, &mut rng(0)).to(DType::F64);
    fill(&network);
    let (y, last) = network.run(&sequence(), Some(&state(2.0)));
    assert_eq!(
        (y.shape(), last.shape()),
        (&[3, 2, 4].into(), &[4, 2, 2].into())
    );
    assert_values(
        &y,
        &[
            0.164335292809028,
            0.711021804838673,
            0.604336388286827,
            0.154898426950588,
            -0.535529193143567,
            0.422291890791404,
            0.428518023571248,
            0.527674279485051,
            -0.302323268800879,
            0.631182392397612,
            0.463088154791871,
            0.23623336793258,
            -0.768179624076317,
            0.649717330699298,
            0.28605746033733,
            0.536801983956189,
            -0.520035473243304,
            0.645628209625997,
            0.21989854701584,
            0.168266280169601,
            -0.784534096760162,
            0.664562805779209,
            0.0536083374229878,
            0.449607468023801,
        ],
    );
    assert_values(
        &last,
        &[
            0.084919917325068,
            -0.215203718259764,
            -0.200729861369159,
            -0.661144837353694,
            -0.851196244077874,
            -0.654797753606749,
            -0.491451687134436,
            -0.762732975356413,
            -0.520035473243304,
            0.645628209625997,
            -0.784534096760162,
            0.664562805779209,
            0.604336388286827,
            0.154898426950588,
            0.428518023571248,
            0.527674279485051,
        ],
    );
}

#[test]
fn lstm_has_the_values_of_pytorch() {
    let network = Lstm::new(3, 2, DEEP, &mut rng(0)).to(DType::F64);
    fill(&network);
    let (y, (h, c)) = network.run(&sequence(), Some((&state(2.0), &state(3.0))));
    assert_eq!(
        (y.shape(), h.shape(), c.shape()),
        (&[3, 2, 4].into(), &[4, 2, 2].into(), &[4, 2, 2].into())
    );
    assert_values(
        &y,
        &[
            0.0285595069990227,
            0.0963516365826973,
            0.299596324567489,
            0.123143967430211,
            -0.244811764177861,
            -0.0716118316054323,
            0.296335814036476,
            0.206396355217305,
            -0.183193750787092,
            0.173308655813745,
            0.238582372291316,
            0.120994427888759,
            -0.306549494537362,
            0.220752653604195,
            0.242801430726356,
            0.30476370394724,
            -0.262494162095249,
            0.200177839076856,
            0.172264614665985,
            0.0457850469846109,
            -0.274998628738279,
            0.210646406118896,
            0.212656433181713,
            0.286551188698179,
        ],
    );
    assert_values(
        &h,
        &[
            -0.0668746820314937,
            -0.267671599980451,
            -0.169940309683947,
            -0.253401831750389,
            -0.674092841927675,
            -0.27290396438868,
            -0.227512977874393,
            -0.562207012758886,
            -0.262494162095249,
            0.200177839076856,
            -0.274998628738279,
            0.210646406118896,
            0.299596324567489,
            0.123143967430211,
            0.296335814036476,
            0.206396355217305,
        ],
    );
    assert_values(
        &c,
        &[
            -0.664134428013773,
            -0.818104777110188,
            -0.939380770839166,
            -1.49343699386766,
            -1.26637570855919,
            -0.637496836540618,
            -0.721818789496451,
            -0.775557822256626,
            -0.438537320114173,
            0.23852052074483,
            -0.400854203489944,
            0.271139126238546,
            0.469232411388696,
            0.184015407122616,
            0.450078361511662,
            0.309367871459425,
        ],
    );
}

#[test]
fn cells_have_the_values_of_pytorch() {
    let (x, h) = (sequence().select(0, 0), state(2.0).select(0, 0));
    let cell = RnnCell::new(3, 2, &mut rng(0)).to(DType::F64);
    fill(&cell);
    assert_values(
        &cell.step(&x, Some(&h)),
        &[
            0.961731479154289,
            0.983184862683368,
            -0.433459436472731,
            0.663197392601846,
        ],
    );
    let cell = cell.with_relu();
    assert_values(
        &cell.step(&x, Some(&h)),
        &[1.96847756089085, 2.38508991822084, 0.0, 0.798500072411841],
    );
    let cell = GruCell::new(3, 2, &mut rng(0)).to(DType::F64);
    fill(&cell);
    assert_values(
        &cell.step(&x, Some(&h)),
        &[
            0.318987241416904,
            -0.122148759936217,
            -0.247874043466061,
            -0.688208844433005,
        ],
    );
    let cell = LstmCell::new(3, 2, &mut rng(0)).to(DType::F64);
    fill(&cell);
    let (h, c) = cell.step(&x, Some((&h, &state(3.0).select(0, 0))));
    assert_values(
        &h,
        &[
            -0.0259117663900698,
            -0.247365570564613,
            -0.0836050339953603,
            -0.383780173014583,
        ],
    );
    assert_values(
        &c,
        &[
            -0.0510591491571148,
            -1.16166240668682,
            -0.999923638736743,
            -1.00579746680201,
        ],
    );
}

#[test]
fn parameters_have_the_names_and_shapes_of_pytorch() {
    let network = Lstm::new(3, 2, DEEP, &mut rng(0)).to(DType::F64);
    let listed: Vec<String> = network
        .params()
        .iter()
        .map(|(name, param)| format!("{name} {}", param.shape()))
        .collect();
    assert_eq!(
        listed,
        [
            "weight_ih_l0 [8, 3]",
            "weight_hh_l0 [8, 2]",
            "bias_ih_l0 [8]",
            "bias_hh_l0 [8]",
            "weight_ih_l0_reverse [8, 3]",
            "weight_hh_l0_reverse [8, 2]",
            "bias_ih_l0_reverse [8]",
            "bias_hh_l0_reverse [8]",
            "weight_ih_l1 [8, 4]",
            "weight_hh_l1 [8, 2]",
            "bias_ih_l1 [8]",
            "bias_hh_l1 [8]",
            "weight_ih_l1_reverse [8, 4]",
            "weight_hh_l1_reverse [8, 2]",
            "bias_ih_l1_reverse [8]",
            "bias_hh_l1_reverse [8]",
        ]
    );
    let cell = GruCell::new(3, 2, &mut rng(0))
        .without_bias()
        .to(DType::F64);
    let names: Vec<String> = cell.params().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["weight_ih", "weight_hh"]);
}

/// How a network computes its outputs and last states from a sequence and first states.
type Run<N> = fn(&N, &Var, &[Var]) -> Vec<Var>;

/// A network whose outputs and last states come end to end, and whose input is the sequence and the
/// first states end to end, so that a check varies all of them.
struct Whole<N> {
    network: N,
    run: Run<N>,
    sequence: Shape,
    states: Vec<Shape>,
}

impl<N: Module> Module for Whole<N> {
    fn forward(&self, x: &Var) -> Var {
        let sizes: Vec<usize> = std::iter::once(&self.sequence)
            .chain(&self.states)
            .map(Shape::elements)
            .collect();
        let parts = x.split_sizes(0, &sizes);
        let shapes = self.states.iter().zip(&parts[1..]);
        let states: Vec<Var> = shapes
            .map(|(shape, part)| part.with_shape(*shape))
            .collect();
        let results = (self.run)(&self.network, &parts[0].with_shape(self.sequence), &states);
        let flat: Vec<Var> = results.iter().map(|part| part.reshape(&[-1])).collect();
        Var::cat(&flat.iter().collect::<Vec<_>>(), 0)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.network.visit(visitor);
    }
}

/// Orders 1 and 2 in the sequence, the first states and the parameters.
#[track_caller]
fn check<N: Module + 'static>(
    what: &str,
    network: N,
    run: Run<N>,
    sequence: &[usize],
    states: &[&[usize]],
) {
    let shapes = |shapes: &[&[usize]]| shapes.iter().map(|&shape| Shape::from(shape)).collect();
    let whole = Whole {
        network,
        run,
        sequence: Shape::from(sequence),
        states: shapes(states),
    };
    let count = whole.sequence.elements() + whole.states.iter().map(Shape::elements).sum::<usize>();
    check_module(what, whole, normal(&[count]));
}

fn run_rnn(network: &Rnn, x: &Var, states: &[Var]) -> Vec<Var> {
    let (y, last) = network.run(x, states.first());
    vec![y, last]
}

fn run_gru(network: &Gru, x: &Var, states: &[Var]) -> Vec<Var> {
    let (y, last) = network.run(x, states.first());
    vec![y, last]
}

fn run_lstm(network: &Lstm, x: &Var, states: &[Var]) -> Vec<Var> {
    let given = states.first().zip(states.get(1));
    let (y, (h, c)) = network.run(x, given);
    vec![y, h, c]
}

#[test]
fn sequences_agree_with_differences() {
    let mut rng = rng(1);
    // One unit a cell: there are four cells, and the checks grow with the square of their weights.
    let states: &[&[usize]] = &[&[4, 2, 1], &[4, 2, 1]];
    let sequence = &[3, 2, 2];
    let network = Rnn::new(2, 1, DEEP, &mut rng);
    check("rnn", network, run_rnn, sequence, &states[..1]);
    let network = Gru::new(2, 1, DEEP, &mut rng);
    check("gru", network, run_gru, sequence, &states[..1]);
    let network = Lstm::new(2, 1, DEEP, &mut rng);
    check("lstm", network, run_lstm, sequence, states);
    let plain = RecurrentOptions {
        batch_first: true,
        bias: false,
        ..RecurrentOptions::default()
    };
    let network = Rnn::new(2, 3, plain, &mut rng).with_relu();
    check("rnn with relu", network, run_rnn, &[2, 4, 2], &[]);
    let network = Gru::new(1, 2, plain, &mut rng);
    check("gru alone", network, run_gru, &[3, 1], &[&[1, 2]]);
    let network = Lstm::new(2, 2, RecurrentOptions::default(), &mut rng);
    check("lstm of one step", network, run_lstm, &[1, 2, 2], &[]);
}

#[test]
fn cells_agree_with_differences() {
    let mut rng = rng(2);
    let run_rnn = |cell: &RnnCell, x: &Var, s: &[Var]| vec![cell.step(x, s.first())];
    let run_gru = |cell: &GruCell, x: &Var, s: &[Var]| vec![cell.step(x, s.first())];
    let run_lstm = |cell: &LstmCell, x: &Var, s: &[Var]| {
        let (h, c) = cell.step(x, s.first().zip(s.get(1)));
        vec![h, c]
    };
    let state: &[usize] = &[2, 2];
    check(
        "rnn cell",
        RnnCell::new(3, 2, &mut rng),
        run_rnn,
        &[2, 3],
        &[state],
    );
    check(
        "gru cell",
        GruCell::new(3, 2, &mut rng),
        run_gru,
        &[2, 3],
        &[state],
    );
    check(
        "lstm cell",
        LstmCell::new(3, 2, &mut rng),
        run_lstm,
        &[2, 3],
        &[state, state],
    );
    check(
        "lstm cell from zeros",
        LstmCell::new(3, 2, &mut rng),
        run_lstm,
        &[2, 3],
        &[],
    );
}

#[test]
fn a_sequence_is_its_cell_step_by_step() {
    // More steps than one joining takes.
    let (network, cell) = (
        Gru::new(3, 4, RecurrentOptions::default(), &mut rng(3)).to(DType::F64),
        GruCell::new(3, 4, &mut rng(3)).to(DType::F64),
    );
    let x: Var = normal(&[150, 2, 3]).into();
    let (y, last) = network.run(&x, None);
    let mut state = None;
    for step in 0..150 {
        let new = cell.step(&x.select(0, step), state.as_ref());
        assert_values(&y.select(0, step), &new.value().to_vec());
        state = Some(new);
    }
    assert_values(&last.select(0, 0), &state.unwrap().value().to_vec());
}

#[test]
fn the_order_of_the_axes_and_a_batch_of_one_change_nothing() {
    let options = RecurrentOptions {
        batch_first: true,
        ..DEEP
    };
    let [ours, theirs] =
        [DEEP, options].map(|options| Lstm::new(3, 2, options, &mut rng(4)).to(DType::F64));
    let (x, h, c) = (sequence(), state(2.0), state(3.0));
    let (y, (last, _)) = ours.run(&x, Some((&h, &c)));
    let (flipped, (same, _)) = theirs.run(&x.permute(&[1, 0, 2]), Some((&h, &c)));
    assert_eq!(*flipped.permute(&[1, 0, 2]).value(), *y.value());
    assert_eq!(*same.value(), *last.value());
    let one = |var: &Var| var.select(1, 1);
    let (alone, (state, cell)) = ours.run(&one(&x), Some((&one(&h), &one(&c))));
    assert_eq!(
        (alone.shape(), cell.shape()),
        (&[3, 4].into(), &[4, 2].into())
    );
    assert_values(&alone, &one(&y).value().to_vec());
    assert_values(&state, &one(&last).value().to_vec());
}

#[test]
fn dropout_is_between_layers_and_in_training_only() {
    let options = RecurrentOptions {
        dropout: 0.5,
        ..DEEP
    };
    let network = Gru::new(3, 2, options, &mut rng(5)).to(DType::F64);
    let plain = network.forward(&sequence());
    let training = network.forward(&Tape::new().constant(sequence().into_value()));
    assert_ne!(*training.value(), *plain.value());
    let single = RecurrentOptions {
        layers: 1,
        ..options
    };
    let network = Gru::new(3, 2, single, &mut rng(5)).to(DType::F64);
    let training = network.forward(&Tape::new().constant(sequence().into_value()));
    assert_eq!(
        *training.value(),
        *network.forward(&sequence()).value(),
        "no layer follows"
    );
}

#[test]
fn no_sequences_have_no_outputs() {
    let network = Lstm::new(3, 2, DEEP, &mut rng(6)).to(DType::F64);
    let (y, (h, _)) = network.run(&Tensor::zeros([3, 0, 3], DType::F64).into(), None);
    assert_eq!(
        (y.shape(), h.shape()),
        (&[3, 0, 4].into(), &[4, 0, 2].into())
    );
}

#[test]
#[should_panic(expected = "lstm: [3, 2, 4]: not [steps, batch, 3]")]
fn inputs_of_another_width_are_refused() {
    let _ = Lstm::new(3, 2, DEEP, &mut rng(0))
        .to(DType::F64)
        .forward(&Tensor::zeros([3, 2, 4], DType::F64).into());
}

#[test]
#[should_panic(expected = "gru: [0, 2, 3]: a sequence has at least one step")]
fn a_sequence_without_steps_is_refused() {
    let _ = Gru::new(3, 2, DEEP, &mut rng(0))
        .to(DType::F64)
        .forward(&Tensor::zeros([0, 2, 3], DType::F64).into());
}

#[test]
#[should_panic(expected = "rnn: [3, 2, 3] x [2, 2, 2]: the state is not [4, 2, 2]")]
fn states_of_another_shape_are_refused() {
    let state: Var = Tensor::zeros([2, 2, 2], DType::F64).into();
    let _ = Rnn::new(3, 2, DEEP, &mut rng(0))
        .to(DType::F64)
        .run(&sequence(), Some(&state));
}

#[test]
#[should_panic(expected = "gru: [2, 4]: not [batch, 3]")]
fn a_cell_refuses_inputs_of_another_width() {
    let _ = GruCell::new(3, 2, &mut rng(0))
        .to(DType::F64)
        .forward(&Tensor::zeros([2, 4], DType::F64).into());
}
