//! Redaction in every syntax that XAPI, SM and their tools write.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

use model::{Event, KeyValue, LogRecord, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId, Value};
use parser::redact::{REDACTED, Redactor};
use proptest::prelude::*;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(true, &[]));

fn redact(text: &str) -> String {
    REDACTOR.text(text.into()).into_owned()
}

/// `before` holds each secret in `«»`; the text is redacted to the same with `[redacted]` in their place.
fn check(before: &str) {
    let text = before.replace(['«', '»'], "");
    let mut expected = String::new();
    for (index, part) in before.split(['«', '»']).enumerate() {
        expected.push_str(if index % 2 == 1 { REDACTED } else { part });
    }
    assert_eq!(redact(&text), expected, "{text}");
    assert_eq!(redact(&expected), expected, "twice");
}

#[test]
fn values_go_and_all_else_stays() {
    for before in [
        // JSON
        r#"{"password": "«x y»", "user": "u"}"#,
        r#"{"password":"«x»","n":1}"#,
        r#"{"Password" : "«a\"b\\»"}"#,
        r#"{"token": «12345», "n": 1}"#,
        r#"{"secret": «{"a": "b", "c": [1, "]"]}», "n": 1}"#,
        r#"{"secrets": «["a", "b"]», "n": 1}"#,
        r#"{\"password\": \"«x»\", \"user\": \"u\"}"#,
        r#"{\"password\":\"«a\\\"b»\",\"user\":\"u\"}"#,
        r#"{\\\"password\\\": \\\"«x»\\\", \\\"user\\\": \\\"u\\\"}"#,
        r#""{\"chappassword\":\"«x»\"}", "next""#,
        r#"{"password":"«cut off"#,
        r#"{"a":"\"b\"","pool_secret":"«x/y/z»"}"#,
        // Python
        r"{'password': '«x»', 'user': 'u'}",
        r"{u'password': u'«x»', u'user': u'u'}",
        r"{'device_config': {'chapuser': '«c»', 'chappassword': '«it\'s»', 'target': 't'}}",
        r"login(user='u', password='«x»', n=1)",
        "login(user=\"u\", passwd=\"«x»\")",
        "login(password=«x»)",
        "[('password', '«x»'), ('user', 'u')]",
        "['iscsiadm', '-n', 'node.session.auth.password', '-v', '«x»', '-p', 'y']",
        "['curl', '--token', '«x»', 'y']",
        "['tool', '--password=«x»', 'y']",
        // Command lines
        "iscsiadm -n node.session.auth.password -v «x» -p y",
        "iscsiadm --name node.session.auth.password --value=«x» -p y",
        "mount.cifs --password «x» //server/share",
        "xe pool-join master-username=root master-password=«x» force=true",
        // XML
        "<password>«x y»</password><user>u</user>",
        "<password type=\"s\">«x»</password>",
        "<password><string>«x»</string></password>",
        "<member><name>password</name><value>«x»</value></member><member><name>user</name><value>u</value></member>",
        "<name>session_id</name>\n <value><string>«OpaqueRef:1-2»</string></value>",
        "<key>token</key><string>«x»</string><key>n</key><string>1</string>",
        "<value><struct><member><name>secret</name><value><array><data><value>«a»</value><value>«b»</value></data></array></value></member></struct></value>",
        "&lt;name&gt;password&lt;/name&gt;&lt;value&gt;«x»&lt;/value&gt;&lt;name&gt;",
        "{&quot;password&quot;: &quot;«x»&quot;, &quot;user&quot;: &quot;u&quot;}",
        "<a password=\"«x»\" user=\"u\"/>",
        "<password>«cut»",
        // S-expressions
        "(('user' 'u') ('password' '«x»') ('n' '1'))",
        "(login (user u) (password «x»))",
        "(password \"«x y»\")",
        "('session_id' 'name' '«OpaqueRef:1»')".replace("'name'", "'«name»'").as_str(),
        // key=value, key: value
        "user=u password=«x» n=1",
        "user=u,password=«x»,n=1",
        "http://h/p?token=«x»&n=1",
        "password = «x»",
        "password: «x», user: u",
        "[target: t; chapuser: «c»; chappassword: «p»]",
        "SESSION_ID=«abc»;",
        "pool_secret:«x»",
        "password%3D«x»",
        // Headers
        "Authorization: Basic «x»".replace("Basic «x»", "«Basic x»").as_str(),
        "GET / Authorization: «Bearer a.b.c», Host: h",
        "authorization: «Digest username=\"u\", response=\"r\"»\r\nHost: h",
        "authorization: «abc» def",
        "Cookie: «session_id=OpaqueRef:1; a=b» Host: h",
        "Set-Cookie: «a=b; Path=/»; Secure",
        "{\"Authorization\":\"«Basic abc»\",\"Host\":\"h\"}",
        "X-Auth-Token: «x»",
        "PASSWORD=«x»",
        "PassWord=«x»",
        // URLs
        "https://user:«pass»@host:80/path?x=y@z",
        "cifs //user:«p@ss»@server/share and a@b",
        "a https://u:«p»@h b https://u:«q»@h",
        format!("https://u:«{}»@h", "p".repeat(2000)).as_str(),
        format!("https://u:«p@{}»@h,a@b", "\u{fffd}".repeat(400)).as_str(),
        "///u:«p»@h //v:w/x@y",
        // Sessions
        "session_id=«OpaqueRef:0496aa55-4e6f-363d-6578-4ab872ddfb9e» vm=OpaqueRef:1",
        "session «OpaqueRef:0496aa55-4e6f-363d-6578-4ab872ddfb9e» of OpaqueRef:2",
        "Session.logout «OpaqueRef:1»",
        "session_ref: «OpaqueRef:1»",
        "{'session': '«OpaqueRef:1»', 'vm': 'OpaqueRef:2'}",
        "(session: [«OpaqueRef:1»])",
        "<session>«OpaqueRef:1»</session>",
    ] {
        check(before);
    }
}

