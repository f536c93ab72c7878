#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| simctl_fuzz::store(bytes));
