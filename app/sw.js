// The service worker: the app opens with or without a network. It knows
// nothing of what the app does.
//
// - Install takes every file of this version, or nothing. Each is checked
//   against its hash, so what a captive portal answers is never kept.
// - A new version waits until the page says { type: 'apply-update' } or all
//   pages are closed: it never comes in between while somebody fills a form.
// - Pages of the app are answered with the index of this version, its files
//   from the cache. Everything else goes to the network, untouched.

const VERSION = '{{version}}';
const PRECACHE = '{{precache}}';

const PREFIX = 'doorstep-';
const CACHE = PREFIX + VERSION;
const INDEX = '/index.html';
const FILES = new Set(PRECACHE.map((file) => file.url));

// Addresses of the server that are no pages of the app.
const SERVER = /^\/(api|files|openrosa|odata|healthz|readyz|metrics)(\/|$)/;

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));

self.addEventListener('message', (event) => {
  if (event.data && event.data.type === 'apply-update') self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin || SERVER.test(url.pathname)) return;
  if (FILES.has(url.pathname)) event.respondWith(answer(url.pathname, request));
  else if (request.mode === 'navigate') event.respondWith(answer(INDEX, request));
});

async function install() {
  const answers = await Promise.all(PRECACHE.map(async (file) => [file.url, await take(file)]));
  const cache = await caches.open(CACHE);
  try {
    await Promise.all(answers.map(([url, response]) => cache.put(url, response)));
  } catch (cause) {
    // The disk is full, most likely. Half a version is none.
    await caches.delete(CACHE);
    throw cause;
  }
}

// Of the files with a hash in their name, the page has just loaded most: the
// browser's cache may answer. The hash decides; if it does not fit, or the
// file is one that changes, the network is asked.
async function take(file) {
  const isFinal = /-[0-9a-f]{16}\./.test(file.url);
  if (isFinal) {
    try {
      return await whole(file, 'default');
    } catch (cause) {
      console.warn('asking the network again for', file.url, cause);
    }
  }
  return whole(file, 'reload');
}

async function whole({ url, integrity }, cache) {
  const response = await fetch(url, { cache, integrity, redirect: 'error' });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
  // The page of the first visit, too, works without a network from now on.
  await self.clients.claim();
}

// From the cache of this version; from the network where the browser has
// dropped the cache.
async function answer(url, request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url, { ignoreVary: true });
  return kept || fetch(request);
}
