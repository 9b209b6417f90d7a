//! What stands between a call and a kernel: a call's operands are numbers, and every address among them is checked
//! against the memory that it lies in. A read too far is no trap here as it is in WebAssembly.
use std::sync::atomic::{AtomicUsize, Ordering::*};

/// Numbers a call may have.
pub const ARGUMENTS: usize = 20;

/// So many bytes beyond its end may an operand be read. Every block of flipnet's memory is followed by as many or more.
pub const BEYOND: f64 = 64.0;

/// The memory of one backend. All threads of a process see the same ones.
struct Memory {
    base: AtomicUsize,
    bytes: AtomicUsize,
}

const MEMORIES: usize = 1 << 16;

static ALL: [Memory; MEMORIES] =
    [const { Memory { base: AtomicUsize::new(0), bytes: AtomicUsize::new(0) } }; MEMORIES];

/// The number of the memory that begins at `base`. One that is no more leaves its number to the next in its place.
pub fn memory(base: *mut u8, bytes: usize) -> Option<usize> {
    for (number, memory) in ALL.iter().enumerate() {
        let taken =
            memory.base.compare_exchange(0, base as usize, AcqRel, Acquire).unwrap_or_else(|before| before);
        if taken == 0 || taken == base as usize {
            memory.bytes.store(bytes, Release);
            return Some(number);
        }
    }
    None
}

/// Says where a memory lies now.
pub fn moved(number: usize, base: *mut u8, bytes: usize) {
    if let Some(memory) = ALL.get(number) {
        memory.base.store(base as usize, Release);
        memory.bytes.store(bytes, Release);
    }
}

/// The numbers of a call, and the memory that they speak of.
pub struct Call<'a> {
    pub numbers: &'a [f64; ARGUMENTS],
    base: *mut u8,
    bytes: f64,
}

/// Why a call is refused: an operand, what was found, and what it was to be.
pub struct Refusal {
    pub operand: &'static str,
    pub found: f64,
    pub size: f64,
    pub bytes: f64,
}

impl<'a> Call<'a> {
    pub fn of(memory: usize, numbers: &'a [f64; ARGUMENTS]) -> Option<Self> {
        let memory = ALL.get(memory)?;
        let (base, bytes) = (memory.base.load(Acquire) as *mut u8, memory.bytes.load(Acquire) as f64);
        Some(Call { numbers, base, bytes })
    }

    fn refuse(&self, operand: &'static str, found: f64, size: f64) -> Refusal {
        Refusal { operand, found, size, bytes: self.bytes }
    }

    /// A whole number, at least `least`, that says how many there are of something.
    pub fn count(&self, operand: &'static str, x: f64, least: f64) -> Result<(), Refusal> {
        let right = (least..2_147_483_648.0).contains(&x) && x.fract() == 0.0;
        if right { Ok(()) } else { Err(self.refuse(operand, x, -1.0)) }
    }

    /// Where `size` elements of `bytes` each begin.
    pub fn address<T>(&self, operand: &'static str, at: f64, size: f64) -> Result<*mut T, Refusal> {
        let each = size_of::<T>() as f64;
        let inside =
            at >= 0.0 && at.fract() == 0.0 && at % each == 0.0 && at + each * size + BEYOND <= self.bytes;
        if inside {
            Ok(unsafe { self.base.add(at as usize) }.cast())
        } else {
            Err(self.refuse(operand, at, each * size))
        }
    }

    /// The same, or null where there is none.
    pub fn maybe<T>(&self, operand: &'static str, at: f64, size: f64) -> Result<*mut T, Refusal> {
        if at == 0.0 { Ok(core::ptr::null_mut()) } else { self.address(operand, at, size) }
    }

    /// Where rows of bytes begin, of which `order` names some.
    pub fn rows(
        &self, operand: &'static str, at: f64, (order, count, row): (f64, f64, f64),
    ) -> Result<*mut u8, Refusal> {
        let order = self.address::<u32>("order", order, count)?;
        let last = (0..count as usize).map(|n| unsafe { *order.add(n) }).max().unwrap_or(0);
        self.address(operand, at, (last as f64 + 1.0) * row)
    }
}

impl Refusal {
    /// A sentence.
    pub fn say(&self, kernel: &str) -> String {
        let Refusal { operand, found, size, bytes } = self;
        if *size < 0.0 {
            format!("{kernel}: {operand} is {found}; expected a whole number from 1, or from 0, to 2^31 - 1")
        } else {
            format!(
                "{kernel}: {operand} has {size} bytes from {found} on; expected a place in a memory of {bytes} bytes"
            )
        }
    }
}
