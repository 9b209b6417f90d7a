//! Every kernel with its operands, in the order of `kernels/`: addresses, whole numbers, other numbers. A trailing
//! `scratch` is not read: kernels have room of their own.
use crate::door::{Call, Refusal};
use crate::kernels::{
    adam, bits as rows, convolution, elementwise, flips, known, messages, products, random, rules, softmax,
    tables, units,
};
use crate::lanes::Lanes;

/// A kernel for vectors of one width. It is only called where the processor has what its width takes.
pub type Kernel = unsafe fn(&Call) -> Result<(), Refusal>;

/// What there is for one width.
pub struct Width {
    pub kernels: &'static [Kernel],
    /// See `limits`.
    pub limit: unsafe fn(usize, usize),
    pub lanes: usize,
}

/// First what is counted, which sizes are made of; everything is still the number that it came as.
macro_rules! check {
    (count, $call:ident, $name:ident) => {
        $call.count(stringify!($name), $name, 0.0)?
    };
    (some, $call:ident, $name:ident) => {
        $call.count(stringify!($name), $name, 1.0)?
    };
    ($kind:ident, $call:ident, $name:ident) => {};
}

/// Then each is made what the kernel takes.
macro_rules! value {
    (count, $call:ident, $name:ident) => {
        $name as usize
    };
    (some, $call:ident, $name:ident) => {
        $name as usize
    };
    (flag, $call:ident, $name:ident) => {
        $name != 0.0
    };
    (number, $call:ident, $name:ident) => {
        $name as f32
    };
    (key, $call:ident, $name:ident) => {
        $name as i64 as i32
    };
    (floats, $call:ident, $name:ident, $size:expr) => {
        $call.address::<f32>(stringify!($name), $name, $size)?
    };
    (maybe, $call:ident, $name:ident, $size:expr) => {
        $call.maybe::<f32>(stringify!($name), $name, $size)?
    };
    (words, $call:ident, $name:ident, $size:expr) => {
        $call.address::<u32>(stringify!($name), $name, $size)?
    };
    (rows, $call:ident, $name:ident, $size:expr) => {
        $call.rows(stringify!($name), $name, $size)?
    };
}

/// How the WebAssembly kernels declare such an operand.
macro_rules! kind {
    (count) => {
        "i32"
    };
    (some) => {
        "i32"
    };
    (key) => {
        "i32"
    };
    (flag) => {
        "bool"
    };
    (number) => {
        "f32"
    };
    ($address:ident) => {
        "usize"
    };
}

/// Calls a kernel with all operands but those that it does not use.
macro_rules! handed {
    ($call:ident, $v:ident, $module:ident::$function:ident, [$($value:expr),*]) => {
        unsafe { $module::$function::<$v>($($value),*) }
    };
    ($call:ident, $v:ident, $module:ident::$function:ident, [$($value:expr),*] $name:ident: unused $(, $($rest:tt)*)?) => {{
        let _ = $name;
        handed!($call, $v, $module::$function, [$($value),*] $($($rest)*)?)
    }};
    ($call:ident, $v:ident, $module:ident::$function:ident, [$($value:expr),*] $name:ident: $kind:ident $(($size:expr))? $(, $($rest:tt)*)?) => {
        handed!($call, $v, $module::$function, [$($value,)* value!($kind, $call, $name $(, $size)?)] $($($rest)*)?)
    };
}

/// What there is for vectors of one width on processors that have some features.
#[cfg(target_arch = "x86_64")]
macro_rules! width {
    ($width:ident, $module:ident, $lanes:ident, $features:literal, [$($name:ident)*]) => {
        #[allow(non_snake_case)]
        mod $module {
            use super::*;
            #[target_feature(enable = $features)]
            pub fn limit(which: usize, amount: usize) {
                unsafe { crate::limits::limit::<$lanes>(which, amount) }
            }
            $(
                #[target_feature(enable = $features)]
                pub fn $name(call: &Call) -> Result<(), Refusal> {
                    unsafe { each::$name::<$lanes>(call) }
                }
            )*
        }
        pub static $width: Width =
            Width { kernels: &[$($module::$name),*], limit: $module::limit, lanes: $lanes::COUNT };
    };
}

