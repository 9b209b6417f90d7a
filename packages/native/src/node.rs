//! The addon as JavaScript sees it:
//!
//! | name | |
//! | --- | --- |
//! | `kinds` | widths that this processor has, narrowest first: `["native-256", "native-512"]`; with the variable `FLIPNET_WITHOUT_AVX512` those that it would have without |
//! | `kernels` | names of the kernels; a kernel is called by its place among them |
//! | `signatures` | their operands, `name:type` each, a space behind each |
//! | `operands` | a digest of what flipnet's kernels took when this was compiled |
//! | `numbers` | a Float64Array of one thread's own: the arguments of the call to be made |
//! | `memory(bytes)` | a number for the memory that a Uint8Array is all of, shared or not |
//! | `moved(memory, bytes)` | says where it lies now: when memory grows it may move |
//! | `tableFloats(I, J)` | how much scratch the tables of flips take |
//! | `limits` | names of loops that measure what the processor can do |
//! | `limit(kind, limit, amount)` | takes one of them, by its place; what it did: operations on four floats, or bytes |
//! | `call(memory, kind, kernel)` | makes a call; a RangeError says which operand lies outside the memory |
//!
//! Arguments go through `numbers` because to take seventeen of them out of JavaScript's values one by one costs more than
//! a small kernel does.
use crate::door::{self, ARGUMENTS, Call};
use crate::limits;
use crate::table::{NAMES, SIGNATURES, Width};
use napi_sys::*;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

/// What a thread's addon knows.
struct Instance {
    numbers: *const [f64; ARGUMENTS],
    kinds: Vec<(&'static str, &'static Width)>,
}

fn kinds() -> Vec<(&'static str, &'static Width)> {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::table::x86::{AVX2, AVX2_OF_512, AVX512};
        let mut kinds = Vec::new();
        let has_256 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        let has_512 = has_256
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && std::env::var_os("FLIPNET_WITHOUT_AVX512").is_none();
        if has_512 {
            // The same operations on 256 bits, with twice as many registers.
            kinds.push(("native-256", &AVX2_OF_512));
            kinds.push(("native-512", &AVX512));
        } else if has_256 {
            kinds.push(("native-256", &AVX2));
        }
        kinds
    }
    #[cfg(target_arch = "aarch64")]
    {
        vec![("native-128", &crate::table::NEON)]
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        Vec::new()
    }
}

/// Takes `N` arguments.
unsafe fn arguments<const N: usize>(env: napi_env, info: napi_callback_info) -> [napi_value; N] {
    let mut values = [null_mut(); N];
    let mut count = N;
    unsafe { napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), null_mut(), null_mut()) };
    values
}

unsafe fn instance<'a>(env: napi_env) -> &'a Instance {
    let mut data = null_mut();
    unsafe {
        napi_get_instance_data(env, &mut data);
        &*data.cast::<Instance>()
    }
}

unsafe fn whole(env: napi_env, value: napi_value) -> usize {
    let mut x = 0;
    if unsafe { napi_get_value_uint32(env, value, &mut x) } == Status::napi_ok {
        x as usize
    } else {
        usize::MAX
    }
}

/// What a Uint8Array looks into. Node refuses to say it of a shared buffer, but says it of an array over one.
unsafe fn bytes(env: napi_env, value: napi_value) -> Option<(*mut u8, usize)> {
    let (mut kind, mut length, mut data) = (0, 0, null_mut());
    let status = unsafe {
        napi_get_typedarray_info(env, value, &mut kind, &mut length, &mut data, null_mut(), null_mut())
    };
    (status == Status::napi_ok && kind == TypedarrayType::uint8_array).then_some((data.cast(), length))
}

unsafe fn refuse(env: napi_env, message: &str) -> napi_value {
    let text = format!("{message}\0");
    unsafe { napi_throw_range_error(env, null(), text.as_ptr().cast()) };
    null_mut()
}

unsafe extern "C" fn memory(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe {
        let [array] = arguments(env, info);
        let Some((base, length)) = bytes(env, array) else {
            return refuse(env, "memory: expected a Uint8Array");
        };
        let Some(number) = door::memory(base, length) else {
            return refuse(env, "memory: too many memories");
        };
        let mut value = null_mut();
        napi_create_uint32(env, number as u32, &mut value);
        value
    }
}

unsafe extern "C" fn moved(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe {
        let [number, array] = arguments(env, info);
        match bytes(env, array) {
            Some((base, length)) => door::moved(whole(env, number), base, length),
            None => return refuse(env, "moved: expected a Uint8Array"),
        }
        null_mut()
    }
}

