//! [`Shape`]: what an example is and how large, and [`InputKind`]: the former alone.

use std::fmt;

use crate::words::several;
use crate::{Error, Result};

/// What a model learns from: which networks take it, and which measurements make sense of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Pixels in rows and columns.
    Images,
    /// The rows of a table, as numbers.
    Rows,
    /// Nodes with features, and edges.
    Graphs,
    /// Sentences and their translations.
    Pairs,
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            InputKind::Images => "images",
            InputKind::Rows => "rows of numbers",
            InputKind::Graphs => "graphs",
            InputKind::Pairs => "pairs of sentences",
        })
    }
}

/// The shape of an example, and so what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Channels, height and width of an image; 0×0 pixels where they are of several sizes.
    Image([usize; 3]),
    /// Numbers of a row.
    Row(usize),
    /// A graph of any number of nodes.
    Graph {
        /// Features of a node.
        features: usize,
        /// How many of them, the first ones, are numbers of any size; the others are 0 or 1.
        attributes: usize,
    },
    /// A sentence and its translation, of any lengths.
    Pair {
        /// Pieces of the vocabularies of source and target.
        vocabularies: [usize; 2],
    },
}

impl Shape {
    /// What it is the shape of.
    pub fn kind(self) -> InputKind {
        match self {
            Shape::Image(_) => InputKind::Images,
            Shape::Row(_) => InputKind::Rows,
            Shape::Graph { .. } => InputKind::Graphs,
            Shape::Pair { .. } => InputKind::Pairs,
        }
    }

    /// Channels, height and width of images.
    ///
    /// # Errors
    /// What is none.
    pub fn image(self) -> Result<[usize; 3]> {
        match self {
            Shape::Image(shape) => Ok(shape),
            other => Err(Error::Request(format!("the examples are {}, not images", other.kind()))),
        }
    }

    /// The lengths of one example as a tensor, outermost first; of a graph those of a node. A pair of
    /// sentences has none.
    pub fn sizes(self) -> Vec<usize> {
        match self {
            Shape::Image(shape) => shape.to_vec(),
            Shape::Row(numbers) => vec![numbers],
            Shape::Graph { features, .. } => vec![features],
            Shape::Pair { .. } => Vec::new(),
        }
    }

    /// How many values have moments of their own: channels of an image, numbers of a row, features of
    /// a node. Words have none.
    pub fn channels(self) -> usize {
        self.sizes().first().copied().unwrap_or(0)
    }

    /// How many numbers an example, or a node, is.
    pub fn values(self) -> usize {
        self.sizes().iter().product()
    }

    /// Whether images have several sizes, and make no batch before something brings them to one.
    pub fn has_several_sizes(self) -> bool {
        matches!(self, Shape::Image([_, height, width]) if height == 0 || width == 0)
    }

    /// Whether a model for the one takes the other, too.
    pub fn is_like(self, other: Self) -> bool {
        self.kind() == other.kind() && self.sizes() == other.sizes()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Shape::Image([channels, height, width]) => {
                write!(f, "images of {channels}×{height}×{width} (channels, height, width)")
            }
            Shape::Row(numbers) => write!(f, "rows of {}", several(*numbers, "number")),
            Shape::Graph { features, .. } => {
                write!(f, "graphs of {} a node", several(*features, "feature"))
            }
            Shape::Pair { .. } => write!(f, "{}", InputKind::Pairs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_says_what_it_is_of() {
        let graph = |attributes| Shape::Graph { features: 7, attributes };
        let pair = Shape::Pair { vocabularies: [9, 8] };
        for (shape, text, values) in [
            (Shape::Image([3, 2, 4]), "images of 3×2×4 (channels, height, width)", 24),
            (Shape::Row(1), "rows of 1 number", 1),
            (graph(2), "graphs of 7 features a node", 7),
            (pair, "pairs of sentences", 1),
        ] {
            assert_eq!((shape.to_string().as_str(), shape.values()), (text, values));
            assert!(shape.to_string().starts_with(&shape.kind().to_string()[..4]));
        }
        // A row is no image of one pixel, and no node either.
        let row = Shape::Row(7);
        assert!(!row.is_like(Shape::Image([7, 1, 1])) && !row.is_like(graph(0)));
        assert!(graph(0).is_like(graph(2)) && !row.is_like(Shape::Row(8)));
        assert_eq!(pair.channels(), 0);
        assert!(Shape::Image([3, 0, 0]).has_several_sizes() && !row.has_several_sizes());
        let error = row.image().unwrap_err().to_string();
        assert_eq!(error, "the examples are rows of numbers, not images");
    }
}
