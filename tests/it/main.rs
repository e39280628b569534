//! One test binary: what is linked once is built once.

mod stripe_stand_in;
mod support;
