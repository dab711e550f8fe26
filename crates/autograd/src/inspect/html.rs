//! The page that plays the tape: one file, no network, one step at a time.
//!
//! All of the page is `player.html`, beside this file; the step is put into it as JSON, and a script
//! in the page shows it. Names only ever arrive as text there.

use super::trace::Trace;

/// The page, with two places to fill.
const PAGE: &str = include_str!("player.html");
/// Where the title goes.
const TITLE: &str = "{{title}}";
/// Where the step goes, inside a script element.
const STEP: &str = "{{step}}";

impl Trace {
    /// A page that plays this step: the nodes in order, then the cotangents as they come to exist.
    /// Make the tape with [`tracing`](crate::Tape::tracing), and sweep it.
    #[must_use]
    pub fn to_html(&self, title: &str) -> String {
        // The step goes in last, so that nothing in it is taken for a place to fill.
        PAGE.replacen(TITLE, &escaped(title), 1)
            .replacen(STEP, &inert(&self.to_json()), 1)
    }
}

/// As text between tags.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('{', "&#123;")
}

/// JSON that a page cannot take for the end of its script, nor for a tag or a comment.
fn inert(json: &str) -> String {
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e");
    json.replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use retrograd_tensor::{DType, Tensor};

    #[test]
    fn no_name_can_become_markup() {
        let tape = Tape::new().tracing();
        let x = tape.named_leaf("</script><b>{{step}}", Tensor::zeros([2], DType::F32));
        let _ = x.exp().sum(..).backward();
        let page = tape.trace().to_html("<i>{{step}} & \"more\"");
        assert!(page.contains("<title>&lt;i&gt;&#123;&#123;step}} &amp; &quot;more&quot;</title>"));
        assert_eq!(
            page.matches("</script>").count(),
            2,
            "the data's and the program's"
        );
        assert!(!page.contains("<b>") && page.contains("\\u003c/script\\u003e\\u003cb\\u003e"));
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        let page = Tape::new().trace().to_html("empty");
        let outside = [
            "http:", "https:", " src=", "@import", "url(", "fetch(", "import(",
        ];
        // A namespace is a name, not an address.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            outside.iter().all(|word| !page.contains(word)),
            "something is loaded"
        );
    }
}
