//! Attention with several heads and the encoder block against PyTorch's values and against
//! differences.

use retrograd_autograd::{Tape, Var};
use retrograd_nn::{
    Activation, AttentionMasks, Module, MultiheadAttention, SinusoidalEncoding,
    TransformerEncoderLayer, TransformerOptions, Visitor,
};
use retrograd_tensor::random::rng;
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq};

use crate::gradients::{check_module, normal};
use crate::reference::{assert_values, fill, wave};

/// Two heads of two columns.
fn attention() -> MultiheadAttention {
    let attention = MultiheadAttention::new(4, 2, &mut rng(0)).to(DType::F64);
    fill(&attention);
    attention
}

/// Three queries, five keys and their values, for a batch of two.
fn sequences() -> [Var; 3] {
    [([2, 3, 4], 1.0), ([2, 5, 4], 2.0), ([2, 5, 4], 3.0)]
        .map(|(shape, phase)| wave(shape, phase, 1.0).into())
}

/// The second sequence has three keys and is filled up.
fn padding() -> Tensor {
    let fills = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0];
    Tensor::from_vec(fills, [2, 5])
}

const LOOKING_BACK: AttentionMasks<'static> = AttentionMasks {
    mask: None,
    padding: None,
    causal: true,
};

#[test]
fn attention_has_the_values_of_pytorch() {
    let (attention, [q, k, v]) = (attention(), sequences());
    let open = AttentionMasks::default();
    assert_values(
        &attention.attend(&q, &k, &v, &open),
        &[
            1.08157340509208,
            -0.142127324297064,
            1.2338616442488,
            -0.655456389493709,
            0.728252714676892,
            0.228450337203952,
            0.888849231425972,
            -0.3758772446554,
            1.02960167314388,
            -0.198861329114452,
            1.39274546982609,
            -0.898130164735979,
            0.668696589709921,
            0.343514772695518,
            0.731572792919779,
            -0.194562932104297,
            1.15506852886473,
            -0.296976132337591,
            1.45217053319953,
            -0.911998606125058,
            0.668955675591833,
            0.333210818078618,
            0.750730939512426,
            -0.22036144493819,
        ],
    );
    assert_values(
        &attention.weights(&q, &k, &open),
        &[
            0.0959489883210618,
            0.365287516826433,
            0.0991133452471934,
            0.304145010890141,
            0.135505138715171,
            0.323821262959083,
            0.0137868523117146,
            0.407405404854531,
            0.01620596590612,
            0.238780513968551,
            0.0288248455892929,
            0.507271462184229,
            0.0266858414540385,
            0.389884475572259,
            0.0473333752001806,
            0.181109299504408,
            0.180033124076956,
            0.227328536295841,
            0.147348305018832,
            0.264180735103962,
            0.191185107296637,
            0.201694189662307,
            0.203138840631468,
            0.189982085258063,
            0.213999777151525,
            0.0910417022601798,
            0.35440871095867,
            0.0612484492647863,
            0.430079964618154,
            0.0632211728982099,
            0.0434638542773349,
            0.122274685673259,
            0.186648533563743,
            0.0298996660264309,
            0.617713260459233,
            0.256475952439823,
            0.169139333397592,
            0.0918053410581003,
            0.440309070673879,
            0.042270302430606,
            0.0597936153946475,
            0.155720610204722,
            0.197306724467478,
            0.0484995404972405,
            0.538679509435912,
            0.0595327149741381,
            0.400852880116859,
            0.107490796832518,
            0.190684946206764,
            0.24143866186972,
            0.560652850559602,
            0.0421910303284935,
            0.198000663619793,
            0.142835689623899,
            0.0563197658682124,
            0.0311918252597415,
            0.490926966748815,
            0.0734758001886904,
            0.167338141547245,
            0.237067266255508,
        ],
    );
    let (mask, padding) = (wave([3, 5], 4.0, 2.0).into(), padding());
    let masks = AttentionMasks {
        mask: Some(&mask),
        padding: Some(&padding),
        causal: false,
    };
    assert_values(
        &attention.attend(&q, &k, &v, &masks),
        &[
            0.942913461011844,
            0.00447886464926706,
            1.09625033531798,
            -0.542741679233504,
            0.690187736259685,
            0.303371500759547,
            0.785729421661234,
            -0.256474831159319,
            0.978646791447178,
            -0.113768433134567,
            1.2833474962739,
            -0.777068631306366,
            0.777291669500608,
            0.00648366187374627,
            1.25809419736239,
            -0.849732281494655,
            1.10797278307235,
            -0.236608949021899,
            1.38550766146535,
            -0.846743295358589,
            0.810568468250182,
            -0.0741527759906013,
            1.37677230506827,
            -0.992738172487836,
        ],
    );
    assert_values(
        &attention.attend(&q, &q, &q, &LOOKING_BACK),
        &[
            0.794802350905959,
            0.00249933538593405,
            1.24809175881571,
            -0.826898912887145,
            1.05744978502014,
            -0.2363078406183,
            1.43546323738789,
            -0.941182923112561,
            1.01694695336274,
            -0.0160525457725418,
            1.06090715013682,
            -0.455607991475529,
            1.00657804625216,
            0.126453889179958,
            0.802730563844815,
            -0.111594931544239,
            1.29785783356626,
            -0.321148825929304,
            1.35493333237051,
            -0.704587786602967,
            0.61185320182627,
            0.299838174243315,
            0.87072231445559,
            -0.413105909420884,
        ],
    );
    let plain = MultiheadAttention::new(4, 2, &mut rng(0))
        .without_bias()
        .to(DType::F64);
    fill(&plain);
    assert_values(
        &plain.forward(&q),
        &[
            -0.265724902891907,
            0.255072115442848,
            -0.214944388411827,
            0.149978694083121,
            0.105402348342216,
            -0.222157527593368,
            0.313241222950155,
            -0.368128228970648,
            -0.0764309514485996,
            0.172261716443025,
            -0.248186723900495,
            0.295432435389797,
            -0.286480490504771,
            0.285231061222496,
            -0.25102166576816,
            0.187805381734747,
            0.237145640867857,
            -0.130295882564417,
            0.00838974203081005,
            0.114485877816665,
            -0.30298285250197,
            0.277033868190632,
            -0.219072146960169,
            0.135795473977606,
        ],
    );
}

