//! The tape as a graph, in the language of Graphviz: `dot -Tsvg tape.dot`.
//!
//! An arrow goes from a value to what was computed from it. Leaves are boxes; constants are small
//! and grey, as nothing flows back to them. A bold arrow is a value that the rule of its end reads.

use std::fmt::Write;

use super::trace::{Trace, TracedNode};

impl Trace {
    /// The graph of the nodes, for Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = "digraph tape {\n  rankdir=TB;\n  node [fontname=\"Helvetica\", fontsize=11, shape=ellipse];\n  \
                        edge [color=\"#5b636d\", arrowsize=0.7];\n"
            .to_owned();
        for (id, node) in self.nodes.iter().enumerate() {
            line(
                &mut text,
                format_args!("n{id} [label={}{}];", label(id, node), style(node)),
            );
            for (i, input) in node.inputs.iter().enumerate() {
                let role = format!("input {i}");
                let read = node.saved.iter().any(|residual| residual.role == role);
                let weight = if read { " [penwidth=2.2]" } else { "" };
                if let Some(from) = input.node {
                    line(&mut text, format_args!("n{from} -> n{id}{weight};"));
                } else {
                    let label = quoted(&format!("const\n{}", shape(&input.shape)));
                    line(
                        &mut text,
                        format_args!(
                            "c{id}_{i} [label={label}, shape=plaintext, fontsize=9, fontcolor=\"#8a919a\"];"
                        ),
                    );
                    line(&mut text, format_args!("c{id}_{i} -> n{id}{weight};"));
                }
            }
        }
        text.push_str("}\n");
        text
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "  {content}").expect("a string takes everything");
}

fn label(id: usize, node: &TracedNode) -> String {
    let attributes = if node.attributes.is_empty() {
        String::new()
    } else {
        format!("\n{}", node.attributes)
    };
    quoted(&format!(
        "{id}: {}{attributes}\n{}",
        node.name,
        shape(&node.shape)
    ))
}

fn style(node: &TracedNode) -> String {
    let leaf = if node.leaf {
        ", shape=box, style=filled, fillcolor=\"#e8f1f8\""
    } else {
        ""
    };
    format!("{leaf}, tooltip={}", quoted(&node.source))
}

fn shape(sizes: &[usize]) -> String {
    format!("{sizes:?}")
}

/// A string of DOT: quotes and backslashes escaped, a line break as `\n`.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', ""))
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use retrograd_tensor::{DType, Tensor};

    #[test]
    fn names_cannot_leave_their_quotes() {
        let tape = Tape::new();
        let x = tape.named_leaf("x\"]; evil [\\", Tensor::zeros([2, 3], DType::F32));
        let _ = (x.tanh() * 2.0).sum(0);
        let dot = tape.trace().to_dot();
        assert!(
            dot.contains(r#"n0 [label="0: x\"]; evil [\\\n[2, 3]", shape=box"#),
            "{dot}"
        );
        assert!(
            dot.contains("n0 -> n1;") && dot.contains("c2_1 -> n2"),
            "{dot}"
        );
        assert!(
            dot.contains(r#"n3 [label="3: sum\naxes [0]\n[3]""#),
            "{dot}"
        );
    }
}