#[test]
fn prose_and_neighbours_stay() {
    for text in [
        "",
        "the password was changed",
        "tokenise the input; tokens are cheap",
        "wrong password.",
        "password",
        "\"password\"",
        "['password', 'user']",
        "Secret::new(x)",
        "password == other",
        "(password reset required)",
        "no token (yet)",
        "{\"password\": null, \"token\": \"\", \"user\": \"u\"}",
        "{'password': None}",
        "password=",
        "{\"a\":\"password=\",\"b\":\"c\"}",
        "{\"a\":\"password=\"}",
        "session trackid=5b66d2f2fb3e1a8a",
        "session_check D:31bcb54f6757",
        "session OpaqueRef:NULL",
        "vm OpaqueRef:0496aa55-4e6f-363d-6578-4ab872ddfb9e started",
        "session of vm OpaqueRef:1",
        "trackid=5b66d2f2fb3e1a8a",
        "mail a@b.example http://host:80/path@x //x y:z@w",
        "http://user@host/",
        "use <password> to log in",
        "perhaps authorized by decree; pokie",
    ] {
        match REDACTOR.text(text.into()) {
            Cow::Borrowed(same) => assert_eq!(same, text),
            Cow::Owned(other) => panic!("{text:?} became {other:?}"),
        }
    }
}

#[test]
fn whole_values_by_their_key() {
    let cases = [
        ("xs.span.arg.password", "x y", REDACTED),
        ("http.request.header.Authorization", "Basic x", REDACTED),
        ("http.request.header.cookie", "a=b", REDACTED),
        ("session_id", "OpaqueRef:1", REDACTED),
        ("xs.span.arg.session_ref", "OpaqueRef:1-2", REDACTED),
        ("xs.span.arg.session", "OpaqueRef:NULL", "OpaqueRef:NULL"),
        ("xs.xapi.session.track.id", "ed027918fda74f47eec4b3ac1de88018", "ed027918fda74f47eec4b3ac1de88018"),
        ("xs.span.arg.device_config", "{'password': 'x', 'a': 'b'}", "{'password': '[redacted]', 'a': 'b'}"),
        ("xs.span.arg.vm", "OpaqueRef:1", "OpaqueRef:1"),
        ("token", "", ""),
        ("token", "none", "none"),
    ];
    for (key, value, expected) in cases {
        assert_eq!(REDACTOR.value(key, value.into()), expected, "{key}");
        assert_eq!(REDACTOR.value(key, expected.into()), expected, "{key} twice");
    }
}

#[test]
fn patterns_of_the_users_own() {
    let redactor = Redactor::new(true, &[Regex::new(r"\d{4}-\d{4}").unwrap(), Regex::new("x*").unwrap()]);
    assert_eq!(
        redactor.text("card 1234-5678, axxa password=p".into()),
        "card [redacted], a[redacted]a password=[redacted]"
    );
    assert!(redactor.suspects(b"anything"));
}