#[test]
fn what_is_masked_is_not_seen() {
    let (attention, [q, k, _]) = (attention(), sequences());
    let padding = padding();
    let masks = AttentionMasks {
        padding: Some(&padding),
        ..AttentionMasks::default()
    };
    let weights = attention.weights(&q, &k, &masks);
    for key in [2, 4] {
        let seen = weights.value().select(3, key);
        assert!(seen.select(0, 1).iter().all(|weight| weight == 0.0));
        assert!(seen.select(0, 0).iter().all(|weight| weight > 0.0));
    }
    for total in weights.value().sum(-1).iter() {
        assert_abs_diff_eq!(total, 1.0_f64, epsilon = 1e-15);
    }
}

#[test]
fn dropout_is_for_training() {
    let attention = attention().with_dropout(0.5);
    let [q, ..] = sequences();
    let training = attention.forward(&Tape::new().constant(q.value().clone()));
    let plain = attention.forward(&q);
    assert_ne!(*training.value(), *plain.value());
    assert_eq!(*plain.value(), *self::attention().forward(&q).value());
}

/// Attention of the first `queries` steps on all others, under masks.
struct Across {
    attention: MultiheadAttention,
    queries: usize,
    mask: Tensor,
    padding: Tensor,
}

impl Module for Across {
    fn forward(&self, x: &Var) -> Var {
        let others = x.shape()[1] - self.queries;
        let parts = x.split_sizes(1, &[self.queries, others]);
        let mask = Var::constant(self.mask.cast(x.dtype()));
        let masks = AttentionMasks {
            mask: Some(&mask),
            padding: Some(&self.padding),
            causal: false,
        };
        self.attention
            .attend(&parts[0], &parts[1], &parts[1].sin(), &masks)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.attention.visit(visitor);
    }
}

