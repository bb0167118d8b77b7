// Uploads files with tus-js-client, one after the other. Argument: a JSON file
// [{ url, token, path, chunk_bytes, with_creation }]
import { readFileSync } from 'node:fs';
import * as tus from 'tus-js-client';

const jobs = JSON.parse(readFileSync(process.argv[2], 'utf8'));
for (const job of jobs) {
  const bytes = readFileSync(job.path);
  await new Promise((done, failed) => {
    const upload = new tus.Upload(bytes, {
      endpoint: job.url,
      headers: { authorization: `Bearer ${job.token}` },
      chunkSize: job.chunk_bytes ?? Infinity,
      uploadDataDuringCreation: job.with_creation,
      uploadSize: bytes.length,
      metadata: { filename: '照片.jpg' },
      retryDelays: new Array(5000).fill(20),
      // A day without a network is no reason to give up.
      onShouldRetry: () => true,
      onError: failed,
      onSuccess: done,
    });
    upload.start();
  });
}
console.log(`uploaded ${jobs.length}`);
