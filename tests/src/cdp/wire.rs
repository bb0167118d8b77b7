//! Commands and events of the DevTools protocol over one WebSocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::wait;

/// Events that a slow reader may be behind.
const EVENTS_MAX: usize = 4096;

/// Something that happened in a tab.
#[derive(Clone, Debug)]
pub(super) struct Event {
    session: String,
    pub method: String,
    pub parameters: Value,
}

/// The connection to one browser.
#[derive(Clone)]
pub(super) struct Wire {
    shared: Arc<Shared>,
}

struct Shared {
    outgoing: mpsc::UnboundedSender<Message>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    events: broadcast::Sender<Event>,
    past: Mutex<Vec<Event>>,
    next: AtomicU64,
}

impl Wire {
    /// Connects to the address that the browser says it listens at.
    pub(super) async fn connect(address: &str) -> Result<Self> {
        // Screenshots are large, and this browser is ours.
        let limits = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(address, Some(limits), true)
            .await
            .with_context(|| format!("the browser does not answer at {address}"))?;
        let (mut sink, mut stream) = socket.split();
        let (outgoing, mut queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            outgoing,
            waiting: Mutex::default(),
            events: broadcast::channel(EVENTS_MAX).0,
            past: Mutex::default(),
            next: AtomicU64::new(1),
        });
        tokio::spawn(async move {
            while let Some(message) = queue.recv().await {
                if sink.send(message).await.is_err() {
                    break;
                }
            }
        });
        let reading = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if let Message::Text(text) = message
                    && let Ok(message) = serde_json::from_str(&text)
                {
                    reading.take(message);
                }
            }
            // Whoever still waits learns that nothing will come.
            lock(&reading.waiting).clear();
        });
        Ok(Self { shared })
    }

    /// The browser itself.
    pub(super) fn root(&self) -> Session {
        self.session("")
    }

    /// A tab that was attached to.
    pub(super) fn session(&self, id: &str) -> Session {
        Session { id: id.to_owned(), shared: Arc::clone(&self.shared) }
    }
}

impl Shared {
    fn take(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            if let Some(waiting) = lock(&self.waiting).remove(&id) {
                // Nobody waits for it any more, perhaps.
                drop(waiting.send(message));
            }
            return;
        }
        let event = Event {
            session: message["sessionId"].as_str().unwrap_or_default().to_owned(),
            method: message["method"].as_str().unwrap_or_default().to_owned(),
            parameters: message["params"].take(),
        };
        if ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"].contains(&&*event.method)
        {
            lock(&self.past).push(event.clone());
        }
        // Without a reader there is nobody to tell.
        drop(self.events.send(event));
    }
}

/// One target of commands.
#[derive(Clone)]
pub(super) struct Session {
    id: String,
    shared: Arc<Shared>,
}

impl Session {
    /// Sends a command and waits for its answer.
    pub(super) async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if !self.id.is_empty() {
            command["sessionId"] = json!(self.id);
        }
        let (sender, receiver) = oneshot::channel();
        lock(&self.shared.waiting).insert(id, sender);
        self.shared
            .outgoing
            .send(Message::text(command.to_string()))
            .map_err(|_| anyhow!("{method}: the browser is gone"))?;
        let mut answer = tokio::time::timeout(wait::DEADLINE, receiver)
            .await
            .with_context(|| format!("{method}: the browser does not answer"))?
            .with_context(|| format!("{method}: the browser is gone"))?;
        if let Some(problem) = answer["error"]["message"].as_str() {
            bail!("{method}: {problem}");
        }
        Ok(answer["result"].take())
    }

    /// Everything that happens from now on, in any tab.
    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// What this tab has complained about so far.
    pub(super) fn past_events(&self) -> Vec<Event> {
        lock(&self.shared.past).iter().filter(|event| event.session == self.id).cloned().collect()
    }

    /// Whether an event is of this tab.
    pub(super) fn is_mine(&self, event: &Event) -> bool {
        event.session == self.id
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
