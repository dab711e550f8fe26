#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| retrograd_fuzz::readers::jpeg(bytes));
