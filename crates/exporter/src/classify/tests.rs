//! The table: each rule of the specification, quoted, and what backends do beside it.

use super::*;

fn http(status: u16, message: &str) -> Answer {
    Answer::Http(Http { status, retry_after: None, reply: Reply::Empty, message: message.to_owned() })
}

fn reply(reply: Reply) -> Answer {
    Answer::Http(Http { status: 200, retry_after: None, reply, message: String::new() })
}

fn grpc(code: Code, retry_info: Option<u64>) -> Answer {
    let retry_info = retry_info.map(Duration::from_secs);
    Answer::Grpc(Grpc { code, message: "words".to_owned(), retry_info, partial: Partial::default() })
}

fn failed(failure: Failure, sent: bool) -> Answer {
    Answer::Failed(Failed { failure, sent, message: String::new() })
}

fn retry(why: Retry) -> Class {
    Class::Retry { why, not_before: None }
}

fn blocked(why: Blocked) -> Class {
    Class::Blocked { why, not_before: None }
}

fn bad(message: &str) -> Class {
    Class::Bad { message: message.to_owned() }
}

fn check(cases: &[(&str, Answer, Class)]) {
    for (quote, answer, expected) in cases {
        assert_eq!(&classify(answer, Now::default()), expected, "{quote}: {answer}");
    }
}

#[test]
fn http_codes_as_the_specification_says() {
    check(&[
        (
            "\"The requests that receive a response status code listed in following table SHOULD be retried.\" 429 Too Many Requests",
            http(429, ""),
            retry(Retry::Throttled),
        ),
        ("… 502 Bad Gateway", http(502, ""), retry(Retry::Gateway)),
        ("… 503 Service Unavailable", http(503, ""), retry(Retry::Unavailable)),
        ("… 504 Gateway Timeout", http(504, ""), retry(Retry::Gateway)),
        ("\"All other 4xx or 5xx response status codes MUST NOT be retried.\"", http(500, "no"), bad("no")),
        (
            "\"The client MUST NOT retry the request when it receives HTTP 400 Bad Request response.\"",
            http(400, "id"),
            bad("id"),
        ),
        (
            "\"The client MUST NOT retry the request when it receives HTTP 413 Content Too Large response.\"",
            http(413, "big"),
            Class::Split { message: "big".to_owned() },
        ),
        (
            "\"All other HTTP responses … should be treated according to HTTP specifications.\"",
            http(422, "x"),
            bad("x"),
        ),
        ("… 408: the client may repeat it", http(408, ""), retry(Retry::Unavailable)),
    ]);
}

#[test]
fn row_23_http_faults_of_the_endpoint_hold_the_data() {
    let cases: Vec<_> = [
        (301, Blocked::Redirect),
        (307, Blocked::Redirect),
        (308, Blocked::Redirect),
        (401, Blocked::Credentials),
        (403, Blocked::Credentials),
        (404, Blocked::NotThere),
        (405, Blocked::NotThere),
        (407, Blocked::Proxy),
        (415, Blocked::Endpoint),
        (431, Blocked::Endpoint),
        (501, Blocked::Endpoint),
        (521, Blocked::Endpoint),
        (101, Blocked::Endpoint),
    ]
    .map(|(status, why)| ("the endpoint's fault", http(status, ""), blocked(why)))
    .into();
    check(&cases);
}

#[test]
fn grpc_codes_as_the_specification_says() {
    let words = Class::Split { message: "words".to_owned() };
    let throttled = Class::Retry { why: Retry::Throttled, not_before: Some(Duration::from_secs(7)) };
    let cases: Vec<_> = [
        (Code::Cancelled, "CANCELLED|Yes", retry(Retry::Interrupted)),
        (Code::Unknown, "UNKNOWN|No", bad("words")),
        (Code::InvalidArgument, "INVALID_ARGUMENT|No", bad("words")),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED|Yes", retry(Retry::Late)),
        (Code::NotFound, "NOT_FOUND|No", blocked(Blocked::NotThere)),
        (Code::AlreadyExists, "ALREADY_EXISTS|No", bad("words")),
        (Code::PermissionDenied, "PERMISSION_DENIED|No", blocked(Blocked::Credentials)),
        (Code::Unauthenticated, "UNAUTHENTICATED|No", blocked(Blocked::Credentials)),
        (Code::ResourceExhausted, "RESOURCE_EXHAUSTED|Only if the server can recover", words),
        (Code::FailedPrecondition, "FAILED_PRECONDITION|No", bad("words")),
        (Code::Aborted, "ABORTED|Yes", retry(Retry::Interrupted)),
        (Code::OutOfRange, "OUT_OF_RANGE|Yes", retry(Retry::Unavailable)),
        (Code::Unimplemented, "UNIMPLEMENTED|No", blocked(Blocked::NotThere)),
        (Code::Internal, "INTERNAL|No", bad("words")),
        (Code::Unavailable, "UNAVAILABLE|Yes", retry(Retry::Unavailable)),
        (Code::DataLoss, "DATA_LOSS|Yes", retry(Retry::Interrupted)),
    ]
    .map(|(code, quote, class)| (quote, grpc(code, None), class))
    .into();
    check(&cases);
    check(&[(
        "\"The client SHOULD interpret RESOURCE_EXHAUSTED code as retryable only if the server signals that the recovery from \
         resource exhaustion is possible. This is signaled by the server by returning a status containing RetryInfo.\"",
        grpc(Code::ResourceExhausted, Some(7)),
        throttled,
    )]);
}

