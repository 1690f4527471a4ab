//! The seeds of the fuzzers.

#[path = "../../../fuzz/exposition.rs"]
mod text;

#[path = "../../../fuzz/protobuf.rs"]
mod protobuf;

/// The seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).expect("the corpus is part of the repository");
    let paths = entries.map(|entry| entry.expect("the corpus can be listed").path());
    paths.map(|path| std::fs::read(path).expect("the input can be read")).collect()
}

#[test]
fn seeds_of_the_text_formats_pass() {
    let seeds = seeds("exposition");
    assert!(seeds.len() >= 10, "{}", seeds.len());
    for seed in seeds {
        text::exposition(&seed);
    }
}

#[test]
fn seeds_of_protobuf_and_their_changes_pass() {
    let seeds = seeds("protobuf");
    assert!(seeds.len() >= 5, "{}", seeds.len());
    for seed in seeds {
        protobuf::protobuf(&seed);
        // Every byte cut off, and every byte changed in three ways.
        for at in 0..seed.len() {
            protobuf::protobuf(&seed[..at]);
            for byte in [seed[at] ^ 1, seed[at] ^ 0x80, 0xff] {
                let mut changed = seed.clone();
                changed[at] = byte;
                protobuf::protobuf(&changed);
            }
        }
    }
}
