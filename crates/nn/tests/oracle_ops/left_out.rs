//! The operations of the folder that have no row, and why.

/// Name and reason.
pub(crate) const LEFT_OUT: [(&str, &str); 25] = [
    ("cumprod", NOT_YET),
    ("linalg.vector_norm", NOT_YET),
    ("log_softmax", NOT_YET),
    ("logcumsumexp", NOT_YET),
    ("logsumexp", NOT_YET),
    ("nn.functional.batch_norm", NOT_YET),
    ("nn.functional.cosine_similarity", NOT_YET),
    ("nn.functional.cross_entropy", NOT_YET),
    ("nn.functional.gaussian_nll_loss", NOT_YET),
    ("nn.functional.group_norm", NOT_YET),
    ("nn.functional.huber_loss", NOT_YET),
    ("nn.functional.instance_norm", NOT_YET),
    ("nn.functional.kl_div", NOT_YET),
    ("nn.functional.l1_loss", NOT_YET),
    ("nn.functional.layer_norm", NOT_YET),
    ("nn.functional.nll_loss", NOT_YET),
    ("nn.functional.normalize", NOT_YET),
    ("nn.functional.poisson_nll_loss", NOT_YET),
    ("nn.functional.rms_norm", NOT_YET),
    ("nn.functional.smooth_l1_loss", NOT_YET),
    ("nn.functional.softmin", NOT_YET),
    ("prod", NOT_YET),
    ("softmax", NOT_YET),
    ("std", NOT_YET),
    ("var", NOT_YET),
];

/// It is to come.
const NOT_YET: &str = "there is no such operation yet";
