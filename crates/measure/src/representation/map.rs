//! [`FeatureMap`]: features on paper, by principal components and by t-SNE.

use super::{Features, Pca, Tsne};
use crate::Logit;
use crate::{Error, Result, Stop};

/// Effective neighbours of t-SNE, where there are three times as many examples.
const PERPLEXITY: f64 = 30.0;
/// Label, two principal components, two coordinates of t-SNE.
const COLUMNS: usize = 5;

/// Two maps of the same examples.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    /// The label of each example.
    pub labels: Vec<i64>,
    /// Its first two principal components; the second is 0 in one dimension.
    pub pca: Vec<[f64; 2]>,
    /// Its place on the map of t-SNE.
    pub tsne: Vec<[f64; 2]>,
}

impl FeatureMap {
    /// Maps `features` with `labels`, one a row. `None` for less than ten examples.
    ///
    /// # Errors
    /// Labels that are not one a row; those of [`Pca::fit`]; [`Error::Interrupted`].
    pub fn new<T: Logit>(
        features: Features<T>,
        labels: &[i64],
        stop: Stop,
    ) -> Result<Option<Self>> {
        features.classes(labels)?;
        if features.rows() < 10 {
            return Ok(None);
        }
        let axes = features.columns().min(2);
        let positions = Pca::fit(features, axes, stop)?.project(features)?;
        let second = |row: &[f64]| row.get(1).copied().unwrap_or(0.0);
        let perplexity = PERPLEXITY.min((features.rows() - 1) as f64 / 3.0);
        let tsne = Tsne::from_components(features, &positions, perplexity, stop)?.positions;
        Ok(Some(Self {
            labels: labels.to_vec(),
            pca: positions.chunks_exact(axes).map(|row| [row[0], second(row)]).collect(),
            tsne: tsne.chunks_exact(2).map(|row| [row[0], row[1]]).collect(),
        }))
    }

    /// The map as a matrix and its columns: label, two principal components, two of t-SNE.
    pub fn matrix(&self) -> (Vec<f64>, usize) {
        let places = self.pca.iter().zip(&self.tsne);
        let row = |(label, (pca, tsne)): (&i64, (&[f64; 2], &[f64; 2]))| {
            [*label as f64, pca[0], pca[1], tsne[0], tsne[1]]
        };
        (self.labels.iter().zip(places).flat_map(row).collect(), COLUMNS)
    }

    /// The map of a matrix.
    ///
    /// # Errors
    /// Another number of columns; labels that are no classes.
    pub fn from_matrix(values: &[f64], columns: usize) -> Result<Self> {
        if columns != COLUMNS {
            return Err(Error::Request(format!("a map has {COLUMNS} columns, not {columns}")));
        }
        let rows = || values.chunks_exact(COLUMNS);
        let class = |label: f64| label.fract() == 0.0 && (0.0..=u32::MAX.into()).contains(&label);
        if let Some(row) = rows().position(|row| !class(row[0])) {
            let label = values[row * COLUMNS];
            return Err(Error::Request(format!("row {row}: {label} is no number of a class")));
        }
        Ok(Self {
            labels: rows().map(|row| row[0] as i64).collect(),
            pca: rows().map(|row| [row[1], row[2]]).collect(),
            tsne: rows().map(|row| [row[3], row[4]]).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

    #[test]
    fn comes_back_from_its_matrix() {
        let (values, labels) = clusters(3, 30, 5, 4, 2.5);
        let map = FeatureMap::new(Features::new(&values, 5).unwrap(), &labels, Stop::never());
        let map = map.unwrap().unwrap();
        assert_eq!((map.labels.len(), map.pca.len(), map.tsne.len()), (30, 30, 30));
        let (matrix, columns) = map.matrix();
        assert_eq!(FeatureMap::from_matrix(&matrix, columns).unwrap(), map);
        assert!(FeatureMap::from_matrix(&matrix, 6).is_err());
        for wrong in [1e15, -1.0, 0.5, f64::NAN, f64::INFINITY] {
            let mut matrix = matrix.clone();
            matrix[COLUMNS] = wrong;
            let error = FeatureMap::from_matrix(&matrix, columns).unwrap_err().to_string();
            assert!(error.starts_with("row 1: ") && error.ends_with("of a class"), "{error}");
        }
    }

    #[test]
    fn few_examples_and_few_dimensions_are_no_trouble() {
        let at = |values: &[f32], columns| {
            let labels = vec![0; values.len() / columns];
            FeatureMap::new(Features::new(values, columns).unwrap(), &labels, Stop::never())
                .unwrap()
        };
        assert_eq!(at(&[1.0; 9], 1), None);
        let line = at(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 1).unwrap();
        assert!(line.pca.iter().all(|place| place[1] == 0.0));
    }
}
