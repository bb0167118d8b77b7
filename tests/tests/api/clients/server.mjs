// The reference server, in a folder, on a free port; prints the port.
import { Server } from '@tus/server';
import { FileStore } from '@tus/file-store';

const tus = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] }) });
const server = tus.listen({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