unsafe extern "C" fn call(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe {
        let [memory, kind, kernel] = arguments(env, info);
        let instance = instance(env);
        let (kind, place) = (whole(env, kind), whole(env, kernel));
        let kernel = instance.kinds.get(kind).and_then(|(_, width)| width.kernels.get(place));
        let (Some(kernel), Some(call)) = (kernel, Call::of(whole(env, memory), &*instance.numbers)) else {
            return refuse(env, "call: no such memory, kind or kernel");
        };
        if let Err(refusal) = kernel(&call) {
            return refuse(env, &refusal.say(NAMES[place]));
        }
        null_mut()
    }
}

unsafe extern "C" fn table_floats(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe {
        let [i, j] = arguments(env, info);
        let (mut rows, mut columns, mut value) = (0.0, 0.0, null_mut());
        napi_get_value_double(env, i, &mut rows);
        napi_get_value_double(env, j, &mut columns);
        napi_create_double(env, crate::kernels::tables::floats(rows, columns), &mut value);
        value
    }
}

unsafe extern "C" fn limit(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe {
        let [kind, which, amount] = arguments(env, info);
        let (which, amount) = (whole(env, which), whole(env, amount));
        let Some((_, width)) = instance(env).kinds.get(whole(env, kind)) else {
            return refuse(env, "limit: no such kind");
        };
        if which >= limits::NAMES.len() || amount > 1 << 30 {
            return refuse(env, "limit: no such limit, or too much of it");
        }
        (width.limit)(which, amount);
        let operations = which < limits::MOVEMENTS;
        let done = if operations {
            amount * limits::OPERATIONS * width.lanes / 4
        } else {
            amount * limits::passes(amount)
        };
        let mut value = null_mut();
        napi_create_double(env, done as f64, &mut value);
        value
    }
}

unsafe fn text(env: napi_env, text: &str) -> napi_value {
    let mut value = null_mut();
    unsafe { napi_create_string_utf8(env, text.as_ptr().cast(), text.len() as isize, &mut value) };
    value
}

unsafe fn list<'a>(env: napi_env, words: impl Iterator<Item = &'a str>) -> napi_value {
    let mut array = null_mut();
    unsafe {
        napi_create_array(env, &mut array);
        for (place, word) in words.enumerate() {
            napi_set_element(env, array, place as u32, text(env, word));
        }
    }
    array
}

unsafe extern "C" fn forget(_env: napi_env, data: *mut c_void, _hint: *mut c_void) {
    drop(unsafe { Box::from_raw(data.cast::<Instance>()) });
}

/// Node calls this in each thread that loads the addon.
#[unsafe(no_mangle)]
unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    unsafe {
        #[cfg(windows)]
        std::mem::forget(setup());

        let (mut data, mut buffer, mut numbers, mut kept) = (null_mut(), null_mut(), null_mut(), null_mut());
        napi_create_arraybuffer(env, 8 * ARGUMENTS, &mut data, &mut buffer);
        napi_create_typedarray(env, TypedarrayType::float64_array, ARGUMENTS, buffer, 0, &mut numbers);
        // It lives as long as the thread does.
        napi_create_reference(env, buffer, 1, &mut kept);

        let kinds = kinds();
        let names = kinds.iter().map(|(name, _)| *name);
        let values = [
            ("kinds", list(env, names)),
            ("kernels", list(env, NAMES.iter().copied())),
            ("signatures", list(env, SIGNATURES.iter().copied())),
            ("limits", list(env, limits::NAMES.into_iter())),
            ("operands", text(env, option_env!("FLIPNET_OPERANDS").unwrap_or("unknown"))),
            ("numbers", numbers),
        ];
        for (name, value) in values {
            napi_set_property(env, exports, text(env, name), value);
        }
        let functions: [(&str, napi_callback); 5] = [
            ("memory", Some(memory)),
            ("moved", Some(moved)),
            ("tableFloats", Some(table_floats)),
            ("limit", Some(limit)),
            ("call", Some(call)),
        ];
        for (name, function) in functions {
            let mut value = null_mut();
            napi_create_function(
                env,
                name.as_ptr().cast(),
                name.len() as isize,
                function,
                null_mut(),
                &mut value,
            );
            napi_set_property(env, exports, text(env, name), value);
        }
        let instance = Box::into_raw(Box::new(Instance { numbers: data.cast(), kinds }));
        napi_set_instance_data(env, instance.cast(), Some(forget), null_mut());
        exports
    }
}
