//! The tape as a table, a node a line.

use std::fmt;

use crate::node::Node;
use crate::tape::Tape;

/// Node, operation, inputs, shape, bytes saved for the backward sweep, source line.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_tensor::{DType, Tensor};
///
/// let tape = Tape::new();
/// let x = tape.named_leaf("x", Tensor::zeros([2, 3], DType::F32));
/// let _ = x.tanh().sum(..);
/// println!("{tape}");
/// ```
///
/// prints
///
/// ```text
/// node  operation  inputs  shape   saved  source
///    0  x          -       [2, 3]    0 B  src/main.rs:5:14
///    1  tanh       0       [2, 3]   24 B  src/main.rs:6:11
///    2  sum        1       []        0 B  src/main.rs:6:18
/// total 24 B saved for the backward sweep
/// ```
impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes();
        let mut rows =
            vec![["node", "operation", "inputs", "shape", "saved", "source"].map(str::to_owned)];
        rows.extend(nodes.iter().enumerate().map(|(id, node)| row(id, node)));
        f.write_str(&aligned(&rows, [0, 4]))?;
        let total: usize = nodes.iter().map(|node| node.saved_bytes()).sum();
        write!(f, "total {} saved for the backward sweep", bytes(total))
    }
}

fn row(id: usize, node: &Node) -> [String; 6] {
    let inputs: Vec<String> = node
        .inputs()
        .map(|input| input.map_or_else(|| "const".to_owned(), |id| id.to_string()))
        .collect();
    [
        id.to_string(),
        node.name(),
        if inputs.is_empty() {
            "-".to_owned()
        } else {
            inputs.join(" ")
        },
        node.shape().to_string(),
        bytes(node.saved_bytes()),
        node.location().to_string(),
    ]
}

/// Rows in columns, of which `right` are set to the right; the last column is not padded.
pub(super) fn aligned<const N: usize, const R: usize>(
    rows: &[[String; N]],
    right: [usize; R],
) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            let gap = if column == 0 { "" } else { "  " };
            line += &if right.contains(&column) {
                format!("{gap}{padding}{cell}")
            } else {
                format!("{gap}{cell}{padding}")
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A number of bytes for people: `24 B`, `3.1 KiB`.
pub(super) fn bytes(count: usize) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let (mut size, mut unit) = (count as f64 / 1024.0, 0);
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, Tensor};

    #[test]
    fn the_table_has_a_line_a_node_and_counts_what_is_saved() {
        let tape = Tape::new();
        let x = tape.named_leaf("x", Tensor::zeros([32, 3], DType::F32));
        let w = tape.leaf(Tensor::zeros([3, 4], DType::F32));
        let y = (x.matmul(&w).tanh() * 2.0).sum(..);
        let text = tape.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + tape.len() + 1, "{text}");
        assert!(lines[0].starts_with("node  operation"));
        assert!(
            lines[3].contains("matmul") && lines[3].contains("0 1") && lines[3].contains("[32, 4]"),
            "{text}"
        );
        assert!(
            lines[3].contains("432 B") && lines[3].contains("text.rs:"),
            "{text}"
        );
        drop(y);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(
            [1023, 1536, 5 << 20].map(bytes),
            ["1023 B", "1.5 KiB", "5.0 MiB"]
        );
    }
}
