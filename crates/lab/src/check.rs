//! Settings that can be senseless say so themselves.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::Result;

/// A setting whose type allows more than what makes sense.
pub trait Check {
    /// Refuses what makes no sense; of some there is nothing that does not.
    ///
    /// # Errors
    /// Names the setting, its value and its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<T: Check> Check for Option<T> {
    fn check(&self) -> Result<()> {
        self.as_ref().map_or(Ok(()), T::check)
    }
}

impl<T: Check> Check for Vec<T> {
    fn check(&self) -> Result<()> {
        self.iter().try_for_each(T::check)
    }
}

/// For `#[serde(deserialize_with = "checked")]`: what is senseless is an error at its place in the
/// file.
pub(crate) fn checked<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Check,
{
    let value = T::deserialize(deserializer)?;
    value.check().map_err(D::Error::custom)?;
    Ok(value)
}
