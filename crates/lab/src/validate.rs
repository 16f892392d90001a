//! Settings that can be senseless say so themselves.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::Result;

/// A setting whose type allows more than what makes sense.
pub trait Validate {
    /// Refuses what makes no sense; of some there is nothing that does not.
    ///
    /// # Errors
    /// Names the setting, its value and its range.
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}

impl<T: Validate> Validate for Option<T> {
    fn validate(&self) -> Result<()> {
        self.as_ref().map_or(Ok(()), T::validate)
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn validate(&self) -> Result<()> {
        self.iter().try_for_each(T::validate)
    }
}

/// For `#[serde(deserialize_with = "validated")]`: what is senseless is an error at its place in the
/// file.
pub(crate) fn validated<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Validate,
{
    let value = T::deserialize(deserializer)?;
    value.validate().map_err(D::Error::custom)?;
    Ok(value)
}
