/**
 * Servers that nobody here wrote, as subjects: nginx with a master and workers, redis-server with clients.
 * Each runs in the foreground below this process, on a free loopback port, with its files in a directory
 * of its own, as whoever runs the tests; stop() ends it and removes the directory.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import './leash.ts';
import { until } from './until.ts';

const PATIENCE_MS = 30_000;

/** An ordinary user's PATH often lacks the sbin directories, where nginx lives. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Why tests with a program cannot run here, or false. */
export const missing = (name: string): string | false =>
  findProgram(name) === undefined ? `${name} is not installed` : false;

/** Why tests with nginx cannot run here, or false; for a test's `skip`. */
export const nginxMissing: string | false = missing('nginx');
/** Why tests with redis-server cannot run here, or false. */
export const redisMissing: string | false = missing('redis-server');

/** A port that was free a moment ago; the server's own bind decides, and {@link launch} tries again. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One exchange on a new connection; undefined while nobody answers. */
async function ask(port: number, request: string): Promise<string | undefined> {
  const socket = net.connect(port, '127.0.0.1').setTimeout(1000, () => socket.destroy());
  try {
    socket.write(request);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

interface Launched {
  process: ChildProcess;
  port: number;
  dir: string;
  stop(): Promise<void>;
}

/** Starts a server on a free port and waits until it answers. Gives up after three ports that were taken. */
async function launch(
  name: string,
  setUp: (dir: string, port: number) => string[],
  request: string,
): Promise<Launched> {
  for (let attempt = 1; ; attempt++) {
    const dir = mkdtempSync(join(tmpdir(), `kcmp-${name}-`));
    const port = await freePort();
    const server = spawn(findProgram(name) ?? name, setUp(dir, port), { stdio: ['ignore', 'pipe', 'pipe'], cwd: dir });
    let output = '';
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (output += chunk));
    const ended = new Promise<void>((resolve) => server.on('exit', () => resolve()).on('error', () => resolve()));
    // Should the test process end without stop(), its server must not stay behind.
    const endNow = (): boolean => server.kill('SIGTERM');
    process.once('exit', endNow);
    const stop = async (): Promise<void> => {
      process.off('exit', endNow);
      endNow();
      const patience = setTimeout(() => server.kill('SIGKILL'), PATIENCE_MS);
      if (server.exitCode === null && server.signalCode === null) await ended;
      clearTimeout(patience);
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    };
    const up = until(`${name} answers on port ${port}`, () => ask(port, request)).then(
      () => true,
      () => false,
    );
    if (await Promise.race([up, ended.then(() => false)])) return { process: server, port, dir, stop };
    await stop();
    if (attempt === 3) throw new Error(`${name} did not start: ${output}`);
  }
}

/** The children of a process, by /proc/PID/stat; its name field may hold anything, so split after the last `)`. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!(pid > 0)) return false;
      try {
        return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').at(-1)?.split(' ')[2]) === parent;
      } catch {
        return false;
      }
    });
}

export interface Nginx {
  master: number;
  workers: number[];
  port: number;
  /** A unix socket that they listen on as well, and the log of what was asked. */
  path: string;
  log: string;
  stop(): Promise<void>;
}

/** nginx with a master and workers that all accept on one listening socket. */
export async function startNginx({ workers = 3 }: { workers?: number } = {}): Promise<Nginx> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const server = await launch(
    'nginx',
    (dir, port) => {
      writeFileSync(
        join(dir, 'nginx.conf'),
        `
      daemon off; master_process on; worker_processes ${workers};
      pid ${dir}/pid; error_log ${dir}/error.log;
      events { use epoll; worker_connections 256; }
      http {
        access_log ${dir}/access.log; keepalive_timeout 300s;
        ${temporary.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')}
        server { listen 127.0.0.1:${port}; listen unix:${dir}/nginx.sock; return 200 "hello"; }
      }`,
      );
      return ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')];
    },
    'GET / HTTP/1.0\r\n\r\n',
  );
  const master = server.process.pid as number;
  // A worker takes this title once its event loop is set up.
  const isReady = (pid: number): boolean =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('nginx: worker process');
  const ready = await until(`nginx has ${workers} workers`, () => {
    const children = childrenOf(master);
    return children.length === workers && children.every(isReady) ? children : undefined;
  }).catch(async (error) => {
    await server.stop();
    throw error;
  });
  const [path, log] = [join(server.dir, 'nginx.sock'), join(server.dir, 'access.log')];
  return { master, workers: ready, port: server.port, path, log, stop: server.stop };
}

export interface RedisClient {
  socket: net.Socket;
  /** This end's port, by which redis names the client. */
  port: number;
}

export interface Redis {
  pid: number;
  port: number;
  clients: RedisClient[];
  /** The descriptor that redis itself says it has for each client, by the client's port. */
  clientFds(): Promise<Map<number, number>>;
  /** Disconnects the clients and ends the server. */
  stop(): Promise<void>;
}

/** A client that redis has accepted: it has answered. */
async function connectToRedis(port: number): Promise<RedisClient> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('PING\r\n');
  await once(socket, 'data');
  return { socket, port: socket.localPort as number };
}

/** redis-server, nothing saved, with clients of this very process. */
export async function startRedis({ clients = 300 }: { clients?: number } = {}): Promise<Redis> {
  const server = await launch(
    'redis-server',
    (dir, port) => [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'no',
      '--daemonize',
      'no',
    ],
    'PING\r\n',
  );
  const connected = await Promise.all(Array.from({ length: clients }, () => connectToRedis(server.port))).catch(
    async (error) => {
      await server.stop();
      throw error;
    },
  );
  return {
    pid: server.process.pid as number,
    port: server.port,
    clients: connected,
    async clientFds() {
      const { socket } = connected[0] ?? (await connectToRedis(server.port));
      let answer = '';
      const collect = (chunk: Buffer): string => (answer += chunk);
      socket.on('data', collect);
      socket.write('CLIENT LIST\r\n');
      // The answer is "$LENGTH\r\n", so many bytes, and "\r\n".
      await until('redis has answered to CLIENT LIST', () => {
        const [head = ''] = answer.split('\r\n', 1);
        return answer.length >= head.length + Number(head.slice(1)) + 4;
      });
      socket.off('data', collect);
      const lines = answer.matchAll(/ addr=127\.0\.0\.1:(\d+) .*?\bfd=(\d+) /g);
      return new Map([...lines].map(([, port, fd]) => [Number(port), Number(fd)]));
    },
    async stop() {
      for (const { socket } of connected) socket.destroy();
      await server.stop();
    },
  };
}