macro_rules! kernels {
    ($($name:ident($($operand:ident: $kind:ident $(($size:expr))?),*) => $module:ident::$function:ident;)*) => {
        /// Their names, in the order of the tables.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Their operands, `name:type`, by which the other side sees that it speaks of the same.
        pub const SIGNATURES: &[&str] = &[$(concat!($(stringify!($operand), ":", kind!($kind), " "),*)),*];

        mod each {
            use super::*;
            $(
                #[inline(always)]
                #[allow(non_snake_case, unused_assignments)]
                pub unsafe fn $name<V: Lanes>(call: &Call) -> Result<(), Refusal> {
                    let mut place = 0;
                    $(
                        let $operand = call.numbers[place];
                        place += 1;
                    )*
                    $(check!($kind, call, $operand);)*
                    handed!(call, V, $module::$function, [] $($operand: $kind $(($size))?),*);
                    Ok(())
                }
            )*
        }

        #[cfg(target_arch = "x86_64")]
        pub mod x86 {
            use super::*;
            use crate::lanes::{Avx2, Avx512};
            width!(AVX2, avx2, Avx2, "avx2,fma,bmi1,bmi2,lzcnt,popcnt", [$($name)*]);
            width!(AVX2_OF_512, avx2_of_512, Avx2, "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt", [$($name)*]);
            width!(AVX512, avx512, Avx512, "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt", [$($name)*]);
        }

        #[cfg(target_arch = "aarch64")]
        pub static NEON: Width = Width {
            kernels: &[$(each::$name::<crate::lanes::Neon>),*],
            limit: crate::limits::limit::<crate::lanes::Neon>,
            lanes: 4,
        };
    };
}

