//! The vision transformer (Dosovitskiy et al. 2021, "An image is worth 16×16 words") with timm's names and
//! order: normalisation comes first in each block, and the class token is what the last layer sees. DINOv2's
//! (Oquab et al. 2023) has a learned scale behind attention and feed-forward layer, too.

use tch::{Kind, Tensor};

use crate::Result;
use crate::data::InputSpec;
use crate::models::layers::{Conv, LayerNorm, Linear, Normalise, Window};
use crate::models::{Init, Mode, Model, Weights};

/// What is added to variances; timm's.
const EPS: f64 = 1e-6;

/// How the tokens are drawn.
const TOKEN: Init = Init::Normal(0.02);

/// Its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Numbers of a token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Pixels a side of what becomes a token.
    pub patch: usize,
    /// Whether its layers have learned scales.
    pub scaled: bool,
}

/// The network.
#[derive(Debug)]
pub struct Vit {
    normalise: Normalise,
    patches: Conv,
    class: Tensor,
    positions: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Linear,
    weights: Weights,
}

impl Vit {
    /// Draws it for such images, whose sides are multiples of the patch's.
    pub fn new(size: Size, input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let [_, height, wide] = input.shape.image()?;
        let normalise = Normalise::new(&mut weights, input)?;
        let w = &mut weights;
        let Size { width, depth, patch, .. } = size;
        let class = w.parameter("cls_token".to_owned(), &[1, 1, width], TOKEN)?;
        let tokens = (height / patch) * (wide / patch) + 1;
        let positions = w.parameter("pos_embed".to_owned(), &[1, tokens, width], TOKEN)?;
        let window = Window::valid(patch).with_stride(patch);
        let patches = Conv::new(w, "patch_embed.proj", [3, width], window)?;
        let blocks = (0..depth).map(|at| Block::new(w, &format!("blocks.{at}"), size));
        let blocks = blocks.collect::<Result<_>>()?;
        let norm = LayerNorm::new(w, "norm", width)?.with_eps(EPS);
        let head = Linear::new(w, "head", width, input.classes)?;
        Ok(Self { normalise, patches, class, positions, blocks, norm, head, weights })
    }
}

impl Model for Vit {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let x = self.patches.forward(&self.normalise.forward(&inputs[0])?, mode)?;
        let x = x.f_flatten(2, 3)?.f_transpose(1, 2)?.f_to_kind(Kind::Float)?;
        let class = self.class.f_expand([x.size()[0], -1, -1], false)?;
        let mut x = Tensor::f_cat(&[class, x], 1)?.f_add(&self.positions)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.norm.forward(&x.f_select(1, 0)?)
    }

    fn head(&self) -> &Linear {
        &self.head
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}

/// Attention, then a layer for each token, each beside a way around it.
#[derive(Debug)]
struct Block {
    heads: i64,
    norms: [LayerNorm; 2],
    qkv: Linear,
    proj: Linear,
    widen: Linear,
    narrow: Linear,
    scales: [Option<Tensor>; 2],
}

impl Block {
    fn new(w: &mut Weights, name: &str, size: Size) -> Result<Self> {
        let Size { width, heads, scaled, .. } = size;
        let mut norm = |part| -> Result<LayerNorm> {
            Ok(LayerNorm::new(w, &format!("{name}.{part}"), width)?.with_eps(EPS))
        };
        let norms = [norm("norm1")?, norm("norm2")?];
        let mut linear = |part: &str, inputs: usize, outputs: usize| {
            Linear::new(w, &format!("{name}.{part}"), inputs, outputs)
        };
        let qkv = linear("attn.qkv", width, 3 * width)?;
        let proj = linear("attn.proj", width, width)?;
        let widen = linear("mlp.fc1", width, 4 * width)?;
        let narrow = linear("mlp.fc2", 4 * width, width)?;
        let mut scale = |part| -> Result<Option<Tensor>> {
            let draw =
                || w.parameter(format!("{name}.{part}.gamma"), &[width], Init::Constant(1.0));
            scaled.then(draw).transpose()
        };
        let scales = [scale("ls1")?, scale("ls2")?];
        Ok(Self { heads: heads as i64, norms, qkv, proj, widen, narrow, scales })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let [first, second] = &self.norms;
        let x = self.around(x, self.attention(&first.forward(x)?, mode)?, 0)?;
        let wide = self.widen.forward(&second.forward(&x)?, mode)?.f_gelu("none")?;
        self.around(&x, self.narrow.forward(&wide, mode)?, 1)
    }

    /// x + γ·`change`.
    fn around(&self, x: &Tensor, change: Tensor, scale: usize) -> Result<Tensor> {
        let change = match &self.scales[scale] {
            Some(scale) => change.f_mul(scale)?,
            None => change,
        };
        Ok(x.f_add(&change)?)
    }

    /// (N, tokens, width) → the same.
    fn attention(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let all = self.qkv.forward(x, mode)?.f_unflatten(2, [3, self.heads, -1])?;
        let all = all.f_permute([2, 0, 3, 1, 4])?;
        let [queries, keys, values] =
            [all.f_select(0, 0)?, all.f_select(0, 1)?, all.f_select(0, 2)?];
        let found = Tensor::f_scaled_dot_product_attention(
            &queries,
            &keys,
            &values,
            None::<&Tensor>,
            0.0,
            false,
            None::<f64>,
            false,
        )?;
        self.proj.forward(&found.f_transpose(1, 2)?.f_flatten(2, 3)?, mode)
    }
}
