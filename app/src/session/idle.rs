//! Locks what nobody uses: after fifteen minutes without a touch or a key,
//! also when the page was hidden for that long.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser::{listen, sleep};

const IDLE_MS_MAX: f64 = 15.0 * 60_000.0;
const CHECK_EVERY_MS: u32 = 20_000;

/// Runs `lock` whenever the page was unused for too long.
pub(super) fn watch(lock: impl Fn() + Copy + 'static) {
    let used_at_ms = Rc::new(Cell::new(js_sys::Date::now()));
    // A phone that slept runs no timers: whatever happens first finds out.
    let check = {
        let used_at_ms = Rc::clone(&used_at_ms);
        move || {
            if is_over(used_at_ms.get(), js_sys::Date::now()) {
                lock();
            }
        }
    };
    for event in ["pointerdown", "keydown", "input"] {
        let (check, used_at_ms) = (check.clone(), Rc::clone(&used_at_ms));
        listen(&window(), event, move |_| {
            check();
            used_at_ms.set(js_sys::Date::now());
        });
    }
    let on_change = check.clone();
    listen(&document(), "visibilitychange", move |_| on_change());
    spawn_local(async move {
        loop {
            sleep(CHECK_EVERY_MS).await;
            check();
        }
    });
}

/// By the wall clock, which goes on while the phone sleeps. One that was set
/// back counts from there on.
fn is_over(used_at_ms: f64, now_ms: f64) -> bool {
    now_ms - used_at_ms >= IDLE_MS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_an_hour_locks() {
        assert!(!is_over(1_000.0, 1_000.0 + IDLE_MS_MAX - 1.0));
        assert!(is_over(1_000.0, 1_000.0 + IDLE_MS_MAX));
        assert!(!is_over(5_000.0, 0.0));
    }
}
