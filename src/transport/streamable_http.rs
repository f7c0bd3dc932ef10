//! Streamable HTTP, the client side, in both eras.

mod headers;
mod members;
mod params;
mod tools;
