//! The kernels, over vectors of any width. What each computes is said in `kernels/`, beside its WebAssembly form.

/// Goes over `n` elements a vector at a time; what is given for those from `at` on is stored to `out`.
macro_rules! each {
    ($v:ident, $n:expr, $out:expr, |$at:ident| $value:expr) => {{
        let (n, out) = ($n, $out);
        let whole = n / $v::COUNT * $v::COUNT;
        let mut $at = 0;
        while $at < whole {
            let value: $v = $value;
            value.store(out.add($at));
            $at += $v::COUNT;
        }
        if whole < n {
            let value: $v = $value;
            value.store_first(out.add(whole), n - whole);
        }
    }};
}

pub mod adam;
pub mod bits;
pub mod convolution;
pub mod elementwise;
pub mod flips;
pub mod known;
pub mod messages;
pub mod products;
pub mod random;
pub mod rules;
pub mod softmax;
pub mod tables;
pub mod tile;
pub mod units;
