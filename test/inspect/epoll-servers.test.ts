/** resolveEpoll on servers that nobody here wrote, with every process of /proc looked at. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type EpollReport, listEpolls } from '../../src/inspect/epoll.ts';
import { assertTrue, refs } from '../support/brute.ts';
import { resolveEpoll } from '../support/door.ts';
import { nginxMissing, redisMissing, startNginx, startRedis, type Nginx, type Redis } from '../support/servers.ts';

/** The inode of the socket that listens on a loopback port, as /proc/net/tcp has it. */
function listeningInode(port: number): bigint {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const row = rows.find(([, local, , state]) => local === address && state === '0A');
  return BigInt(row?.[9] ?? 0);
}

/** The report on the one epoll instance of a server's process. */
async function resolveLoop(pid: number): Promise<EpollReport> {
  const [efd, ...others] = listEpolls(pid);
  assert.ok(efd !== undefined && others.length === 0);
  return resolveEpoll(pid, efd);
}

const notLive = ({ targets }: EpollReport): unknown[] => targets.filter(({ status }) => status !== 'live');

describe('nginx with a master and three workers', { skip: nginxMissing }, () => {
  let nginx: Nginx;
  before(async () => {
    nginx = await startNginx({ workers: 3 });
  });
  after(() => nginx?.stop());

  test('every worker’s listening socket resolves to the master and all workers', async () => {
    const inode = listeningInode(nginx.port);
    for (const worker of nginx.workers) {
      const listening = (await resolveLoop(worker)).targets.filter(({ ino }) => ino === inode);
      assert.deepEqual(
        listening.map(({ status }) => status),
        ['live'],
      );
      const pids = refs(listening.flatMap(({ holders }) => holders)).map(({ pid }) => pid);
      assert.deepEqual(
        pids,
        [nginx.master, ...nginx.workers].sort((a, b) => a - b),
      );
    }
  });

  test('every target of every worker resolves, and each holder is right', async () => {
    for (const worker of nginx.workers) {
      const report = await resolveLoop(worker);
      assert.ok(report.targets.length >= 2);
      assert.deepEqual(notLive(report), []);
      assertTrue(report, [nginx.master, ...nginx.workers]);
    }
  });

  test('a connection that is kept open is a target of exactly one worker, which alone holds it', async () => {
    const before = await Promise.all(nginx.workers.map(resolveLoop));
    const socket = net.connect(nginx.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    await once(socket, 'data');
    const reports = await Promise.all(nginx.workers.map(resolveLoop));
    const added = reports.flatMap(({ targets }, i) =>
      Array.from({ length: targets.length - (before[i]?.targets.length ?? 0) }, () => i),
    );
    assert.equal(added.length, 1);
    const { pid, targets } = reports[added[0] as number] as EpollReport;
    const inode = listeningInode(nginx.port);
    const connections = targets.filter(
      ({ ino, holders }) => ino !== inode && holders.length === 1 && holders[0]?.pid === pid,
    );
    assert.ok(connections.some(({ numberNow, status }) => status === 'live' && numberNow?.startsWith('socket:')));
    socket.destroy();
  });
});

describe('redis-server with 300 clients', { skip: redisMissing }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis({ clients: 300 });
  });
  after(() => redis?.stop());

  test('each client resolves to exactly the descriptor that redis itself names', async () => {
    const fdOf = await redis.clientFds();
    const { targets, stable } = await resolveLoop(redis.pid);
    assert.equal(redis.clients.length, 300);
    for (const { port } of redis.clients) {
      const fd = fdOf.get(port) as number;
      const found = targets.filter(({ tfd }) => tfd === fd).map(({ status, holders }) => ({ status, holders }));
      assert.deepEqual(found, [{ status: 'live', holders: [{ pid: redis.pid, fd }] }]);
    }
    assert.equal(stable, true);
  });

  test('nothing is unresolved, and each holder is right', async () => {
    const report = await resolveLoop(redis.pid);
    assert.ok(report.targets.length > 300);
    assert.deepEqual(notLive(report), []);
    assertTrue(report, [redis.pid]);
  });
});