#[test]
fn switched_off_means_off() {
    let redactor = Redactor::new(false, &[Regex::new(".").unwrap()]);
    assert_eq!(redactor.text("password=x".into()), "password=x");
    assert_eq!(redactor.value("password", "x".into()), "x");
    assert!(!redactor.suspects(b"password=x"));
    let mut span = span();
    assert_eq!((redactor.span_in_full(&mut span), span), (0, self::span()));
}

fn span() -> Span<'static> {
    Span {
        trace_id: TraceId::from_bytes([1; 16]).unwrap(),
        span_id: SpanId::from_bytes([1; 8]).unwrap(),
        parent_id: None,
        name: "call password=n".into(),
        kind: SpanKind::Internal,
        start_unix_nano: 1,
        end_unix_nano: 2,
        status: Status::Error("password=s".into()),
        attributes: vec![
            KeyValue::str("token", "a"),
            KeyValue::int("token_number", 7),
            KeyValue::str("plain", "password=b token=c"),
            KeyValue::int("size", 7),
        ],
        events: vec![Event {
            time_unix_nano: 1,
            name: "password=e".into(),
            attributes: vec![KeyValue::str("secret", "f")],
        }],
        resource: Resource {
            attributes: vec![KeyValue::str("service.name", "smapi"), KeyValue::str("chap", "r")],
        },
        scope: Scope::default(),
    }
}

#[test]
fn every_part_of_a_span_and_a_record() {
    let mut redacted = span();
    assert_eq!(REDACTOR.span_in_full(&mut redacted), 9);
    let expected = Span {
        name: "call password=[redacted]".into(),
        status: Status::Error("password=[redacted]".into()),
        attributes: vec![
            KeyValue::str("token", REDACTED),
            KeyValue::str("token_number", REDACTED),
            KeyValue::str("plain", "password=[redacted] token=[redacted]"),
            KeyValue::int("size", 7),
        ],
        events: vec![Event {
            time_unix_nano: 1,
            name: "password=[redacted]".into(),
            attributes: vec![KeyValue::str("secret", REDACTED)],
        }],
        resource: Resource {
            attributes: vec![KeyValue::str("service.name", "smapi"), KeyValue::str("chap", REDACTED)],
        },
        ..span()
    };
    assert_eq!(redacted, expected);
    assert_eq!(REDACTOR.span_in_full(&mut redacted), 0);
    let mut record = LogRecord {
        time_unix_nano: 1,
        severity: None,
        severity_text: "info".into(),
        body: "password=b".into(),
        attributes: vec![
            KeyValue::str("x", "password=a"),
            KeyValue { key: "token".into(), value: Value::Bool(true) },
        ],
        resource: Resource { attributes: vec![KeyValue::str("token", "r")] },
    };
    let mut foreign =
        LogRecord { body: "b".into(), attributes: vec![KeyValue::str("my_token", "x")], ..record.clone() };
    assert_eq!(REDACTOR.record(&mut record.clone(), REDACTOR.suspects(b"clean")), 3, "a key says so");
    assert_eq!(REDACTOR.record(&mut record, REDACTOR.suspects(b"password=b")), 3, "the line says so");
    assert_eq!(REDACTOR.record(&mut record, REDACTOR.suspects(b"password=b")), 0);
    assert_eq!(REDACTOR.record(&mut foreign, REDACTOR.suspects(b"clean")), 2);
    let mut clean = LogRecord { attributes: vec![KeyValue::str("thread.id", "1")], ..foreign };
    assert_eq!(REDACTOR.record(&mut clean, REDACTOR.suspects(b"clean")), 0);
    let mut redacted = span();
    assert_eq!(REDACTOR.span(&mut redacted, b"{\"clean\":1}"), 0);
    assert_eq!(REDACTOR.span(&mut redacted, b"{\"token\":1}"), 9);
    assert_eq!((&*record.body, record.resource.get("token")), ("password=[redacted]", Some(REDACTED)));
}

