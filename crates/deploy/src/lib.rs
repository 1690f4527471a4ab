//! Deploys Vigie from a checkout and removes it: the steps of `vigie deploy`, `vigie doctor` and `vigie remove`.

pub mod account;
pub mod build;
pub mod checkout;
pub mod doctor;
pub mod error;
pub mod facts;
mod file_lock;
pub mod functions;
pub mod locations;
pub mod parameters;
pub mod process;
pub mod progress;
pub mod python;
pub mod removal;
pub mod run;
pub mod steps;
