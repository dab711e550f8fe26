//! Grids, decoded again and looked at pixel by pixel.

use retrograd_report::{ImageGrid, ReportError, Shading};

const BACKGROUND: [u8; 3] = [128; 3];
const MAGENTA: [u8; 3] = [255, 0, 255];

/// A decoded picture.
struct Decoded {
    width: usize,
    height: usize,
    colour: png::ColorType,
    description: Option<String>,
    data: Vec<u8>,
}

impl Decoded {
    fn new(bytes: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .expect("a PNG header");
        let mut data = vec![0; reader.output_buffer_size().expect("a small picture")];
        let frame = reader.next_frame(&mut data).expect("a PNG frame");
        let texts = &reader.info().utf8_text;
        Self {
            width: frame.width as usize,
            height: frame.height as usize,
            colour: frame.color_type,
            description: texts
                .first()
                .map(|text| text.get_text().expect("UTF-8 text")),
            data,
        }
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = y * self.width + x;
        match self.colour {
            png::ColorType::Grayscale => [self.data[at]; 3],
            _ => [0, 1, 2].map(|channel| self.data[3 * at + channel]),
        }
    }
}

fn decode(grid: &ImageGrid<'_>) -> Decoded {
    Decoded::new(&grid.encode_png().expect("a valid grid"))
}

#[test]
fn originals_sit_over_reconstructions() {
    let originals = [0.0, 1.0, 0.25, 0.5, 1.0, 1.0]; // two images of 1 by 3
    let reconstructions = [0.2; 6];
    let grid = ImageGrid::new()
        .scale(2)
        .gap(1)
        .row("original", &originals, [2, 1, 3])
        .row("reconstruction", &reconstructions, [2, 1, 3]);
    let picture = decode(&grid);

    assert_eq!(picture.colour, png::ColorType::Grayscale);
    assert_eq!((picture.width, picture.height), (1 + 2 * 7, 1 + 2 * 3));
    assert_eq!(picture.pixel(0, 0), BACKGROUND);
    for (x, y) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        assert_eq!(picture.pixel(x, y), [0; 3], "at {x}, {y}");
    }
    assert_eq!(picture.pixel(3, 1), [255; 3]);
    assert_eq!(picture.pixel(5, 2), [64; 3]);
    assert_eq!(picture.pixel(7, 1), BACKGROUND);
    assert_eq!(picture.pixel(8, 1), [128; 3]);
    assert_eq!(picture.pixel(1, 3), BACKGROUND);
    assert_eq!(picture.pixel(1, 4), [51; 3]);
    assert_eq!(
        picture.description.as_deref(),
        Some("Images, top to bottom: original, reconstruction.")
    );
}

#[test]
fn values_outside_the_unit_interval_are_clamped() {
    let values = [-5.0, 7.0, f32::INFINITY, f32::NEG_INFINITY];
    let picture = decode(
        &ImageGrid::new()
            .scale(1)
            .gap(0)
            .row("x", &values, [1, 1, 4]),
    );
    assert_eq!(picture.data, [0, 255, 255, 0]);
}

#[test]
fn nan_is_magenta() {
    let values = [0.0, f32::NAN];
    let grid = ImageGrid::new()
        .scale(1)
        .gap(0)
        .row("x", &values, [1, 1, 2]);
    for shading in [Shading::Grey, Shading::Diverging] {
        let picture = decode(&grid.clone().shading(shading));
        assert_eq!(picture.colour, png::ColorType::Rgb);
        assert_eq!(picture.pixel(1, 0), MAGENTA);
    }
}

#[test]
fn diverging_colours_are_symmetric_about_zero() {
    let values = [-2.0, 0.0, 2.0, 1.0];
    let grid = ImageGrid::new()
        .shading(Shading::Diverging)
        .scale(1)
        .gap(0)
        .row("filter", &values, [1, 1, 4]);
    let picture = decode(&grid);
    let [blue, white, red, pink] = [0, 1, 2, 3].map(|x| picture.pixel(x, 0));
    assert!(blue[2] > blue[0] && red[0] > red[2]);
    assert_eq!(white, [255; 3]);
    assert!(pink[1] > red[1] && pink[1] < 255);
}

