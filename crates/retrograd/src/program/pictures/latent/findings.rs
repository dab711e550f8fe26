//! What the figures of a code mean, in sentences: what each is, how it is read, and what to try where it
//! looks bad.

use retrograd::autoencoders::measures::{self, ACTIVE, Aggregate};
use retrograd::autoencoders::{Prior as _, StandardNormal};
use retrograd::report::{Note, number};

use super::super::show::Show;
use super::Latent;

/// Most names of units in a sentence.
const NAMED: usize = 8;
/// The share of the limit log N from which on an estimate of the information is held down by it.
const NEAR: f64 = 0.9;
/// Nats of information below which a code says nothing, nats from the prior above which it has holes, and
/// nats of total correlation above which units hang together.
const NOTHING: f64 = 0.1;
const FAR: f64 = 1.0;
const TOGETHER: f64 = 1.0;
/// The share of units that a code should use, and of symbols.
const USED: f64 = 0.5;

/// All that there is to say of this code.
pub(super) fn all(show: &Show<'_>, latent: &Latent) -> Vec<Note> {
    let mut notes = Vec::new();
    match latent.divergences {
        Some(_) => notes.push(active(show, latent)),
        None if latent.symbols.is_none() => notes.push(varying(show, latent)),
        None => {}
    }
    notes.extend(information(show, latent));
    notes.extend(correlation(latent));
    notes.extend(aggregate(show, latent));
    if latent.divergences.is_none() && latent.symbols.is_none() {
        notes.push(directions(show, latent));
    }
    notes.extend(firing(show, latent));
    notes.extend(symbols(latent));
    notes.extend(distinct(latent));
    notes
}

/// Options of the run's variant that weigh the code, as `a smaller --beta, `; empty if it has none.
fn weights(show: &Show<'_>) -> String {
    let has = |name: &&str| show.config.settings.get(name).is_some();
    let names = ["beta", "lambda", "weight"].into_iter().filter(has);
    names.map(|name| format!("a smaller --{name}, ")).collect()
}

/// The advice, if the variant has the option.
fn with_option(show: &Show<'_>, option: &str, advice: &str) -> String {
    let has = show.config.settings.get(option).is_some();
    if has {
        advice.to_owned()
    } else {
        String::new()
    }
}

/// Units of a distribution whose means tell samples apart.
fn active(show: &Show<'_>, latent: &Latent) -> Note {
    let units = latent.units();
    let is_active = |unit: &usize| latent.variances[*unit] > ACTIVE;
    let active = (0..units).filter(is_active).count();
    let idle: Vec<usize> = (0..units).filter(|unit| !is_active(unit)).collect();
    let what =
        format!("A unit is active if the variance of its mean over samples is above {ACTIVE}.");
    let (alarm, rest) = match active {
        0 => (
            true,
            format!(
                "None is: the posterior has collapsed to the prior, and the decoder paints the same for every sample. Try {}a price of the code that grows over the first epochs, or a weaker decoder.",
                weights(show)
            ),
        ),
        active if active == units => (
            false,
            format!(
                "All are: none is spare{}.",
                with_option(
                    show,
                    "latent",
                    ", and a larger --latent may reconstruct better"
                )
            ),
        ),
        _ => (
            false,
            format!(
                "The others ({}) are switched off: they follow the prior and the decoder ignores them. That is harmless. If reconstructions lack detail, try {}or more epochs; a larger --latent will not help.",
                listed(&idle),
                weights(show)
            ),
        ),
    };
    let title = format!("{active} of {units} units are active");
    note(title, format!("{what} {rest}"), alarm)
}

/// Units of points that vary at all.
fn varying(show: &Show<'_>, latent: &Latent) -> Note {
    let (units, varying) = (latent.units(), latent.varying());
    let title = format!("{varying} of {units} units vary");
    if varying == units {
        let text = "Every unit says something of the sample: none is dead.";
        return note(title, text.to_owned(), false);
    }
    let largest = latent.variances.iter().copied().fold(0.0, f64::max);
    let dead = (0..units).filter(|&unit| latent.variances[unit] <= 1e-8 * largest);
    let dead = listed(&dead.collect::<Vec<_>>());
    let text = match varying {
        0 => format!(
            "Every sample gets the same code, so the decoder can only paint the mean of the data: the encoder is dead. Try a smaller --lr, {}or less of a penalty on the code.",
            with_option(show, "activation", "another --activation, ")
        ),
        _ => format!(
            "The others ({dead}) are dead: they give the same number for every sample. A few are usual with ReLU. Of many, try {}{}{}a smaller --lr.",
            with_option(show, "activation", "another --activation, "),
            weights(show),
            with_option(show, "latent", "a smaller --latent, or "),
        ),
    };
    note(title, text, (varying as f64) < USED * units as f64)
}

