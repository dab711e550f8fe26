//! The page that plays a tape, in a browser: keys move it, values and cotangents come to be, no
//! script fails, and names stay text.
//!
//! Needs Chromium, and says so where it is not installed.

use std::path::Path;
use std::process::Command;

use retrograd_autograd::Tape;
use retrograd_tensor::Tensor;

/// Names that Chromium goes by.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A name that would run if a page took it for markup.
const HOSTILE: &str =
    "</script><img src=x onerror=\"document.documentElement.dataset.failure='a name ran'\">";

/// Notes every failure of a script; comes first in the page.
const WATCH: &str = "<head><script>addEventListener('error', (failure) => {\
    document.documentElement.dataset.failure = failure.message; });</script>";

/// Presses keys and notes after each what there is to see: step, node, values, cotangents, heading, and the
/// card of a cotangent.
const PRESS: &str = r#"<pre id="log"></pre><script>
{
  const count = (what) => document.querySelectorAll(what).length;
  const look = (key) => {
    const { step, node } = document.body.dataset;
    const cotangents = count("ol .pip.cotangent:is(.part, .on, .gone)");
    const heading = document.querySelector("h2").textContent;
    const card = document.querySelector(".tensor.cotangent")?.textContent.slice(0, 8) ?? "no card";
    document.getElementById("log").append(`${key}: ${step} ${node} ${count("ol .pip.value.on")} ${cotangents} ${heading} ${card}|`);
  };
  look("start");
  for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowLeft", "ArrowLeft", "Home", " "]) {
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    look(key);
  }
  setTimeout(() => {
    look("played");
    document.querySelector('#rows button').click();
    look("clicked");
  }, 30000);
}
</script></body>"#;

fn browser() -> Option<&'static str> {
    let starts = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    BROWSERS.into_iter().find(|name| starts(name))
}

/// The document of a page after `milliseconds` of its own time.
fn document(browser: &str, page: &Path, milliseconds: u32) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--disable-background-networking", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--virtual-time-budget={milliseconds}"))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn keys_play_the_tape_forward_and_backward() {
    let Some(browser) = browser() else {
        println!("skipped: none of {BROWSERS:?} is installed, so the page is not tried");
        return;
    };
    let tape = Tape::new().tracing();
    let x = tape.named_leaf(
        HOSTILE,
        Tensor::from_vec(vec![0.5, -2.0, f64::MIN_POSITIVE], [3]),
    );
    let _ = (x.tanh() * &x).sum(..).backward();
    let page = tape.trace().to_html(HOSTILE);
    let page = page
        .replacen("<head>", WATCH, 1)
        .replacen("</body>", PRESS, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.html");
    std::fs::write(&path, page).expect("written");

    let document = document(browser, &path, 60_000);
    let failure = document.split("data-failure=\"").nth(1);
    assert_eq!(
        failure.map(|rest| rest.split('"').next()),
        None,
        "a script failed"
    );
    assert!(!document.contains("<img"), "a name became markup");
    let log = document.split("<pre id=\"log\">").nth(1).expect("the log");
    let log: Vec<&str> = log
        .split("</pre>")
        .next()
        .expect("its end")
        .split('|')
        .collect();
    // Nodes: 0 x, 1 tanh, 2 mul, 3 sum; then the seed, three rules and the gradient.
    let name = HOSTILE.replace('<', "&lt;").replace('>', "&gt;");
    let expected = [
        format!("start: 0 0 1 0 0 {name} [3] no card"),
        "ArrowRight: 1 1 2 0 1 tanh [3] no card".to_owned(),
        "ArrowRight: 2 2 3 0 2 mul [3] no card".to_owned(),
        "ArrowLeft: 1 1 2 0 1 tanh [3] no card".to_owned(),
        format!("End: 8 0 4 4 0 {name} [3] Gradient"),
        "ArrowLeft: 7 1 4 4 1 tanh [3] Cotangen".to_owned(),
        "ArrowLeft: 6 2 4 4 2 mul [3] Cotangen".to_owned(),
        format!("Home: 0 0 1 0 0 {name} [3] no card"),
        format!(" : 0 0 1 0 0 {name} [3] no card"),
        format!("played: 8 0 4 4 0 {name} [3] Gradient"),
        format!("clicked: 8 0 4 4 0 {name} [3] Gradient"),
    ];
    assert_eq!(log[..expected.len()], expected, "{document}");
}

#[test]
fn an_empty_tape_is_a_page_too() {
    let Some(browser) = browser() else {
        println!("skipped: none of {BROWSERS:?} is installed, so the page is not tried");
        return;
    };
    let page = Tape::new().trace().to_html("nothing");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.html");
    std::fs::write(&path, page.replacen("<head>", WATCH, 1)).expect("written");
    let document = document(browser, &path, 1000);
    assert!(document.contains("The tape is empty") && !document.contains("data-failure"));
}
