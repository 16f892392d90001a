//! Named tensors as the bytes of a safetensors file, and back.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use tch::{Kind, Tensor};

use crate::{Error, Result};

/// The bytes of a safetensors file that holds `named` f32 tensors.
///
/// # Errors
/// A name that is there twice, and what libtorch refuses.
pub fn encode(named: &[(String, Tensor)]) -> Result<Vec<u8>> {
    let raw = named.iter().map(|(name, tensor)| -> Result<_> {
        let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
        let mut bytes = vec![0u8; tensor.numel() * 4];
        let tensor = tensor.f_to_kind(Kind::Float)?.f_contiguous()?;
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        Ok((name, shape, bytes))
    });
    let raw = raw.collect::<Result<Vec<_>>>()?;
    let broken = |error: SafeTensorError| Error::failed("safetensors: ", error);
    let views = raw.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(broken)?;
        Ok((name.as_str(), view))
    });
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(broken)
}

/// The tensors in the bytes of a safetensors file, by name.
///
/// The format's own checks hold: no tensor reaches outside the file or overlaps another. PyTorch's
/// counters of batches, integers that nothing here needs, are passed over.
///
/// # Errors
/// Bytes that are no such file; tensors of other numbers than f32.
pub fn decode(bytes: &[u8]) -> Result<Vec<(String, Tensor)>> {
    let tensor = |(name, view): (String, TensorView)| -> Result<_> {
        Ok((name, Tensor::f_from_data_size(view.data(), &shape(&view), Kind::Float)?))
    };
    views(bytes)?.into_iter().map(tensor).collect()
}

/// The names and shapes of the tensors in the bytes of a safetensors file that [`decode`] would give;
/// no value is looked at.
///
/// # Errors
/// As [`decode`].
pub fn shapes(bytes: &[u8]) -> Result<BTreeMap<String, Vec<i64>>> {
    let mut shapes = BTreeMap::new();
    for (name, view) in views(bytes)? {
        shapes.insert(name, shape(&view));
    }
    Ok(shapes)
}

/// What [`decode`] makes tensors of.
fn views(bytes: &[u8]) -> Result<Vec<(String, TensorView<'_>)>> {
    let file = SafeTensors::deserialize(bytes);
    let file = file.map_err(|error| Error::failed("safetensors: ", error))?;
    let mut views = file.tensors();
    views.retain(|(name, _)| !name.ends_with(".num_batches_tracked"));
    match views.iter().find(|(_, view)| view.dtype() != Dtype::F32) {
        Some((name, view)) => {
            let found = view.dtype();
            Err(Error::Work(format!("safetensors: {name} is {found:?}, expected F32")))
        }
        None => Ok(views),
    }
}

fn shape(view: &TensorView) -> Vec<i64> {
    view.shape().iter().map(|&n| n as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_bit_for_bit() {
        let values = [1.5f32, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, 0.1];
        let named = vec![
            ("b".to_owned(), Tensor::from_slice(&values).reshape([2, 3])),
            ("a".to_owned(), Tensor::from(7f32)),
        ];
        let shapes: Vec<_> = shapes(&encode(&named).unwrap()).unwrap().into_iter().collect();
        assert_eq!(shapes, [("a".to_owned(), vec![]), ("b".to_owned(), vec![2, 3])]);
        let mut back = decode(&encode(&named).unwrap()).unwrap();
        back.sort_by(|x, y| x.0.cmp(&y.0));
        assert_eq!((back[0].0.as_str(), back[0].1.size()), ("a", vec![]));
        assert_eq!((back[1].0.as_str(), back[1].1.size()), ("b", vec![2, 3]));
        let read: Vec<f32> = back[1].1.flatten(0, -1).try_into().unwrap();
        assert_eq!(read.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), values.map(f32::to_bits));
    }

    #[test]
    fn counters_of_batches_are_passed_over_and_other_integers_refused() {
        let file = |name: &str| {
            let view = TensorView::new(Dtype::I64, vec![], &[0; 8]).unwrap();
            safetensors::serialize([(name, view)], None).unwrap()
        };
        assert!(decode(&file("bn1.num_batches_tracked")).unwrap().is_empty());
        let error = decode(&file("bn1.count")).unwrap_err().to_string();
        assert_eq!(error, "safetensors: bn1.count is I64, expected F32");
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = encode(&[("a".to_owned(), Tensor::from_slice(&[1f32; 8]))]).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
