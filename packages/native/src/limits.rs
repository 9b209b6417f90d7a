//! What this processor can do at most, for `npm run bench`: loops of independent operations, and passes over memory.
use crate::lanes::Lanes;
use std::cell::RefCell;
use std::hint::black_box;

/// By number, as `limit` is asked for them: operations in twelve chains, which hide the latency of a multiply-add, and
/// movements. Mixed are half multiply-adds and half additions, integer half sums and half exclusive ors; of beside one
/// in eight is a division, the others are multiply-adds.
pub const NAMES: [&str; 13] = [
    "madd", "multiply", "add", "divide", "root", "mixed", "integer", "shift", "beside", "read", "write",
    "update", "copy",
];

/// From here on they are movements.
pub const MOVEMENTS: usize = 9;

const CHAINS: usize = 12;
/// Operations of a round.
pub const OPERATIONS: usize = 48;

thread_local! {
    static MEMORY: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// A cache line: no vector lies in two.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [f32; 16]);

/// How often a pass over so many bytes is made: small ones take less time than the call.
pub fn passes(bytes: usize) -> usize {
    (1 << 20usize).max(bytes) / bytes.max(1)
}

/// `amount` rounds of operations, or bytes to go over.
#[inline(always)]
pub unsafe fn limit<V: Lanes>(which: usize, amount: usize) {
    unsafe {
        match which {
            0 => chains::<V, 0>(amount),
            1 => chains::<V, 1>(amount),
            2 => chains::<V, 2>(amount),
            3 => chains::<V, 3>(amount),
            4 => chains::<V, 4>(amount),
            5 => chains::<V, 5>(amount),
            6 => chains::<V, 6>(amount),
            7 => chains::<V, 7>(amount),
            8 => chains::<V, 8>(amount),
            _ => MEMORY.with_borrow_mut(|memory| {
                if memory.len() < amount.div_ceil(64) {
                    memory.resize(amount.div_ceil(64), Line([1.0; 16]));
                }
                let memory: *mut f32 = memory.as_mut_ptr().cast();
                for _ in 0..passes(amount) {
                    match which {
                        9 => pass::<V, 9>(memory, amount / 4),
                        10 => pass::<V, 10>(memory, amount / 4),
                        11 => pass::<V, 11>(memory, amount / 4),
                        _ => pass::<V, 12>(memory, amount / 4),
                    }
                }
            }),
        }
    }
}

#[inline(always)]
unsafe fn chains<V: Lanes, const KIND: usize>(rounds: usize) {
    unsafe {
        let x = V::splat(black_box(1.000_976_6));
        let mut a = [x; CHAINS];
        for _ in 0..rounds {
            for turn in 0..OPERATIONS / CHAINS {
                for (n, a) in a.iter_mut().enumerate() {
                    *a = step::<V, KIND>((turn + n) % 2 == 1, (turn * CHAINS + n).is_multiple_of(8), *a, x);
                }
            }
        }
        let all = a.into_iter().fold(x, |all, a| all.int_xor(a));
        black_box(all.max());
    }
}

#[inline(always)]
unsafe fn step<V: Lanes, const KIND: usize>(odd: bool, eighth: bool, a: V, x: V) -> V {
    unsafe {
        match KIND {
            0 => x.madd(x, a),
            1 => a.mul(x),
            2 => a.add(x),
            3 => x.div(a),
            4 => a.add(x).sqrt(), // the sum keeps it from becoming 1 and is not counted
            5 if odd => x.madd(x, a),
            5 => a.add(x),
            6 if odd => a.int_add(x),
            6 => a.int_xor(x),
            7 => a.shift_right::<7>().int_xor(x), // which is not counted: it keeps shifts from being one
            8 if eighth => x.div(a),
            _ => x.madd(x, a),
        }
    }
}

/// Eight vectors at a time; a copy is of the first half to the second.
#[inline(always)]
unsafe fn pass<V: Lanes, const KIND: usize>(memory: *mut f32, floats: usize) {
    unsafe {
        let floats = if KIND == 12 { floats / 2 } else { floats };
        let mut sums = [V::splat(black_box(1.0)); 8];
        let x = sums[0];
        for start in (0..floats).step_by(8 * V::COUNT) {
            for (n, sum) in sums.iter_mut().enumerate() {
                let at = memory.add(start + n * V::COUNT);
                match KIND {
                    9 => *sum = sum.int_or(V::load(at)),
                    10 => x.store(at),
                    11 => V::load(at).add(x).store(at),
                    _ => V::load(at).store(at.add(floats)),
                }
            }
        }
        let all = sums.into_iter().fold(x, |all, a| all.int_xor(a));
        black_box(all.max());
        black_box(memory);
    }
}
