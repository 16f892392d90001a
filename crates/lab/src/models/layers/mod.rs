//! The layers that the networks are made of: one file each.

mod attention;
mod batch_norm;
mod bit_dropout;
mod conv;
mod dropout;
mod embedding;
mod feed_forward;
mod graph;
mod layer_norm;
mod layout;
mod linear;
mod normalise;
mod positions;
mod prelu;
mod towards_images;
mod widest;
mod window;

pub use attention::{Attention, AttentionMask, Memory};
pub use batch_norm::BatchNorm;
pub use bit_dropout::BitDropout;
pub use conv::Conv;
pub use dropout::{DropPath, Dropout};
pub use embedding::Embedding;
pub use feed_forward::FeedForward;
pub use graph::{
    Conv as GraphConvolution, Gat, Gcn, GraphConv, Pool, SagPool, TopKPool, Topology, readout,
};
pub use layer_norm::LayerNorm;
pub use layout::channels_last;
pub use linear::Linear;
pub use normalise::{Normalise, spread};
pub use positions::positions;
pub use prelu::PRelu;
pub use window::Window;
