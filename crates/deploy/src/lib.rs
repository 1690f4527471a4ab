//! Deploys Vigie from a checkout and removes it again: the steps behind `make deploy` and `make remove`.

pub mod account;
pub mod checkout;
pub mod command;
pub mod doctor;
pub mod functions;
pub mod parameters;
pub mod process;
pub mod progress;
pub mod python;
pub mod removal;
pub mod run;
