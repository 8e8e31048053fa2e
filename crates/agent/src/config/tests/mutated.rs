//! Damaged configurations: the short, unguided form of `tests/fuzz`.

#[path = "../../../../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../../../tests/fuzz/oracle/config.rs"]
mod oracle;

use crate::config;

/// What the oracle takes: the first byte says what it is, 0 a file, others the variables in its list.
fn samples() -> Vec<Vec<u8>> {
    let packaged = include_str!("../../../../../packaging/xapi-observer.toml");
    let everything = config::sample();
    let other = "[traces]\ndirectory = [\"/a\", \"/b\"]\n[[logs]]\npath = \"/var/log/x.log\"\nformat = \"regex\"\n\
                 pattern = '(?<body>.*)'\n[export]\nendpoint = \"https://h:4318\"\nheaders = { a = \"b\" }\n\
                 [export.tls]\nca_file = \"/no\"\n[redact]\npatterns = ['\\d+']\n";
    let file = |text: &str| [b"\0", text.as_bytes()].concat();
    vec![
        file(packaged),
        file(&everything),
        file(&everything.replace("\n# ", "\n")),
        file(other),
        file(other),
        b"\x01https://collector:4318/v1".to_vec(),
        b"\x022500".to_vec(),
        b"\x03grpc".to_vec(),
        b"\x04site=lab,rack=7%20x".to_vec(),
        b"\x05http://proxy:3128".to_vec(),
        b"\x06x-a=1,x-b=two%20words".to_vec(),
    ]
}

#[test]
fn damaged_configurations_are_refused_in_clear_words() {
    mutate::run(1500, &samples(), |_, data| oracle::check(&data));
}

/// Control characters in a key came out as they are.
#[test]
fn what_a_key_has_of_control_characters_is_escaped() {
    let said = super::bad("[limits]\n\"a\\u001b[2J\\nb\" = 1\n");
    assert!(said.starts_with(r"t.toml:2: limits.a\u{1b}[2J\nb: there is no such key"), "{said}");
    oracle::check(b"\0[[logs]]\npath = \"/var/log/x.log\"\n\0format = \"regex\"\n");
}
