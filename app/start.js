// Starts the app, and says so on the first paint when that does not work.
import init from './{{app.js}}';

const element = (id) => document.getElementById(id);

init({ module_or_path: new URL('./{{app.wasm}}', import.meta.url) }).then(
  () => element('shell')?.remove(),
  (cause) => {
    // Too old is another message, and unsupported.js has shown it.
    if (!element('shell-unsupported').hidden) return;
    element('shell-opening').hidden = true;
    element('shell-cause').textContent = String(cause);
    element('shell-failed').hidden = false;
    console.error(cause);
  },
);
