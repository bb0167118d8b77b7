// A worker in which the app's own program does what would stop the page: see
// app/src/store/stretch.rs. The first message is the compiled program.
import init from './{{app.js}}';

addEventListener(
  'message',
  ({ data }) => init({ module_or_path: data }).catch((cause) => postMessage({ failed: String(cause) })),
  { once: true },
);