#[test]
fn attention_agrees_with_differences() {
    let mut rng = rng(7);
    let attention = MultiheadAttention::new(2, 2, &mut rng);
    check_module("self-attention", attention, normal(&[2, 3, 2]));
    let attention = MultiheadAttention::new(2, 1, &mut rng).without_bias();
    check_module("one head, no bias", attention, normal(&[1, 2, 2]));
    let across = Across {
        attention: MultiheadAttention::new(2, 1, &mut rng),
        queries: 2,
        mask: wave([2, 3], 4.0, 2.0),
        padding: Tensor::from_vec(vec![0.0, 0.0, 1.0], [1, 3]),
    };
    check_module("attention across", across, normal(&[1, 5, 2]));
}

#[test]
#[should_panic(expected = "a width of 6 does not divide into 4 heads")]
fn heads_of_unequal_width_are_refused() {
    let _ = MultiheadAttention::new(6, 4, &mut rng(0));
}

#[test]
#[should_panic(
    expected = "multihead_attention: [2, 3, 4] x [1, 5, 4] x [1, 5, 4]: not [batch, queries, 4] and twice [batch, keys, 4]"
)]
fn keys_of_another_batch_are_refused() {
    let [q, k, _] = sequences();
    let k = k.narrow(0, 0, 1);
    let _ = attention().attend(&q, &k, &k, &AttentionMasks::default());
}

#[test]
#[should_panic(expected = "the padding is not [batch, keys]")]
fn padding_of_another_shape_is_refused() {
    let ([q, k, v], padding) = (sequences(), Tensor::zeros([2, 3], DType::F64));
    let masks = AttentionMasks {
        padding: Some(&padding),
        ..AttentionMasks::default()
    };
    let _ = attention().attend(&q, &k, &v, &masks);
}

/// A block of width 4 with two heads and 6 units, without dropout.
fn block(norm_first: bool, activation: Activation) -> TransformerEncoderLayer {
    let options = TransformerOptions {
        feedforward: 6,
        dropout: 0.0,
        activation,
        norm_first,
        ..TransformerOptions::default()
    };
    let block = TransformerEncoderLayer::new(4, 2, options, &mut rng(0)).to(DType::F64);
    fill(&block);
    block
}

#[test]
fn the_encoder_block_has_the_values_of_pytorch() {
    let [x, ..] = sequences();
    let of = |norm_first, activation| block(norm_first, activation).forward(&x);
    assert_values(
        &of(false, Activation::Relu),
        &[
            0.0135647528189711,
            -0.46009217719332,
            0.268909136777957,
            -0.58855016931206,
            0.016425169085557,
            -0.519894742835644,
            0.253770266848294,
            -0.45055921496376,
            0.00378716243258447,
            -0.560674410755238,
            0.307781471067303,
            -0.514761359823856,
            0.0276515191804797,
            -0.406655110930099,
            0.184032113895417,
            -0.506931116733014,
            -0.00147314798712728,
            -0.661323302480412,
            0.267842084561256,
            -0.334544551467468,
            0.0252526803545816,
            -0.410373840946028,
            0.199600463342181,
            -0.531317148069008,
        ],
    );
    assert_values(
        &of(true, Activation::Relu),
        &[
            2.58167689223953,
            1.77175232961674,
            0.642309040777373,
            -0.55819303075558,
            1.14259289469679,
            -0.219362809771844,
            -0.949528429577836,
            -0.886046847971005,
            1.9739915686686,
            1.86059467775359,
            0.786402488720308,
            0.017504197421587,
            1.81709418304706,
            0.000254529932082526,
            -0.913568838136816,
            -1.44808281328186,
            1.08596103122713,
            1.45492132234615,
            0.794889378292412,
            0.0215608829322109,
            2.43906863618325,
            0.63299094461679,
            -0.561971616228866,
            -1.56647739048368,
        ],
    );
    assert_values(
        &of(false, Activation::Gelu),
        &[
            0.017087940270943,
            -0.429089989530197,
            0.245875177062035,
            -0.597198606502748,
            0.0236277240506381,
            -0.474712453454447,
            0.216239541173823,
            -0.445743071970811,
            0.0115903065057766,
            -0.50887541211913,
            0.281332158852521,
            -0.528347960017889,
            0.0302614832889437,
            -0.380438924764846,
            0.158151426943255,
            -0.510438282004479,
            0.00917665075398615,
            -0.60590241742776,
            0.251348487481282,
            -0.345470403673657,
            0.0279853892405296,
            -0.378058448967669,
            0.171379481193692,
            -0.54239968384243,
        ],
    );
    assert_values(
        &of(true, Activation::Gelu),
        &[
            2.7364286649938,
            1.53014077686411,
            0.724462624618919,
            -0.397134844983425,
            1.19367609540162,
            -0.449110815887807,
            -0.775338737923057,
            -0.827095604454552,
            2.06750224503812,
            1.60991850443629,
            0.938685225592958,
            0.118863851428498,
            1.91784903525613,
            -0.20178987032353,
            -0.816214783112679,
            -1.34149617098021,
            1.20605161452528,
            1.22486222544001,
            0.900376718606456,
            0.148187359631525,
            2.55948692975236,
            0.431158850653029,
            -0.484489173478804,
            -1.44061850856417,
        ],
    );
    let causal = block(false, Activation::Gelu).encode(&x, &LOOKING_BACK);
    assert_values(
        &causal,
        &[
            0.0162409259958316,
            -0.440145241703561,
            0.252866044841219,
            -0.590239337978148,
            0.0250712584915259,
            -0.472486892399921,
            0.206275330325647,
            -0.430467462048522,
            0.0115903065057766,
            -0.50887541211913,
            0.281332158852521,
            -0.528347960017889,
            0.0368300333499401,
            -0.375908474444228,
            0.104684029422495,
            -0.423243295833523,
            0.010274714636898,
            -0.596718932667871,
            0.251636617066341,
            -0.354593758963538,
            0.0279853892405296,
            -0.378058448967669,
            0.171379481193692,
            -0.54239968384243,
        ],
    );
}

