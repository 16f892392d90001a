//! Draws the picture that the documentation opens with: the steepness w·q = |∂L/∂z_y| of some losses.
//!
//! `cargo run -p steepness --example picture > crates/loss/docs/steepness.svg`

use steepness::{Loss, Odds};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 42.0;

/// Losses with Okabe and Ito's colours, which are told apart by everybody and on any background.
const LOSSES: [(&str, &str); 6] = [
    ("el(le=1)", "#d55e00"),
    ("el(le=0.75)", "#e69f00"),
    ("el(le=0)", "#009e73"),
    ("ce", "#0072b2"),
    ("focal(gamma=2)", "#cc79a7"),
    ("prob", "#56b4e9"),
];

fn main() -> steepness::Result<()> {
    let x = |p: f64| LEFT + p * (WIDTH - LEFT - RIGHT);
    let y = |s: f64| TOP + (1.0 - s / 1.2) * (HEIGHT - TOP - BOTTOM);
    println!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         style=\"max-width:{WIDTH}px;width:100%\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"currentColor\" role=\"img\">"
    );
    // On its own it follows the reader's colour scheme; inside a page, `:root` is the page's and the
    // colour is inherited.
    println!(
        "<style>svg:root{{color:#24292f}}@media(prefers-color-scheme:dark)\
         {{svg:root{{color:#e6edf3}}}}</style>"
    );
    println!("<title>Steepness of losses against the probability of the label</title>");
    for tick in 0..=5 {
        let p = f64::from(tick) / 5.0;
        let (at, end) = (x(p), y(0.0));
        println!(
            "<path d=\"M{at:.1} {end:.1}V{TOP}\" stroke=\"currentColor\" stroke-opacity=\".12\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{p}</text>",
            end + 16.0
        );
    }
    for s in [0.0, 0.5, 1.0] {
        let (at, end) = (y(s), x(1.0));
        println!(
            "<path d=\"M{LEFT} {at:.1}H{end:.1}\" stroke=\"currentColor\" stroke-opacity=\".25\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{s}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    println!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">p of the label</text>",
        x(0.5),
        HEIGHT - 6.0
    );
    println!(
        "<text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">steepness</text>",
        y(0.6)
    );
    for (row, (spec, colour)) in LOSSES.iter().enumerate() {
        let loss: Loss = spec.parse()?;
        let Some(curve) = loss.curve() else { continue };
        let point = |i: u32| {
            let p = f64::from(i) / 100.0;
            format!("{:.1} {:.1}", x(p), y(curve.steepness(&Odds::from_probability(p))))
        };
        // From 0.01 to 0.99: at the very ends the published clamp takes over.
        let line: Vec<String> = (1..100).map(point).collect();
        println!(
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.2\"/>",
            line.join("L")
        );
        let (from, at) = (x(1.0) + 14.0, TOP + 16.0 + 22.0 * row as f64);
        println!(
            "<path d=\"M{from:.1} {at:.1}h18\" stroke=\"{colour}\" stroke-width=\"2.2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{spec}</text>",
            from + 24.0,
            at + 4.0
        );
    }
    println!("</svg>");
    Ok(())
}