/// Ways to write a key and its value; what is around it must stay.
const SYNTAXES: [(&str, &str); 20] = [
    (r#"{"a": 1, "#, r#""KEY": "SECRET", "b": 2}"#),
    (r#"{\"a\": 1, "#, r#"\"KEY\": \"SECRET\", \"b\": 2}"#),
    (r#"{\\\"a\\\": 1, "#, r#"\\\"KEY\\\": \\\"SECRET\\\"}"#),
    ("{'a': 1, ", "'KEY': 'SECRET', 'b': 2}"),
    ("{u'a': 1, ", "u'KEY': u'SECRET'}"),
    ("f(a=1, ", "KEY='SECRET', b=2)"),
    ("f(a=1, ", "KEY=SECRET, b=2)"),
    ("<member>", "<name>KEY</name><value>SECRET</value></member>"),
    ("<member>", "<name>KEY</name><value><string>SECRET</string></value></member>"),
    ("&lt;member&gt;", "&lt;name&gt;KEY&lt;/name&gt;&lt;value&gt;SECRET&lt;/value&gt;"),
    ("<a>1</a>", "<KEY>SECRET</KEY><b>2</b>"),
    ("(('a' 'b') ", "('KEY' 'SECRET') ('c' 'd'))"),
    ("((a b) ", "(KEY SECRET) (c d))"),
    ("[('a', 'b'), ", "('KEY', 'SECRET'), ('c', 'd')]"),
    ("a=1 ", "KEY=SECRET b=2"),
    ("a: 1; ", "KEY: SECRET; b: 2"),
    ("cmd -a ", "--KEY SECRET -b"),
    ("cmd -a -n ", "KEY -v SECRET -b"),
    ("['cmd', '-n', ", "'KEY', '-v', 'SECRET', '-b']"),
    ("GET /x?", "KEY=SECRET&b=2"),
];

const KEYS: [&str; 12] = [
    "password",
    "passwd",
    "PASSWORD",
    "chappassword",
    "secret",
    "pool_secret",
    "Token",
    "chapuser",
    "authorization",
    "Cookie",
    "session_id",
    "node.session.auth.password",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_planted_secret_never_survives(
        syntax in prop::sample::select(SYNTAXES.to_vec()),
        key in prop::sample::select(KEYS.to_vec()),
        secret in "Q[A-Za-z0-9+/=._$!*%^~#@é-]{6,24}Q",
        around in "[a-z ]{0,20}",
    ) {
        let text = format!("{around} {}{}", syntax.0, syntax.1.replace("KEY", key).replace("SECRET", &secret));
        let expected = format!("{around} {}{}", syntax.0, syntax.1.replace("KEY", key).replace("SECRET", REDACTED));
        prop_assert_eq!(redact(&text), expected);
        prop_assert!(REDACTOR.suspects(text.as_bytes()));
    }

    #[test]
    fn to_redact_twice_is_to_redact_once(pieces in prop::collection::vec(piece(), 0..16)) {
        let once = redact(&pieces.concat());
        prop_assert_eq!(redact(&once), once);
    }

    #[test]
    fn text_without_a_key_word_is_unchanged(text in "[^@\\\\]{0,80}") {
        let lower = text.to_lowercase();
        let words = ["passw", "secret", "token", "chap", "authorization", "cookie", "session"];
        prop_assume!(words.iter().all(|word| !lower.contains(word)));
        prop_assert_eq!(redact(&text), text);
    }

    #[test]
    fn any_text_gives_an_answer(text in ".{0,60}", key in ".{0,12}") {
        let _answer = (redact(&text), REDACTOR.value(&key, text.into()));
    }
}

fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "password",
        "token",
        "session",
        "session_id",
        "cookie",
        "authorization",
        "Basic ",
        "Digest ",
        "OpaqueRef:",
        "1-2",
        "=",
        ":",
        ": ",
        "'",
        "\"",
        "\\\"",
        "\\",
        ", ",
        ";",
        " ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "</",
        "name",
        "value",
        "&lt;",
        "&quot;",
        "//",
        "@",
        "u:",
        "-v ",
        "--",
        "x",
        "é",
        "\n",
        "[redacted]",
        "%3D",
        "null",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

/// Each of these is hostile in its own way: a search that began anew at each of them would take minutes.
#[test]
#[allow(clippy::disallowed_methods, reason = "a deadline")]
fn hostile_text_takes_linear_time() {
    for piece in [
        "password",
        "token=",
        "token:\\",
        "\\",
        "('token', '",
        "<token>",
        "(token {",
        "//u:",
        "u:@",
        "token -v ",
        "session OpaqueRef:",
        "token <",
        "token '",
        "token\"",
        "<name>token</name><value>",
        "cookie: a=b; ",
    ] {
        let text = format!("token {}", piece.repeat(1_000_000 / piece.len()));
        let start = std::time::Instant::now();
        let redacted = redact(&text);
        assert!(start.elapsed().as_secs() < 20, "{piece} took {:?}", start.elapsed());
        assert!(redacted.len() <= text.len() * 4, "{piece}");
    }
}
