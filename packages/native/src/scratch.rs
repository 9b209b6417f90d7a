//! Room that a kernel has to itself while it runs: a thread's own, which grows to what the largest kernel needs.
use std::cell::RefCell;

const ALIGNMENT: usize = 64;

/// Who asks: a kernel may call one that lies below it.
#[derive(Clone, Copy)]
pub enum Level {
    Kernel,
    Product,
}

thread_local! {
    static ROOM: RefCell<[Vec<Block>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block(#[allow(dead_code)] [u8; ALIGNMENT]);

/// Hands out what a kernel asked for.
pub struct Scratch {
    next: *mut u8,
    left: usize,
}

/// `floats`, and as much more as `pieces` pieces need to begin at cache lines and to be read a vector beyond their end.
pub fn scratch(level: Level, floats: usize, pieces: usize) -> Scratch {
    let blocks = (4 * floats).div_ceil(ALIGNMENT) + 2 * pieces;
    ROOM.with_borrow_mut(|rooms| {
        let room = &mut rooms[level as usize];
        if room.len() < blocks {
            room.resize(blocks, Block([0; ALIGNMENT]));
        }
        Scratch { next: room.as_mut_ptr().cast(), left: blocks * ALIGNMENT }
    })
}

impl Scratch {
    pub fn take(&mut self, floats: usize) -> *mut f32 {
        let bytes = ((4 * floats).div_ceil(ALIGNMENT) + 1) * ALIGNMENT;
        assert!(bytes <= self.left, "a kernel takes more room than it asked for");
        let piece = self.next;
        self.left -= bytes;
        self.next = unsafe { piece.add(bytes) };
        piece.cast()
    }
}