#[test]
fn the_encoder_block_has_the_names_of_pytorch() {
    let names: Vec<String> = block(false, Activation::Relu)
        .params()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "self_attn.in_proj_weight",
            "self_attn.in_proj_bias",
            "self_attn.out_proj.weight",
            "self_attn.out_proj.bias",
            "linear1.weight",
            "linear1.bias",
            "linear2.weight",
            "linear2.bias",
            "norm1.weight",
            "norm1.bias",
            "norm2.weight",
            "norm2.bias",
        ]
    );
}

#[test]
fn the_encoder_block_agrees_with_differences() {
    for norm_first in [false, true] {
        let options = TransformerOptions {
            feedforward: 3,
            dropout: 0.0,
            activation: Activation::Gelu,
            norm_first,
            ..TransformerOptions::default()
        };
        let block = TransformerEncoderLayer::new(4, 2, options, &mut rng(9));
        check_module("encoder block", block, normal(&[1, 2, 4]));
    }
}

#[test]
fn the_encoder_block_drops_out_in_training_only() {
    let options = TransformerOptions {
        feedforward: 6,
        ..TransformerOptions::default()
    };
    let block = TransformerEncoderLayer::new(4, 2, options, &mut rng(0)).to(DType::F64);
    let [x, ..] = sequences();
    let training = || block.forward(&Tape::new().constant(x.value().clone()));
    assert_ne!(*training().value(), *block.forward(&x).value());
    assert_eq!(*block.forward(&x).value(), *block.forward(&x).value());
}

#[test]
fn waves_say_where_a_step_is() {
    let encoding = SinusoidalEncoding::new(4, 5);
    let y = encoding.forward(&Tensor::zeros([1, 3, 5], DType::F64).into());
    let mut expected = Vec::new();
    for step in 0..3 {
        let angle = |i: f64| f64::from(step) / 10_000.0_f64.powf(2.0 * i / 5.0);
        expected.extend([
            angle(0.0).sin(),
            angle(0.0).cos(),
            angle(1.0).sin(),
            angle(1.0).cos(),
            angle(2.0).sin(),
        ]);
    }
    assert_values(&y, &expected);
    check_module("waves", encoding, normal(&[2, 4, 5]));
}

#[test]
#[should_panic(expected = "sinusoidal_encoding: [1, 5, 4]: not [.., steps, 4] of at most 4 steps")]
fn longer_sequences_have_no_waves() {
    let shape = Shape::from([1, 5, 4]);
    let _ = SinusoidalEncoding::new(4, 4).forward(&Tensor::zeros(shape, DType::F64).into());
}