#[test]
fn a_long_batch_continues_in_a_second_block() {
    let (first, second) = ([0.0, 0.2, 0.4], [0.6, 0.8, 1.0]);
    let grid = ImageGrid::new()
        .columns(2)
        .scale(1)
        .gap(1)
        .row("a", &first, [3, 1, 1])
        .row("b", &second, [3, 1, 1]);
    let picture = decode(&grid);
    // Each line is one pixel and a gap; three more gaps part the blocks.
    assert_eq!((picture.width, picture.height), (5, 1 + 4 * 2 + 3));
    assert_eq!(picture.pixel(3, 1), [51; 3]);
    assert_eq!(picture.pixel(3, 3), [204; 3]);
    assert_eq!(picture.pixel(1, 8), [102; 3]);
    assert_eq!(picture.pixel(1, 10), [255; 3]);
    assert_eq!(picture.pixel(3, 8), BACKGROUND);
}

#[test]
fn a_heatmap_pairs_the_strips_of_a_sample() {
    let (table, copy) = ([1.0, -1.0, 0.0, 1.0], [1.0; 4]);
    let grid = ImageGrid::heatmap(&[("original", &table), ("copy", &copy)], [2, 2]);
    let picture = decode(&grid);
    assert_eq!(picture.width, 2 + 2 * 32 + 2);
    assert_eq!(picture.height, 2 + 4 * 34 + 6);
    assert_ne!(picture.pixel(2, 2), picture.pixel(34, 2));
    assert_eq!(picture.pixel(2, 2), picture.pixel(2, 36));
}

#[test]
fn a_wrong_length_names_the_row_and_both_numbers() {
    let error = ImageGrid::new()
        .row("original", &[0.0; 5], [2, 1, 3])
        .encode_png()
        .expect_err("5 values for 6 pixels");
    assert_eq!(
        error.to_string(),
        "row \"original\": 5 values, but 2 images of 1 x 3 need 6"
    );
    assert!(matches!(
        ImageGrid::new()
            .row("x", &[], [usize::MAX, 2, 2])
            .encode_png(),
        Err(ReportError::WrongLength { .. })
    ));
}

#[test]
fn nothing_to_draw_is_an_error_but_an_empty_row_is_not() {
    let empty: [f32; 0] = [];
    for grid in [
        ImageGrid::new(),
        ImageGrid::new().row("none", &empty, [0, 28, 28]),
        ImageGrid::new().row("flat", &empty, [3, 0, 28]),
        ImageGrid::heatmap(&[("none", &empty)], [4, 0]),
    ] {
        assert!(matches!(grid.encode_png(), Err(ReportError::NothingToDraw)));
    }
    let grid = ImageGrid::new()
        .row("none", &empty, [0, 28, 28])
        .row("one", &[0.5], [1, 1, 1]);
    assert_eq!(decode(&grid).width, 9);
}

#[test]
fn a_huge_picture_is_an_error() {
    for scale in [1 << 20, usize::MAX] {
        let grid = ImageGrid::new().scale(scale).row("x", &[0.5], [1, 1, 1]);
        assert!(matches!(
            grid.encode_png(),
            Err(ReportError::TooLarge { .. })
        ));
        let grid = ImageGrid::new().gap(scale).row("x", &[0.5; 40], [40, 1, 1]);
        assert!(matches!(
            grid.encode_png(),
            Err(ReportError::TooLarge { .. })
        ));
    }
}

#[test]
fn three_planes_are_colours() {
    // Two images of 1x2 pixels: red and black, white and half of blue.
    let pixels = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.5];
    let png = ImageGrid::new()
        .row("colours", &pixels, [2, 1, 2])
        .scale(1)
        .gap(0)
        .encode_png()
        .expect("a picture");
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .expect("a header");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut bytes).expect("an image");
    assert_eq!(bytes, [255, 0, 0, 0, 0, 0, 255, 255, 255, 0, 0, 128]);
}
