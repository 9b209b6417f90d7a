//! flipnet's kernels for wide vectors, behind Node-API.
mod door;
mod kernels;
mod lanes;
mod limits;
mod math;
mod node;
mod scratch;
mod table;
