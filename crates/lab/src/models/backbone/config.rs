//! [`Config`]: timm's `config.json`, which says what a file of weights is of, and what images it takes.
//!
//! timm publishes it with each of its models: `architecture`, and below `pretrained_cfg` (in older files
//! beside it) the size of the images, mean and standard deviation of their channels, how they are scaled
//! and cut, and what the last layer is called. It comes from outside: what it says is held against what is
//! known of the architecture.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::architecture::Architecture;
use crate::data::augment::{Evaluate, Interpolation};
use crate::data::read_regular;
use crate::{Error, Result, plain};

/// Bytes of the file, at most: timm's have under two thousand.
const MOST_BYTES: u64 = 1 << 20;
/// Pixels a side, at most.
const MOST_SIDE: usize = 1024;
/// What timm takes where the file does not say it.
const CROP: f64 = 0.875;

/// What the file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whose weights they are; see [`Architecture::of`].
    pub architecture: String,
    /// Height and width of the images.
    pub side: usize,
    /// Mean and standard deviation of each channel, pixels from 0 to 1.
    pub moments: Vec<(f64, f64)>,
    /// How an image is scaled and cut.
    pub transform: Evaluate,
    /// What the last layer is called, if it says so.
    pub classifier: Option<String>,
    /// How many features there are, likewise.
    pub features: Option<usize>,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Names the file and the key: what is missing or of another kind, an architecture that is not known
    /// (with those that are), images that it does not take.
    pub fn read(path: &Path) -> Result<(Self, &'static Architecture)> {
        let bytes = read_regular(path, MOST_BYTES)?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Error::malformed(path, place, error)
        })?;
        Self::of(path, &value)
    }

    fn of(path: &Path, value: &Value) -> Result<(Self, &'static Architecture)> {
        let refuse = |key: &str, problem: String| Err(Error::malformed(path, key, problem));
        let Some(outer) = value.as_object() else {
            return refuse("whole file", "no table of keys and values".to_owned());
        };
        let inner = match outer.get("pretrained_cfg") {
            Some(Value::Object(inner)) => inner,
            Some(_) => return refuse("pretrained_cfg", "no table of keys and values".to_owned()),
            None => outer,
        };
        let given = Given { path, outer, inner };
        let name: String = given.needed("architecture")?;
        let Some(architecture) = Architecture::of(&name) else {
            let (name, known) = (plain::name(&name), Architecture::names());
            return refuse("architecture", format!("{name:?} is not known; there are {known}"));
        };
        let (name, unit) = (architecture.name, architecture.unit());
        let pooling: Option<String> = given.optional("global_pool")?;
        if let Some(other) = pooling.filter(|pooling| pooling != architecture.pooling()) {
            let (other, ours) = (plain::name(&other), architecture.pooling());
            return refuse("global_pool", format!("{other:?}, and {name} is read with {ours:?}"));
        }
        let side = match given.needed::<Vec<usize>>("input_size")?[..] {
            [3, height, width]
                if height == width && width % unit == 0 && (unit..=MOST_SIDE).contains(&width) =>
            {
                width
            }
            ref other => {
                let problem = format!(
                    "{other:?}; {name} takes [3, S, S] with S a multiple of {unit} up to {MOST_SIDE}"
                );
                return refuse("input_size", problem);
            }
        };
        let [mean, std] = [given.needed::<Vec<f64>>("mean")?, given.needed("std")?];
        let sound =
            mean.iter().all(|x| x.abs() < 1e6) && std.iter().all(|x| (1e-6..1e6).contains(x));
        if mean.len() != 3 || std.len() != 3 || !sound {
            let problem =
                format!("{mean:?} and std {std:?} must be three numbers each, std above 0");
            return refuse("mean", problem);
        }
        let share = given.optional("crop_pct")?.unwrap_or(CROP);
        if !(0.1..=1.0).contains(&share) {
            return refuse("crop_pct", format!("{share} must lie in [0.1, 1]"));
        }
        let cut: Option<String> = given.optional("crop_mode")?;
        if let Some(other) = cut.filter(|cut| cut != "center") {
            let other = plain::name(&other);
            return refuse("crop_mode", format!("{other:?}, of which only \"center\" is known"));
        }
        let filter: Option<String> = given.optional("interpolation")?;
        let interpolation = match filter.as_deref() {
            Some("bicubic") | None => Interpolation::Bicubic,
            Some("bilinear") => Interpolation::Bilinear,
            Some(other) => {
                let other = plain::name(other);
                let problem = format!("{other:?}; there are \"bicubic\" and \"bilinear\"");
                return refuse("interpolation", problem);
            }
        };
        // As timm rounds it.
        let resize = Some((side as f64 / share).floor() as usize);
        let config = Self {
            architecture: name.to_owned(),
            side,
            moments: mean.into_iter().zip(std).collect(),
            transform: Evaluate { resize, crop: Some(side), interpolation },
            classifier: given.optional("classifier")?,
            features: given.optional("num_features")?,
        };
        Ok((config, architecture))
    }
}

