//! The embedded digits, and the clothes that are not digits.
//!
//! 1797 handwritten digits of 8×8 pixels (Alpaydin and Kaynak 1998; the copy that scikit-learn
//! ships) and 1797 images of Fashion-MNIST (Xiao et al. 2017) reduced to the same size. Both files
//! have a row an image: 64 pixels from 0 to 16, then the class. `assets/README.md` says more.

use std::io::Read;
use std::path::Path;

use super::card::{DataFormat, DataSettings};
use crate::compare::Origin;
use crate::data::{
    DataPath, DataSet, Examples, Fractions, HeldOut, InputKind, Inputs, OodSet, Shape, Splitting,
};
use crate::{Error, Result};

const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;
const BRIGHTEST: u8 = 16;
const CLASSES: u8 = 10;

const DIGITS: (&str, &[u8]) = ("digits.csv.gz", include_bytes!("../../../assets/digits.csv.gz"));
const CLOTHES: (&str, &str) = ("fashion8x8.csv", include_str!("../../../assets/fashion8x8.csv"));
const CLOTHES_NAMES: [&str; 10] = [
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
];

impl DataSettings for Fractions {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        Vec::new()
    }

    fn shares(&self) -> Fractions {
        *self
    }
}

/// The format.
pub(super) struct Digits;

impl DataFormat for Digits {
    type Recipe = Fractions;

    const TITLE: &'static str = "handwritten digits, embedded in the program";
    const KIND: InputKind = InputKind::Images;

    fn load(shares: &Fractions) -> Result<DataSet> {
        load(*shares)
    }

    fn origins(_: &Fractions) -> Result<Vec<Origin>> {
        Ok(Vec::new())
    }
}

/// The digits, with the clothes as the other world.
fn load(shares: Fractions) -> Result<DataSet> {
    let path = Path::new(DIGITS.0);
    let mut text = String::new();
    flate2::read::GzDecoder::new(DIGITS.1).read_to_string(&mut text).map_err(Error::input(path))?;
    let examples = parse(path, &text, (0..CLASSES).map(|digit| digit.to_string()).collect())?;
    let names = CLOTHES_NAMES.map(String::from).to_vec();
    let clothes = parse(Path::new(CLOTHES.0), CLOTHES.1, names)?;
    let description = format!("{} handwritten digits of 8×8 pixels (UCI)", examples.len());
    let held_out = HeldOut::Shares(shares, Splitting::Stratified);
    Ok(DataSet {
        ood: vec![OodSet { name: "fashion8x8".to_owned(), distance: None, examples: clothes }],
        ..DataSet::new(description, examples, held_out)
    })
}

fn parse(path: &Path, text: &str, classes: Vec<String>) -> Result<Examples> {
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for (row, line) in text.lines().enumerate() {
        let place = |column: usize| format!("line {}, value {}", row + 1, column + 1);
        let mut values = [0u8; PIXELS + 1];
        let mut fields = line.split(',');
        for (column, value) in values.iter_mut().enumerate() {
            let field = fields.next().ok_or_else(|| {
                Error::malformed(path, place(column), format!("expected {} values", PIXELS + 1))
            })?;
            let highest = if column < PIXELS { BRIGHTEST } else { CLASSES - 1 };
            *value = field.trim().parse().ok().filter(|v| *v <= highest).ok_or_else(|| {
                Error::malformed(
                    path,
                    place(column),
                    format!("{field:?} is no whole number from 0 to {highest}"),
                )
            })?;
        }
        if fields.next().is_some() {
            let problem = format!("expected the line to end after {} values", PIXELS + 1);
            return Err(Error::malformed(path, place(PIXELS + 1), problem));
        }
        inputs.extend(&values[..PIXELS]);
        labels.push(i64::from(values[PIXELS]));
    }
    let inputs = Inputs::Pixels { values: inputs, brightest: BRIGHTEST };
    Ok(Examples { inputs, shape: Shape::Image([1, SIDE, SIDE]), labels, classes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sklearn: `d = load_digits(); d.images.sum(), np.bincount(d.target)`, and of the clothes the
    /// first 1797 test labels of Fashion-MNIST.
    #[test]
    fn the_embedded_files_are_whole() {
        let data = load(Fractions { validation: 0.2, test: 0.2 }).unwrap();
        let digits = &data.examples;
        let count = |class| digits.labels.iter().filter(|&&y| y == class).count();
        assert_eq!(digits.len(), 1797);
        assert_eq!(
            (0..10).map(count).collect::<Vec<_>>(),
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        );
        let Inputs::Pixels { values, brightest: 16 } = &digits.inputs else { panic!() };
        assert_eq!(values.iter().map(|&x| u64::from(x)).sum::<u64>(), 561_718);
        assert_eq!(values[..4], [0, 0, 5, 13]);
        let [OodSet { name, examples: clothes, .. }] = &data.ood[..] else { panic!() };
        assert_eq!((name.as_str(), clothes.len(), clothes.labels[0]), ("fashion8x8", 1797, 9));
    }

    #[test]
    fn a_damaged_line_is_named() {
        let good = format!("{}7", "1,".repeat(64));
        let names = || (0..10).map(|d| d.to_string()).collect::<Vec<_>>();
        let message =
            |text: &str| parse(Path::new("x.csv"), text, names()).unwrap_err().to_string();
        assert!(parse(Path::new("x.csv"), &good, names()).is_ok());
        assert!(message(&format!("{good}\n1,2")).contains("line 2, value 3: expected 65 values"));
        assert!(message(&format!("{good},0")).contains("line 1, value 66"));
        let bright = good.replacen('1', "17", 1);
        assert!(
            message(&bright).contains("line 1, value 1: \"17\" is no whole number from 0 to 16")
        );
        assert!(message(&format!("{}10", "1,".repeat(64))).contains("from 0 to 9"));
    }
}
