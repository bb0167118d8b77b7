// Makes a photo of a picture: upright, small, with its words burned in, and a
// still smaller one of it. Runs in a worker, so that the page goes on; where a
// worker cannot draw, the page runs it itself. app/src/camera/process.rs asks.
(() => {
  'use strict';

  const SAMPLE_PIXELS = 32;
  // How much the samples of a covered lens differ, of 255.
  const NOISE = 2;
  // A photo of any size has more bytes than this.
  const PHOTO_BYTES_MIN = 200;
  const PREVIEW_BYTES_MAX = 15 * 1024;
  // Tried in this order, until one is small enough.
  const PREVIEWS = [[400, 0.5], [320, 0.45], [240, 0.4], [160, 0.35]];
  // The words take at most this share of the height, at the lower edge.
  const BAND_MAX = 0.24;

  // What is wrong is a word that process.rs knows.
  const wrong = (word) => Object.assign(new Error(word), { word });

  const hexadecimal = (buffer) =>
    Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

  async function decode({ file, width }) {
    const tries = [{ imageOrientation: 'from-image' }];
    // One side only: the browser keeps the shape, whichever way up it counts.
    if (width) tries.unshift({ imageOrientation: 'from-image', resizeWidth: width, resizeQuality: 'high' });
    for (const options of tries) {
      try {
        return await createImageBitmap(file, options);
      } catch (cause) {
        if (cause.name !== 'TypeError') continue;
        // Chromium below 111 turns pictures upright without being told, and
        // takes the word for a mistake.
        delete options.imageOrientation;
        const bitmap = await createImageBitmap(file, options).catch(() => null);
        if (bitmap) return bitmap;
      }
    }
    throw wrong('unreadable');
  }

  function sheet(width, height) {
    if (typeof OffscreenCanvas === 'function') {
      // Tried out, because some browsers have it without the 2D context.
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      if (context) return { canvas, context };
    }
    if (typeof document === 'undefined') throw wrong('no_canvas');
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    if (!context) throw wrong('too_large');
    return { canvas, context };
  }

  function drawn(picture, width, height) {
    const made = sheet(width, height);
    made.context.fillStyle = '#fff';
    made.context.imageSmoothingQuality = 'high';
    made.context.fillRect(0, 0, width, height);
    made.context.drawImage(picture, 0, 0, width, height);
    return made;
  }

  function isOneColour(picture) {
    const { context } = drawn(picture, SAMPLE_PIXELS, SAMPLE_PIXELS);
    const { data } = context.getImageData(0, 0, SAMPLE_PIXELS, SAMPLE_PIXELS);
    for (let channel = 0; channel < 3; channel += 1) {
      let [least, most] = [255, 0];
      for (let at = channel; at < data.length; at += 4) {
        least = Math.min(least, data[at]);
        most = Math.max(most, data[at]);
      }
      if (most - least > NOISE) return false;
    }
    return true;
  }

  // Words on a dark band at the lower edge: white on dark reads on any photo.
  function burnIn(context, width, height, lines) {
    if (!lines.length) return;
    const font = (size) => `${size}px system-ui, sans-serif`;
    const tallest = Math.floor((height * BAND_MAX) / (lines.length * 1.35 + 0.6));
    // On a tiny picture the words are hard to read rather than in its middle.
    const least = Math.max(1, Math.min(9, tallest));
    let size = Math.max(least, Math.min(tallest, Math.round(Math.max(width, height) / 46)));
    context.font = font(size);
    const widest = () => Math.max(...lines.map((line) => context.measureText(line).width));
    while (size > least && widest() > width - size) {
      size -= 1;
      context.font = font(size);
    }
    const line = size * 1.35;
    const band = Math.ceil(lines.length * line + size * 0.6);
    context.fillStyle = 'rgba(0, 0, 0, 0.6)';
    context.fillRect(0, height - band, width, band);
    context.fillStyle = '#fff';
    context.textBaseline = 'middle';
    lines.forEach((words, index) => {
      const at = height - band + size * 0.3 + line * (index + 0.5);
      // A line that is still too long is pressed together rather than cut.
      context.fillText(words, size * 0.5, at, width - size);
    });
  }

  async function jpeg(canvas, quality) {
    const blob = canvas.convertToBlob
      ? await canvas.convertToBlob({ type: 'image/jpeg', quality })
      : await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
    // A browser without memory makes nothing; one that cannot makes a PNG.
    if (!blob || blob.type !== 'image/jpeg' || blob.size < PHOTO_BYTES_MIN) throw wrong('too_large');
    return blob;
  }

  const within = (width, height, max) => {
    const scale = Math.min(1, max / Math.max(width, height));
    return [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  };

  async function preview(picture, width, height) {
    let smallest = null;
    for (const [side, quality] of PREVIEWS) {
      smallest = await jpeg(drawn(picture, ...within(width, height, side)).canvas, quality);
      if (smallest.size <= PREVIEW_BYTES_MAX) break;
    }
    return smallest.arrayBuffer();
  }

  async function photo(task) {
    const bitmap = await decode(task);
    try {
      const [width, height] = within(bitmap.width, bitmap.height, task.max);
      const { canvas, context } = drawn(bitmap, width, height);
      if (isOneColour(canvas)) throw wrong('blank');
      burnIn(context, width, height, task.lines);
      const original = await crypto.subtle.digest('SHA-256', await task.file.arrayBuffer());
      return {
        original_sha256: hexadecimal(original),
        preview: await preview(canvas, width, height),
        photo: await (await jpeg(canvas, task.quality)).arrayBuffer(),
      };
    } finally {
      bitmap.close();
    }
  }

  // An answer always: the photo, or a word for what is wrong.
  self.doorstepPhoto = (task) => photo(task).catch((cause) => ({ wrong: cause.word ?? 'failed' }));

  if (typeof document === 'undefined') {
    addEventListener('message', async ({ data }) => postMessage(await self.doorstepPhoto(data)));
  }
})();