/// The keys and values of the file.
struct Given<'a> {
    path: &'a Path,
    outer: &'a Map<String, Value>,
    inner: &'a Map<String, Value>,
}

impl Given<'_> {
    /// The value of `key`, wherever it stands.
    fn optional<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let found = self.inner.get(key).or_else(|| self.outer.get(key));
        let Some(value) = found.filter(|value| !value.is_null()) else { return Ok(None) };
        let read = serde_json::from_value(value.clone());
        read.map(Some).map_err(|error| Error::malformed(self.path, key, error))
    }

    fn needed<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let missing = || Error::malformed(self.path, key, "it is missing");
        self.optional(key)?.ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As timm writes it.
    fn resnet18() -> Value {
        json!({
            "architecture": "resnet18",
            "num_classes": 1000,
            "num_features": 512,
            "global_pool": "avg",
            "pretrained_cfg": {
                "tag": "a1_in1k",
                "custom_load": false,
                "input_size": [3, 224, 224],
                "fixed_input_size": false,
                "interpolation": "bicubic",
                "crop_pct": 0.95,
                "crop_mode": "center",
                "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225],
                "num_classes": 1000,
                "pool_size": [7, 7],
                "first_conv": "conv1",
                "classifier": "fc"
            }
        })
    }

    fn of(value: &Value) -> Result<Config> {
        Config::of(Path::new("config.json"), value).map(|(config, _)| config)
    }

    /// ```python
    /// d = timm.data.resolve_model_data_config(timm.create_model("resnet18"))
    /// timm.data.create_transform(**d)     # Resize(235, bicubic), CenterCrop(224), …
    /// ```
    #[test]
    fn it_says_how_images_become_what_the_network_sees() {
        let config = of(&resnet18()).unwrap();
        let (resize, crop) = (Some(235), Some(224));
        let bicubic = Interpolation::Bicubic;
        assert_eq!(config.transform, Evaluate { resize, crop, interpolation: bicubic });
        assert_eq!(config.moments[2], (0.406, 0.225));
        assert_eq!((config.classifier.as_deref(), config.features), (Some("fc"), Some(512)));
        // Older files have all keys side by side.
        let mut old = resnet18()["pretrained_cfg"].clone();
        old["architecture"] = json!("resnet18");
        assert_eq!(Config { features: Some(512), ..of(&old).unwrap() }, config);
        old["crop_pct"] = Value::Null;
        assert_eq!(of(&old).unwrap().transform.resize, Some(256));
    }

    #[test]
    fn what_it_may_not_say_is_refused_by_key() {
        for (key, value, expected) in [
            ("architecture", json!("resnet18d"), "\"resnet18d\" is not known; there are resnet18,"),
            ("architecture", json!(18), "config.json: architecture: invalid type"),
            ("architecture", Value::Null, "config.json: architecture: it is missing"),
            ("global_pool", json!("max"), "\"max\", and resnet18 is read with \"avg\""),
            ("input_size", json!([1, 224, 224]), "takes [3, S, S] with S a multiple of 32"),
            ("input_size", json!([3, 224, 192]), "[3, 224, 192]; resnet18 takes"),
            ("input_size", json!([3, 100_000, 100_000]), "up to 1024"),
            ("input_size", json!([3, -224, 224]), "config.json: input_size: invalid value"),
            ("input_size", json!("224"), "config.json: input_size: invalid type"),
            ("mean", json!([0.5, 0.5]), "must be three numbers each"),
            ("std", json!([0.0, 0.5, 0.5]), "must be three numbers each, std above 0"),
            ("crop_pct", json!(0.0), "crop_pct: 0 must lie in [0.1, 1]"),
            ("crop_mode", json!("squash"), "only \"center\" is known"),
            ("interpolation", json!("lanczos"), "there are \"bicubic\" and \"bilinear\""),
            ("pretrained_cfg", json!(3), "pretrained_cfg: no table"),
        ] {
            let mut lie = resnet18();
            match lie["pretrained_cfg"].get(key) {
                Some(_) => lie["pretrained_cfg"][key] = value,
                None => lie[key] = value,
            }
            let error = of(&lie).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(of(&json!([1])).unwrap_err().to_string().contains("whole file: no table"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, "{\n\"architecture\": }").unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.contains("config.json: line 2, column"), "{error}");
    }
}
