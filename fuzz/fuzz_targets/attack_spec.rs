//! Specs of attacks and of sweeps: what is read prints as what reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::refused;
use steepness_lab::attack::Spec;
use steepness_lab::compare::Sweep;

fuzz_target!(|text: &str| {
    match text.parse::<Spec>() {
        Ok(spec) => {
            let printed = spec.to_string();
            assert_eq!(
                printed.parse::<Spec>().expect("what is printed is read"),
                spec,
                "{printed}"
            );
        }
        Err(error) => refused(&error),
    }
    if let Err(error) = text.parse::<Sweep>() {
        refused(&error.into());
    }
});