/// Nats that a code says of which sample it is.
fn information(show: &Show<'_>, latent: &Latent) -> Option<Note> {
    let aggregate = latent.aggregate.as_ref()?;
    let (found, limit) = (aggregate.information, (aggregate.samples as f64).ln());
    let title = format!(
        "A code says {} nats of which sample it is from",
        number(found)
    );
    let what = format!(
        "The mutual information I(x; z), estimated by the aggregate of these samples; with {} of them it cannot exceed log {} = {limit:.2}.",
        aggregate.samples, aggregate.samples
    );
    let rest = match () {
        () if is_held(aggregate) => {
            "It is held down by that limit: nearly every code points to one sample, and the true value is higher.".to_owned()
        }
        () if found < NOTHING => format!(
            "Next to nothing: the posterior has collapsed. Try {}or a weaker decoder.",
            weights(show)
        ),
        () => "Samples that look alike share codes, which is what a price of the code does.".to_owned(),
    };
    Some(note(title, format!("{what} {rest}"), found < NOTHING))
}

/// Whether the information is at the limit of its estimate. The other two terms of the divergence are then
/// too high by what it lacks.
fn is_held(aggregate: &Aggregate) -> bool {
    aggregate.information > NEAR * (aggregate.samples as f64).ln()
}

/// What units say of each other.
fn correlation(latent: &Latent) -> Option<Note> {
    if latent.symbols.is_some() {
        return None;
    }
    let known = latent.aggregate.as_ref().filter(|of| !is_held(of));
    let (found, how) = match known.and_then(|aggregate| aggregate.total_correlation) {
        Some(found) => (
            found,
            "estimated by the aggregate of these samples, so the noise of the draws may take it below 0",
        ),
        None => (
            measures::normal_total_correlation(&latent.codes),
            "estimated as if codes were normal, from their correlations",
        ),
    };
    let title = match found.is_finite() {
        true => format!("Units say {} nats of each other", number(found)),
        false => "Some units follow from others".to_owned(),
    };
    let rest = if found < TOGETHER {
        "They are nearly independent: each says something of its own."
    } else {
        "They repeat each other, so a unit alone means little, and a prior of independent units does not fit. That hurts samples and traversals, not reconstructions; a higher price of the code, or one of total correlation, makes them independent."
    };
    let what = format!("The total correlation, {how}; 0 if units are independent.");
    Some(note(title, format!("{what} {rest}"), false))
}

/// How far codes of data lie from where new codes are drawn.
fn aggregate(show: &Show<'_>, latent: &Latent) -> Option<Note> {
    let aggregate = latent.aggregate.as_ref()?;
    let divergence = aggregate.divergence?;
    let prior = show.model.prior()?;
    // Divergences of units are from N(0, 1), which says nothing of a prior that was learnt.
    let normal = StandardNormal {
        latent: prior.latent(),
    };
    if is_held(aggregate) && prior.name() != normal.name() {
        return None;
    }
    let (found, title, what) = if is_held(aggregate) {
        // Of each unit the information is far below the limit.
        let units = aggregate.unit_information.as_ref()?;
        let all: f64 = latent.divergences.as_ref()?.iter().sum();
        let found = all - units.iter().sum::<f64>();
        (
            found,
            format!("Units are {} nats from N(0, 1), one by one", number(found)),
            "Σ KL(q(zⱼ) ‖ N(0, 1)) of the aggregate: it measures how much of that distribution no sample uses. From so few samples it cannot be told of all units together.",
        )
    } else {
        (
            divergence,
            format!(
                "Codes of data are {} nats from the prior",
                number(divergence)
            ),
            "KL(q(z) ‖ p(z)) of the aggregate: it measures how much of the prior no sample uses.",
        )
    };
    let rest = if found < FAR {
        "Little: codes that the prior draws are codes that the decoder knows."
    } else {
        "Much: the prior draws codes in holes, where the decoder has never been, and such samples look wrong. Compare them with those of a fitted distribution; a higher price of the code, or another prior, closes holes."
    };
    Some(note(title, format!("{what} {rest}"), false))
}

/// Along how many directions codes spread.
fn directions(show: &Show<'_>, latent: &Latent) -> Note {
    let (units, found) = (latent.units(), directions_of(&latent.codes));
    let text = format!(
        "(Σ λ)² / Σ λ² of the variances λ along the principal directions of the codes: {units} if they spread evenly, 1 if they lie on a line. {}",
        if found < 0.5 * units as f64 {
            format!(
                "Most of the code is spent on a few directions: {}the others carry detail of little variance, or nothing.",
                with_option(show, "latent", "a smaller --latent may do, or ")
            )
        } else {
            "The code is spread over much of its space.".to_owned()
        }
    );
    note(
        format!("Codes fill about {found:.1} of {units} directions"),
        text,
        false,
    )
}