kernels! {
    adam(w: floats(n), g: floats(n), m: floats(n), v: floats(n), n: count, c1: number, c2: number, rate: number, epsilon: number) => adam::adam;

    dense(x: floats(B * I), weights: floats(I * J), out: floats(B * J), B: count, I: count, J: count) => products::dense;
    transposedProduct(g: floats(B * J), weights: floats(I * J), out: floats(B * I), B: count, I: count, J: count, accumulate: flag) => products::transposed_product;
    outerProduct(x: floats((B - 1.0) * pitch + I), g: floats(B * J), out: floats(I * J), B: count, I: count, J: count, pitch: count, accumulate: flag) => products::outer_product;
    columnMeans(g: floats(B * J), out: floats(J), B: count, J: count, accumulate: flag) => products::column_means;
    rowDots(a: floats(B * I), b: floats(B * I), out: floats(B), B: count, I: count, plusMinus: flag, accumulate: flag) => products::row_dots;
    productBits(x: floats(B * I), weights: floats(I * J), out: floats(B * J), B: count, I: count, J: count, plusMinus: flag) => rows::product_bits;
    outerProductBits(x: floats((B - 1.0) * pitch + I), g: floats(B * J), out: floats(I * J), B: count, I: count, J: count, pitch: count, plusMinus: flag, accumulate: flag) => rows::outer_product_bits;

    convolve(x: floats(B * height * width * C), weights: floats((height - outHeight + 1.0) * (height - outHeight + 1.0) * C * J), bias: floats(J), out: floats(B * outHeight * outWidth * J), B: count, height: some, width: some, C: some, outHeight: some, outWidth: some, J: count) => convolution::convolve;
    convolveBack(g: floats(B * outHeight * outWidth * J), weights: floats((height - outHeight + 1.0) * (height - outHeight + 1.0) * C * J), out: floats(B * height * width * C), B: count, height: some, width: some, C: some, outHeight: some, outWidth: some, J: count) => convolution::convolve_back;
    convolutionGradient(x: floats(B * height * width * C), g: floats(B * outHeight * outWidth * J), out: floats(rows * J), first: count, rows: count, B: count, height: some, width: some, C: some, outHeight: some, outWidth: some, J: count) => convolution::convolution_gradient;
    rectifierGradient(y: floats(n), g: floats(n), n: count) => elementwise::rectifier_gradient;

    sigmoid(logits: floats(n), p: floats(n), q: floats(n), n: count) => units::sigmoid;
    softmax(logits: floats(units * N), p: floats(units * N), units: count, N: some) => units::softmax;
    sampleBernoulli(p: floats(n), uniforms: floats(n), bits: floats(n), n: count) => units::sample_bernoulli;
    sampleAntithetic(p: floats(n), uniforms: floats(n), bits1: floats(n), bits2: floats(n), n: count) => units::sample_antithetic;
    score(bits: floats(n), p: floats(n), q: floats(n), out: floats(n), n: count) => units::score;
    binarise(images: rows((order, B, I)), order: words(B), out: floats(B * I), B: count, I: count, k0: key, k1: key) => random::binarise;
    uniforms(out: floats(n), first: count, n: count, k0: key, k1: key) => random::uniforms;

    flips(bits: floats(B * I), tables: unused, steps: unused, weights: floats(I * J), logits: floats(B * J), p: floats(B * J), q: floats(B * J), childBits: floats(B * J), likelihoods: maybe(B * I), entropies: maybe(B * I), B: count, I: count, J: count, k: number, addLikelihoods: flag, addEntropies: flag, scratch: floats(tables::floats(I, J))) => flips::flips;
    flipSoftmax(bits: floats(B * I), tables: unused, weights: floats(I * J), logits: floats(B * J), p: floats(B * J), childBits: floats(B * J), out: floats(B * I), B: count, I: count, J: count, K: some, k: number, accumulate: flag, scratch: floats(tables::floats(I, J))) => softmax::flip_softmax;
    switches(bits: floats(B * I), tables: unused, weights: floats(I * J), logits: floats(B * J), p: floats(B * J), q: floats(B * J), childBits: floats(B * J), out: floats(B * I), B: count, I: count, N: some, J: count, accumulate: flag, scratch: floats(tables::floats(I, J))) => softmax::switches;
    switchSoftmax(bits: floats(B * I), tables: unused, weights: floats(I * J), logits: floats(B * J), p: floats(B * J), childBits: floats(B * J), out: floats(B * I), B: count, I: count, N: some, J: count, K: some, accumulate: flag, scratch: floats(tables::floats(I, J))) => softmax::switch_softmax;
    entropyDifferences(bits: floats(B * I), tables: unused, weights: floats(I * J), logits: floats(B * J), p: floats(B * J), q: floats(B * J), out: floats(B * I), B: count, I: count, N: some, J: count, K: some, k: number, accumulate: flag, scratch: floats(tables::floats(I, J))) => softmax::entropy_differences;
    posteriorMinusPrior(p: floats(n), q: floats(n), delta: floats(n), out: floats(n), n: count) => messages::posterior_minus_prior;
    unstoppedGradient(s: floats(n), q: floats(n), out: floats(n), n: count) => messages::unstopped_gradient;
    choicePosteriorMinusPrior(p: floats(units * N), delta: floats(units * N), out: floats(units * N), units: count, N: some) => messages::choice_posterior_minus_prior;

    rewardedScore(a: floats(n), p: floats(n), q: floats(n), bits: floats(n), out: floats(n), n: count, plusMinus: flag) => rules::rewarded_score;
    betterOutcome(a: floats(n), p: floats(n), q: floats(n), bits: floats(n), out: floats(n), n: count, rewarded: number, punished: number) => rules::better_outcome;
    meanSlope(a: floats(n), p: floats(n), q: floats(n), out: floats(n), n: count, factor: number) => rules::mean_slope;
    productFormScore(bits: floats(n), q: floats(n), delta: floats(n), out: floats(n), n: count) => rules::product_form_score;

    logLikelihood(logits: floats(B * J), p: floats(B * J), q: floats(B * J), bits: floats(B * J), out: floats(B), B: count, J: count) => known::log_likelihood;
    entropy(logits: floats(B * J), p: floats(B * J), q: floats(B * J), out: floats(B), B: count, J: count) => known::entropy;
    addEntropyGradient(logits: floats(n), p: floats(n), q: floats(n), g: floats(n), n: count) => known::add_entropy_gradient;
    localExpectation(p: floats(n), q: floats(n), difference: floats(n), out: floats(n), n: count) => messages::local_expectation;
    addHindsight(s: floats(B * J), f: floats(B), q: floats(B * J), bits: floats(B * J), difference: maybe(B * J), out: floats(B * J), B: count, J: count) => messages::add_hindsight;

    fill(m: floats(n), n: count, value: number) => elementwise::fill;
    broadcast(bias: floats(J), out: floats(B * J), B: count, J: count) => elementwise::broadcast;
    maximum(a: floats(n), b: floats(n), out: floats(n), n: count) => elementwise::maximum;
    multiply(a: floats(n), b: floats(n), out: floats(n), n: count) => elementwise::multiply;
    subtract(a: floats(n), b: floats(n), out: floats(n), n: count) => elementwise::subtract;
    scaleRows(a: floats(B * J), s: floats(B), out: floats(B * J), B: count, J: count) => elementwise::scale_rows;
    multiplyAdd(a: floats(n), b: floats(n), out: floats(n), n: count) => elementwise::multiply_add;
    addScaled(a: floats(n), out: floats(n), n: count, factor: number) => elementwise::add_scaled;
}
