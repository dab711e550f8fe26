//! The pictures of each variant: what its users look for is on the page and in the folder.

use super::*;

/// Makes a model small, and its training short.
const SMALL: [&str; 4] = ["--epochs", "1", "--hidden", "16"];

/// Trains quickly; the page, after all of `files` are there and hold something.
fn page(folder: &Path, arguments: &[&str], files: &[&str]) -> String {
    let run = arguments.join("-");
    succeed(
        folder,
        &[&["train"], arguments, &["--quick", "--out", &run]].concat(),
    );
    let run = folder.join(run);
    for file in files {
        let path = run.join(file);
        let bytes = fs::read(&path).unwrap_or_else(|_| panic!("{arguments:?}: no {file}"));
        let magic: &[u8] = if file.ends_with("png") {
            b"\x89PNG"
        } else {
            b"<svg "
        };
        assert!(bytes.starts_with(magic), "{arguments:?}: {file}");
    }
    fs::read_to_string(run.join("report.html")).expect("a page")
}

fn has(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "no {word:?} on the page");
    }
}

#[test]
fn sparse_codes_show_how_sparse_they_are() {
    let folder = TempDir::new().unwrap();
    let files = [
        "loss.svg",
        "terms.svg",
        "filters.png",
        "codes.svg",
        "units.svg",
        "traversal.png",
        "correlations.png",
        "exhibit-mean-of-each-unit.svg",
        "latent-pca.svg",
        "latent-tsne.svg",
    ];
    let page = page(folder.path(), &["sparse-kl"], &files);
    let words = [
        "What the loss is made of",
        "What the first layer looks for",
        "Values of the code",
        "How the code is used",
        "units vary",
        "What each unit does",
        "Which units go together",
        "Mean of each unit",
        "neighbours kept together (t-SNE)",
    ];
    has(&page, &words);
    assert!(!page.contains("New samples"), "it is not generative");
    let meanings = ["kl: Σ KL(ρ ‖ mean of the unit)", "psnr: Peak"];
    has(&page, &meanings);
}

#[test]
fn losses_of_other_units_have_charts_of_their_own() {
    let folder = TempDir::new().unwrap();
    let files = ["loss.svg", "measured-autoencoder-loss.svg"];
    let arguments = [&["dec"], &SMALL[2..], &["--epochs", "2"]].concat();
    let page = page(folder.path(), &arguments, &files);
    let words = [
        "Loss, phase autoencoder",
        "squared error per feature",
        "Loss, phase clustering",
        "divergence of assignments",
        "kl: KL(P ‖ Q)",
    ];
    has(&page, &words);
}

#[test]
fn bits_are_flipped_and_not_walked() {
    let folder = TempDir::new().unwrap();
    let files = ["traversal.png", "exhibit-share-of-ones-of-each-bit.svg"];
    let arguments = [&["hashing"], &SMALL[..]].concat();
    let page = page(folder.path(), &arguments, &files);
    has(&page, &["Left the bit is 0, right it is 1."]);
    assert!(!page.contains("equal steps of one unit"));
}

#[test]
fn denoising_shows_noise_and_what_is_left() {
    let folder = TempDir::new().unwrap();
    let page = page(
        folder.path(),
        &[&["denoising"], &SMALL[..]].concat(),
        &["denoised.png", "noise.svg"],
    );
    has(
        &page,
        &["Undoing noise", "with noise", "Error against noise"],
    );
}

#[test]
fn generative_models_show_what_they_dream_of() {
    let folder = TempDir::new().unwrap();
    let files = [
        "samples.png",
        "manifold.png",
        "interpolations.png",
        "divergences.svg",
        "traversal.png",
        "correlations.png",
        "terms.svg",
        "latent.svg",
    ];
    let words = [
        "New samples",
        "From one sample to another",
        "units are active",
        "kl, held out",
    ];
    let arguments = [&["variational", "--latent", "2"], &SMALL[..]].concat();
    has(&page(folder.path(), &arguments, &files), &words);
    // One that is told the labels, and is asked for each.
    let files = ["samples.png", "interpolations.png", "divergences.svg"];
    let arguments = [&["conditional", "--latent", "2"], &SMALL[..]].concat();
    let told = page(folder.path(), &arguments, &files);
    has(&told, &["A column for each label."]);
    let arguments = ["variational", "--data", "plane"];
    page(folder.path(), &arguments, &["samples.svg"]);
}

#[test]
fn a_linear_model_stands_beside_pca_and_phases_are_marked() {
    let folder = TempDir::new().unwrap();
    let files = ["projections.svg", "explained.svg", "latent.svg"];
    let linear = page(folder.path(), &["linear"], &files);
    has(&linear, &["Beside principal components", "Variance kept"]);
    let greedy = page(folder.path(), &["greedy"], &["loss.svg", "phases.png"]);
    has(
        &greedy,
        &[
            "start of the phase layer 2",
            "start of the phase fine-tuning",
        ],
    );
    let [layer_1, layer_2, tuned] = ["layer 1", "layer 2", "fine-tuning"].map(|phase| {
        let row = greedy.split_once(&format!("after {phase}</th><td>"));
        let cell = row.and_then(|(_, rest)| rest.split_once('<'));
        cell.expect("a row of the table").0.parse::<f64>().unwrap()
    });
    // An inner pair that has not been trained passes little on.
    assert!(layer_1 > 2.0 * layer_2 && layer_2 > 0.0 && tuned > 0.0);
}

#[test]
fn a_run_that_is_replaced_leaves_no_picture_behind() {
    let folder = TempDir::new().unwrap();
    let train = |variant: &str| {
        let arguments = ["train", variant, "--quick", "--epochs", "1", "--out", "run"];
        let said = succeed(folder.path(), &[&arguments[..], &["--overwrite"]].concat());
        assert!(said.contains("), 1 epoch in "), "{said}");
    };
    train("denoising");
    assert!(folder.path().join("run/noise.svg").exists());
    train("linear");
    assert!(!folder.path().join("run/noise.svg").exists());
    assert!(folder.path().join("run/explained.svg").exists());
}
