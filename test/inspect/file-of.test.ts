/** From what a program has in hand to its descriptor: of Node's every kind of handle, open, not open yet and closed. */
import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, Readable } from 'node:stream';
import { after, test, type TestContext } from 'node:test';
import tls from 'node:tls';
import tty from 'node:tty';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import '../support/leash.ts';
import { fileOf, findHolders } from '../../src/index.ts';
import { socketProtocol } from '../../src/netlink/protocol.ts';
import { openTty } from '../support/kinds.ts';
import * as libc from '../support/libc.ts';

const { pid } = process;
const folder = mkdtempSync(join(tmpdir(), 'kcmp-file-of-'));
after(() => rmSync(folder, { recursive: true }));

const linkOf = (handle: object | number): string => {
  const { fd, ...rest } = fileOf(handle);
  assert.deepEqual(rest, { pid });
  return readlinkSync(`/proc/self/fd/${fd}`);
};
const protocolOf = (handle: object): string => {
  const told = socketProtocol(pid, fileOf(handle).fd);
  return typeof told === 'string' ? told : told.protocol;
};
/** Older kernels do not tell the type. */
const STREAM = /^UNIX(?:-STREAM)?$/;
const isClosed = (handle: object): void =>
  assert.throws(() => fileOf(handle), { code: 'EBADF', errno: -9, message: /closed, or not open yet/ });
const isNotTold = (handle: object): void =>
  assert.throws(() => fileOf(handle), { code: 'ERR_NO_DESCRIPTOR', message: /has no descriptor of its own/ });

/** Destroys a socket when the test ends. */
function connectTo(t: TestContext, address: { port: number } | { path: string }): net.Socket {
  const socket = net.connect(address as net.NetConnectOpts);
  t.after(() => socket.destroy());
  return socket;
}
const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

test('a number is a descriptor of this process, and is not looked at', () => {
  assert.deepEqual(fileOf(7), { pid, fd: 7 });
  assert.deepEqual(fileOf(2 ** 31 - 1), { pid, fd: 2 ** 31 - 1 });
  for (const fd of [-1, 0.5, NaN, 2 ** 31]) {
    assert.throws(() => fileOf(fd), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  }
});

test('a FileHandle, until it is closed', async () => {
  const handle = await open(fileURLToPath(import.meta.url));
  assert.equal(linkOf(handle), fileURLToPath(import.meta.url));
  await handle.close();
  isClosed(handle);
});

test('streams of node:fs, from when they are open until they are closed', async () => {
  const written = join(folder, 'written');
  const writer = createWriteStream(written);
  isClosed(writer);
  await once(writer, 'open');
  assert.equal(linkOf(writer), written);
  const reader = createReadStream(written);
  isClosed(reader);
  await once(reader, 'open');
  assert.equal(linkOf(reader), written);
  for (const stream of [reader, writer]) {
    stream.destroy();
    await once(stream, 'close');
    isClosed(stream);
  }
});

test('a server and a socket of node:net, over TCP', async (t) => {
  const server = net.createServer();
  t.after(() => server.close());
  isClosed(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  assert.equal(protocolOf(server), 'TCP');
  isClosed(new net.Socket());
  const client = connectTo(t, { port: portOf(server) });
  const [accepted] = (await once(server, 'connection')) as [net.Socket];
  t.after(() => accepted.destroy());
  if (client.connecting) await once(client, 'connect');
  assert.deepEqual([protocolOf(client), protocolOf(accepted)], ['TCP', 'TCP']);
  assert.equal(new Set([server, client, accepted].map((handle) => fileOf(handle).fd)).size, 3);
  client.destroy();
  await once(client, 'close');
  isClosed(client);
  server.close();
  isClosed(server);
});

test('a server and a socket of node:net, on a path', async (t) => {
  const path = join(folder, 'socket');
  const server = net.createServer().listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const client = connectTo(t, { path });
  await once(client, 'connect');
  for (const handle of [server, client]) assert.match(protocolOf(handle), STREAM);
});

test('a socket that was given its descriptor', (t) => {
  const [fd, other] = libc.socketpair();
  const socket = new net.Socket({ fd });
  t.after(() => (socket.destroy(), libc.close(other)));
  assert.deepEqual(fileOf(socket), { pid, fd });
});

test('servers of node:http, node:https, node:http2 and node:tls', async (t) => {
  const servers = [
    http.createServer(),
    https.createServer(),
    http2.createServer(),
    http2.createSecureServer({}),
    tls.createServer(),
  ];
  for (const server of servers) {
    t.after(() => server.close());
    isClosed(server);
    server.listen(0);
    await once(server, 'listening');
    assert.match(protocolOf(server), /^TCP/);
  }
  assert.equal(new Set(servers.map((server) => fileOf(server).fd)).size, servers.length);
});

test('a TLS socket is the descriptor of what carries it', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const carrier = connectTo(t, { port: portOf(server) });
  const [accepted] = (await once(server, 'connection')) as [net.Socket];
  t.after(() => accepted.destroy());
  if (carrier.connecting) await once(carrier, 'connect');
  const { fd } = fileOf(carrier);
  const secure = tls.connect({ socket: carrier }).on('error', () => {});
  t.after(() => secure.destroy());
  assert.deepEqual(fileOf(secure), { pid, fd });
});

test('a socket of node:dgram, without the warning of its _handle', async () => {
  const warnings: Error[] = [];
  const keep = (warning: Error): void => void warnings.push(warning);
  process.on('warning', keep);
  const socket = createSocket('udp4');
  isClosed(socket);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  assert.equal(protocolOf(socket), 'UDP');
  socket.close();
  await once(socket, 'close');
  isClosed(socket);
  await new Promise(setImmediate);
  process.off('warning', keep);
  assert.deepEqual(warnings, []);
});

test('the streams of a child, and its channel', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'ipc'] });
  const streams = [child.stdin, child.stdout, child.stderr, child.stdio[3]] as object[];
  for (const [fd, stream] of streams.entries()) {
    // libuv gives the child one end of a socket pair.
    assert.match(protocolOf(stream), STREAM, `stdio ${fd}`);
  }
  const all = [...streams, child.channel as object].map((handle) => fileOf(handle).fd);
  assert.equal(new Set(all).size, 5);
  assert.throws(() => fileOf(child), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  child.kill();
  await once(child, 'close');
  for (const stream of streams.slice(1)) isClosed(stream);
});