/// (tr C)² / ‖C‖² of the covariance C of codes: the number of directions they fill; 0 if they do not vary.
fn directions_of(codes: &retrograd::tensor::Tensor) -> f64 {
    let centred = codes.cast(retrograd::tensor::DType::F64);
    let centred = &centred - &centred.mean(0);
    let products = centred.t().contiguous().matmul(&centred);
    let trace = products.diagonal(0, [0, 1]).sum(..).item();
    let squares = (&products * &products).sum(..).item();
    if squares > 0.0 {
        trace * trace / squares
    } else {
        0.0
    }
}

/// How many units fire, and which never do.
fn firing(show: &Show<'_>, latent: &Latent) -> Option<Note> {
    let firing = latent.firing.as_ref()?;
    let (active, dead, units) = (firing.mean_active(), firing.dead(), latent.units());
    let title = format!(
        "{} of {units} units fire for a sample; {dead} never do",
        number(active)
    );
    let what = format!(
        "L0 is the mean number of units that are not 0; a unit counts as dead if it fires for none of {} samples, so a rare one may look dead.",
        firing.samples
    );
    let many = dead as f64 > (1.0 - USED) * units as f64;
    let rest = match () {
        () if many => format!(
            "More than half are dead: the dictionary is smaller than it looks. Try {}a smaller --lr, or a variant that revives dead units.",
            weights(show)
        ),
        () if active > USED * units as f64 => "More than half fire, so a code is not sparse. If it should be, try a larger weight of the penalty, or keep fewer units.".to_owned(),
        () => "Few units at a time, and most of them in use: that is a sparse code.".to_owned(),
    };
    Some(note(title, format!("{what} {rest}"), many))
}

/// How many symbols are in use, and how evenly.
fn symbols(latent: &Latent) -> Option<Note> {
    let usage = latent.symbols.as_ref()?;
    let title = format!(
        "{} symbols are used, as if {} were used alike",
        usage.used(),
        number(usage.perplexity())
    );
    let few = usage.used() < 2;
    let rest = if few {
        "One symbol says nothing: the codebook has collapsed. Try a smaller --lr, a start of the codebook from codes, or one that revives unused symbols."
    } else {
        "A perplexity far below the size of the codebook means that few symbols do all the work: a smaller codebook would do, or unused ones should be revived."
    };
    let text = format!(
        "Counted over {} places of {} samples. The second number is the perplexity, exp of the entropy of how often each symbol occurs. {rest}",
        number(usage.counts.iter().sum::<f64>()),
        latent.samples()
    );
    Some(note(title, text, few))
}

/// How many codes differ, where that says something.
fn distinct(latent: &Latent) -> Option<Note> {
    let samples = latent.samples();
    let found = measures::distinct_rows(&latent.codes);
    if found == samples && latent.symbols.is_none() {
        return None;
    }
    let rest = match found {
        1 => "Every sample has the same code: it says nothing.",
        found if found == samples => "Every sample has a code of its own.",
        _ => "Samples that share a code are one and the same for the decoder.",
    };
    Some(note(
        format!("{found} distinct codes of {samples} samples"),
        rest.to_owned(),
        found == 1,
    ))
}

/// The first numbers of a list, and how many more there are.
fn listed(units: &[usize]) -> String {
    let names = units.iter().take(NAMED).map(ToString::to_string);
    let names = names.collect::<Vec<_>>().join(", ");
    match units.len() {
        0..=NAMED => names,
        many => format!("{names} and {} more", many - NAMED),
    }
}

fn note(title: String, text: String, alarm: bool) -> Note {
    Note { title, text, alarm }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::tensor::Tensor;

    #[test]
    fn directions_are_counted_by_their_share_of_the_variance() {
        // Two directions of the same variance and one of none.
        let corners = vec![1.0, 0.0, 5.0, -1.0, 0.0, 5.0, 0.0, 1.0, 5.0, 0.0, -1.0, 5.0];
        let codes = Tensor::from_vec(corners, [4, 3]);
        assert_eq!(directions_of(&codes), 2.0);
        assert_eq!(directions_of(&Tensor::full([4, 3], 1.0)), 0.0);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&[1, 4]), "1, 4");
        let many: Vec<usize> = (0..20).collect();
        assert_eq!(listed(&many), "0, 1, 2, 3, 4, 5, 6, 7 and 12 more");
    }
}
