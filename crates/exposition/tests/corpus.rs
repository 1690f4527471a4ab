//! The seeds of the fuzzer.

#[path = "../../../fuzz/exposition.rs"]
mod targets;

#[test]
fn seeds_of_the_fuzzer_pass() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/exposition");
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus is part of the repository") {
        let path = entry.expect("the corpus can be listed").path();
        targets::exposition(&std::fs::read(path).expect("the input can be read"));
        inputs += 1;
    }
    assert!(inputs >= 10, "{inputs}");
}