test('the streams of this process, whatever they are', () => {
  assert.deepEqual(
    [process.stdin, process.stdout, process.stderr].map((stream) => fileOf(stream)),
    [0, 1, 2].map((fd) => ({ pid, fd })),
  );
});

test('a stream of node:tty', (t) => {
  const [master, terminal] = openTty();
  const name = readlinkSync(`/proc/self/fd/${terminal}`);
  const stream = new tty.WriteStream(terminal);
  t.after(() => (stream.destroy(), closeSync(master)));
  assert.equal(linkOf(stream), name);
});

test('a worker thread has no streams of its own', async () => {
  const worker = new Worker('0', { eval: true, stdout: true });
  isNotTold(worker.stdout);
  assert.throws(() => fileOf(worker), { code: 'ERR_INVALID_ARG_TYPE' });
  await once(worker, 'exit');
});

test('what has no name of its kind is refused all the same', () => {
  const broken = [{ get: () => assert.fail('read') }, { value: { name: Symbol('no text') } }, { value: undefined }].map(
    (kind) => Object.defineProperty({ pipe: () => {} }, 'constructor', kind),
  );
  for (const handle of broken) isNotTold(handle);
});

test('TLS over a stream that is no socket has none', () => {
  const secure = new tls.TLSSocket(new Duplex({ read() {}, write: (_, __, done) => done() }) as net.Socket);
  isNotTold(secure);
  secure.destroy();
});

test("a server in a cluster's worker is the primary's", { timeout: 60_000 }, async () => {
  const program = join(folder, 'cluster.mjs');
  writeFileSync(
    program,
    `import cluster from 'node:cluster'; import net from 'node:net';
     import { fileOf } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)};
     if (cluster.isPrimary) { const worker = cluster.fork(); worker.on('message', (text) => { process.send(text); worker.kill(); }); }
     else { const server = net.createServer().listen(0, '127.0.0.1', () => {
       try { process.send(JSON.stringify(fileOf(server))); } catch ({ code }) { process.send(code); } }); }`,
  );
  const primary = fork(program, { execArgv: ['--import', import.meta.resolve('tsx')] });
  const [code] = (await once(primary, 'message')) as [string];
  primary.kill();
  await once(primary, 'exit');
  assert.equal(code, 'ERR_NO_DESCRIPTOR');
});

test('what carries no descriptor is told apart from what is no handle', () => {
  isNotTold(Readable.from(['x']));
  for (const value of [
    undefined,
    null,
    '1',
    {},
    [],
    { pid, fd: 1 },
    { fd: 'x' },
    new Date(),
    () => 1,
    Symbol('s'),
    1n,
  ]) {
    assert.throws(() => fileOf(value as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  }
  const cause = new Error('mine');
  const throwing = {
    get fd(): number {
      throw cause;
    },
  };
  assert.throws(() => fileOf(throwing), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', cause });
});

test('what it names can be asked about', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
  const report = findHolders(fileOf(child.stdout), { pids: [pid] });
  assert.equal(report.kind, 'socket');
  child.kill();
  await once(child, 'close');
});
