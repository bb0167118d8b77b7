//! What every answer has in common.

use anyhow::Result;
use doorstep_core::api::{LOGIN, ME};
use doorstep_core::problem::ProblemCode;
use doorstep_tests::caller::{Answer, Caller};
use doorstep_tests::server::TestServer;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

fn assert_protected(answer: &Answer, path: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in ["default-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    assert!(
        answer.header("permissions-policy").is_some_and(|policy| policy.contains("camera=(self)")),
        "{path}"
    );
    assert!(answer.header("x-request-id").is_some(), "{path}");
    assert!(answer.header("cache-control").is_some(), "{path}");
}

#[tokio::test]
async fn every_answer_is_protected_whatever_it_is() -> Result<()> {
    let server = TestServer::start().await?;
    let caller = Caller::new(server.base_url())?;
    for path in ["/", "/today", "/healthz", "/readyz", "/api/v1/nothing", ME, "/missing.js", "/files/x"] {
        assert_protected(&caller.get(path).await?, path);
    }
    let refused = caller.get(ME).await?;
    assert_eq!(refused.header("cache-control"), Some("no-store"), "answers about people are not cached");
    Ok(())
}

#[tokio::test]
async fn what_is_nowhere_is_a_problem_and_not_a_page() -> Result<()> {
    let server = TestServer::start().await?;
    let caller = Caller::new(server.base_url())?;
    for path in
        ["/api/v1/nothing", "/api/v2/me", "/files/a/b", "/openrosa/formList", "/missing.js", "/metrics"]
    {
        caller.get(path).await?.refused(ProblemCode::NotFound)?;
    }
    // A page of the app is the app.
    let page = caller.get("/case/0190").await?;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    Ok(())
}

#[tokio::test]
async fn a_wrong_method_says_so() -> Result<()> {
    let server = TestServer::start().await?;
    let caller = Caller::new(server.base_url())?;
    for (method, path) in [(Method::DELETE, ME), (Method::GET, LOGIN), (Method::PUT, LOGIN)] {
        let answer = caller.send(caller.request(method, path)).await?;
        answer.refused(ProblemCode::MethodNotAllowed)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_does_not_read_is_an_invalid_request() -> Result<()> {
    let server = TestServer::start().await?;
    let caller = Caller::new(server.base_url())?;
    let json = "application/json";
    for (content_type, body) in [
        (json, "{"),
        (json, "{}"),
        (json, "[]"),
        (json, r#"{"login_name": 5, "password": "x", "device": {}}"#),
        ("text/plain", "hello"),
    ] {
        let request = caller.request(Method::POST, LOGIN).header(CONTENT_TYPE, content_type).body(body);
        caller.send(request).await?.refused(ProblemCode::InvalidRequest)?;
    }
    let large = format!(r#"{{"login_name": "{}"}}"#, "x".repeat(2 * 1024 * 1024));
    let request = caller.request(Method::POST, LOGIN).header(CONTENT_TYPE, json).body(large);
    caller.send(request).await?.refused(ProblemCode::TooLarge)?;
    Ok(())
}

#[tokio::test]
async fn the_server_says_that_it_is_alive_and_ready() -> Result<()> {
    let server = TestServer::start().await?;
    let caller = Caller::new(server.base_url())?;
    for (path, word) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = caller.get(path).await?;
        assert_eq!((answer.status, answer.text().as_str()), (200, word));
    }
    Ok(())
}