#[test]
fn row_25_success_is_an_otlp_response_or_nothing_at_all() {
    let partial = |rejected, message: &str| Partial { rejected, message: message.to_owned() };
    check(&[
        ("Loki answers 204 without a body", http(204, ""), Class::Delivered { warning: String::new() }),
        (
            "\"The server MUST leave the partial_success field unset in case of a successful response.\"",
            reply(Reply::Otlp(Partial::default())),
            Class::Delivered { warning: String::new() },
        ),
        (
            "\"The client MUST NOT retry the request when it receives a partial success response\"",
            reply(Reply::Otlp(partial(3, "three"))),
            Class::Stored { refusal: Refusal::PartialSuccess, refused: 3, message: "three".to_owned() },
        ),
        (
            "\"Servers MAY also use the partial_success field to convey warnings\"",
            reply(Reply::Otlp(partial(0, "careful"))),
            Class::Delivered { warning: "careful".to_owned() },
        ),
        (
            "a login page",
            reply(Reply::Foreign { content_type: "text/html".to_owned() }),
            blocked(Blocked::NotOtlp),
        ),
    ]);
}

#[test]
fn row_22a_what_loki_stored_the_rest_of_is_a_partial_success() {
    let old = "entry for stream '{}' has timestamp too old: 1, oldest acceptable timestamp is: 2";
    check(&[
        (
            "Loki has stored the others",
            http(400, old),
            Class::Stored { refusal: Refusal::TooOld, refused: 1, message: old.to_owned() },
        ),
        (
            "a Go receiver's limit",
            http(400, "http: request body too large"),
            Class::Split { message: "http: request body too large".to_owned() },
        ),
        (
            "Loki has stored the other streams",
            http(429, "Per stream rate limit exceeded (limit: 3MB/sec)"),
            retry(Retry::ThrottledPartly),
        ),
    ]);
}

#[test]
fn row_21_no_answer_is_retried_and_known_faults_block() {
    check(&[
        (
            "\"If the server disconnects without returning a response, the client SHOULD retry and send the same request.\"",
            failed(Failure::Reset, true),
            retry(Retry::Lost),
        ),
        ("… before anything was sent", failed(Failure::Reset, false), retry(Retry::Unreachable)),
        (
            "\"If the client cannot connect to the server, the client SHOULD retry the connection\"",
            failed(Failure::Connect, false),
            retry(Retry::Unreachable),
        ),
        ("a black hole", failed(Failure::Timeout, true), retry(Retry::Late)),
        ("a black hole at connect", failed(Failure::Timeout, false), retry(Retry::Unreachable)),
        ("not HTTP", failed(Failure::Protocol, true), retry(Retry::Lost)),
        ("proxy", failed(Failure::Proxy, false), retry(Retry::Unreachable)),
        ("proxy", failed(Failure::ProxyCredentials, false), blocked(Blocked::Proxy)),
        ("DNS", failed(Failure::UnknownHost, false), blocked(Blocked::UnknownHost)),
        ("TLS", failed(Failure::Tls(TlsFailure::Expired), false), blocked(Blocked::Tls(TlsFailure::Expired))),
    ]);
}

#[test]
fn row_20_retry_after_and_retry_info_are_capped() {
    let after = |seconds| {
        let retry_after = Some(RetryAfter::In(Duration::from_secs(seconds)));
        let reply = Reply::Empty;
        Answer::Http(Http { status: 503, retry_after, reply, message: String::new() })
    };
    let waits =
        |seconds| Class::Retry { why: Retry::Unavailable, not_before: Some(Duration::from_secs(seconds)) };
    check(&[
        (
            "\"The client SHOULD honour the waiting interval specified in the Retry-After header if it is present.\"",
            after(3),
            waits(3),
        ),
        ("a year", after(31_536_000), waits(600)),
        ("RetryInfo", grpc(Code::Unavailable, Some(5)), waits(5)),
        ("RetryInfo, a year", grpc(Code::Unavailable, Some(31_536_000)), waits(600)),
    ]);
}

#[test]
fn only_requests_that_may_have_been_stored_say_so() {
    let cases = [
        (Retry::Throttled, false),
        (Retry::ThrottledPartly, true),
        (Retry::Unavailable, false),
        (Retry::Gateway, true),
        (Retry::Interrupted, true),
        (Retry::Unreachable, false),
        (Retry::Lost, true),
        (Retry::Late, true),
    ];
    for (why, expected) in cases {
        assert_eq!(why.may_be_stored(), expected, "{}", why.as_str());
    }
}

#[test]
fn answers_read_well() {
    let cases = [
        (http(503, "full"), "HTTP 503: full"),
        (http(404, ""), "HTTP 404"),
        (grpc(Code::Unavailable, None), "gRPC Unavailable: words"),
        (failed(Failure::Tls(TlsFailure::WrongHost), false), "TLS: the certificate is for another host"),
        (
            reply(Reply::Foreign { content_type: "text/html".to_owned() }),
            "HTTP 200 with text/html, which is not an OTLP response",
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(answer.to_string(), expected);
    }
}
