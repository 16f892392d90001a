//! Pretrained weights: a safetensors file with a network's tensors under timm's or torchvision's names.
//!
//! All names and shapes are held against the network's before a value is read, and all values are finite
//! before any of them gets into the network.

use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;

use super::architecture::{Architecture, Naming};
use crate::data::read_regular;
use crate::models::Model;
use crate::models::layers::Normalise;
use crate::words::several;
use crate::{Error, Result, plain, tensors};

/// Bytes of the file, at most: the largest network that is known has 350 MB.
const MOST_BYTES: u64 = 1 << 31;
/// Of more tensors of which the same is to be said, the first are named.
const NAMED: usize = 3;

/// Puts the tensors of the file at `path` into `model`, a network of `architecture`, all but the last
/// layer; `classifier` is what the file's description calls that.
///
/// # Errors
/// A file that cannot be read, or is damaged; tensors that are missing, of another shape, of no layer of
/// the network or not finite, by name and in all.
pub fn restore(
    path: &Path,
    architecture: &Architecture,
    classifier: Option<&str>,
    model: &dyn Model,
) -> Result<()> {
    let bytes = read_regular(path, MOST_BYTES)?;
    let broken = |error: Error| Error::malformed(path, "tensors", error);
    let refuse = |problem: String| Err(Error::malformed(path, "tensors", problem));
    let found = tensors::shapes(&bytes).map_err(broken)?;
    let head = format!("{}.", model.head().name);
    let own = model.weights().named();
    let own: Vec<_> = own.map(|(name, t)| (name.to_owned(), t.shallow_clone())).collect();
    let is_read = |name: &str| !name.starts_with(&head) && !name.starts_with(Normalise::NAME);
    let naming = naming(architecture, &found, &own);
    let name = architecture.name;
    if let Some(other) = classifier.filter(|other| *other != naming.classifier) {
        let (other, ours) = (plain::name(other), naming.classifier);
        return refuse(format!(
            "config.json calls the last layer {other:?}, in {name} it is {ours}"
        ));
    }
    let read = own.iter().filter(|(name, _)| is_read(name));
    let wanted: BTreeMap<String, &(String, Tensor)> =
        read.map(|tensor| ((naming.of)(&tensor.0), tensor)).collect();
    if let Some(problem) = differences(&wanted, &found, naming.classifier) {
        return refuse(format!("not those of {name}: {problem}"));
    }
    let mut values = tensors::decode(&bytes).map_err(broken)?;
    drop(bytes);
    values.retain(|(name, _)| wanted.contains_key(name));
    let mut infinite = Vec::new();
    for (name, tensor) in &values {
        if tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? != 1 {
            infinite.push(name.clone());
        }
    }
    if !infinite.is_empty() {
        return refuse(format!("not finite: {}", named(&infinite)));
    }
    let ours = |(name, tensor): (String, Tensor)| {
        wanted.get(&name).map(|(ours, _)| (ours.clone(), tensor))
    };
    let mut restored: Vec<(String, Tensor)> = values.into_iter().filter_map(ours).collect();
    for (name, tensor) in own.iter().filter(|(name, _)| !is_read(name)) {
        restored.push((name.clone(), tensor.shallow_clone()));
    }
    model.weights().restore(&restored).map_err(broken)
}

/// The way of calling tensors in which the file has most of the network's.
fn naming(
    architecture: &Architecture,
    found: &BTreeMap<String, Vec<i64>>,
    own: &[(String, Tensor)],
) -> Naming {
    let all = architecture.namings();
    let known = |naming: &&Naming| {
        own.iter().filter(|(name, _)| found.contains_key(&(naming.of)(name))).count()
    };
    // Of equals the first, which `max_by_key` would not take.
    all.iter().rev().max_by_key(known).copied().unwrap_or(all[0])
}

/// What is missing, of another shape, or too much in `found`, in words.
fn differences(
    wanted: &BTreeMap<String, &(String, Tensor)>,
    found: &BTreeMap<String, Vec<i64>>,
    classifier: &str,
) -> Option<String> {
    let missing: Vec<String> =
        wanted.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    let other = wanted.iter().filter_map(|(name, (_, tensor))| {
        let (found, ours) = (found.get(name)?, tensor.size());
        (*found != ours).then(|| format!("{name} ({found:?} in place of {ours:?})"))
    });
    let other: Vec<String> = other.collect();
    let of_head = |name: &str| name.strip_prefix(classifier).is_some_and(|x| x.starts_with('.'));
    let extra = found.keys().filter(|name| !wanted.contains_key(*name) && !of_head(name));
    let extra: Vec<String> = extra.map(|name| plain::name(name).into_owned()).collect();
    let kinds = [("missing", missing), ("of another shape", other), ("unknown", extra)];
    let said = kinds.iter().filter(|(_, names)| !names.is_empty());
    let said: Vec<String> = said.map(|(what, names)| format!("{what}: {}", named(names))).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// "3 tensors (a, b, c)", of many the first.
fn named(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    let some = names[..names.len().min(NAMED)].join(", ");
    format!("{} ({some}{more})", several(names.len(), "tensor"))
}
