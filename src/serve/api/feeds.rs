//! Event streams: what one fire tells, and what every tab is told.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, header};
use hyper::body::Frame;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::fires::Fire;
use super::super::hub::message;
use super::{Answer, Named, Server};

/// How long nothing may be sent: then a client that has gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);
/// How many events are sent at once.
const MOST_AT_ONCE: usize = 500;
/// How many chunks wait for a slow reader; then the feed waits, and nobody else.
const MOST_WAITING: usize = 4;

/// What a fire tells: everything from the start, or from where a reader left off, then what comes.
pub(super) async fn of_fire(shared: Server, Named(id): Named, headers: HeaderMap) -> Answer {
    let fire = super::fires::found(&shared, &id)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let from = last.map_or(0, |last: usize| last.saturating_add(1));
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    tokio::spawn(feed_fire(fire, from, sender));
    Ok(stream(receiver))
}

async fn feed_fire(fire: Arc<Fire>, mut from: usize, sender: mpsc::Sender<Bytes>) {
    let mut changes = fire.changes();
    loop {
        changes.mark_unchanged();
        let (lines, has_ended) = fire.lines_from(from, MOST_AT_ONCE);
        let mut text = String::new();
        for line in &lines {
            // Writing to a String cannot fail.
            let _ = write!(text, "id: {from}\ndata: {line}\n\n");
            from += 1;
        }
        let is_last = has_ended && lines.len() < MOST_AT_ONCE;
        if is_last {
            text.push_str(&message("ended", &fire.summary()));
        }
        if !text.is_empty() && sender.send(text.into()).await.is_err() || is_last {
            return;
        }
        if lines.len() < MOST_AT_ONCE
            && timeout(SILENCE, changes.changed()).await.is_err()
            && sender.send(Bytes::from_static(b":\n\n")).await.is_err()
        {
            return;
        }
    }
}

/// What every tab is told.
pub(super) async fn of_all(shared: Server) -> Answer {
    let mut news = shared.hub.listen();
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    tokio::spawn(async move {
        let mut text = message("hello", &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }));
        loop {
            if sender.send(std::mem::take(&mut text).into()).await.is_err() {
                return;
            }
            text = match timeout(SILENCE, news.recv()).await {
                Ok(Ok(message)) => message.to_string(),
                // The tab did not read for long: what it shows may be out of date.
                Ok(Err(RecvError::Lagged(_))) => message("resync", &()),
                Ok(Err(RecvError::Closed)) => return,
                Err(_) => ":\n\n".to_owned(),
            };
        }
    });
    Ok(stream(receiver))
}

fn stream(receiver: mpsc::Receiver<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Feed(receiver)));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    response
}

/// A body that is sent as it comes.
struct Feed(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
