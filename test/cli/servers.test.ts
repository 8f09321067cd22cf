/** The command against servers that nobody here wrote: the same truth as the library. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  groupFiles,
  listEpolls,
  resolveEpoll,
  type EpollReport,
  type GroupReport,
  type HolderReport,
  type OpenReport,
} from '../../src/index.ts';
import { nginxMissing, redisMissing, startNginx, startRedis, type Nginx, type Redis } from '../support/servers.ts';
import { kcmp, kcmpJson } from './command.ts';

describe('nginx', { skip: nginxMissing }, () => {
  let nginx: Nginx;
  before(async () => {
    nginx = await startNginx({ workers: 2 });
  });
  after(() => nginx.stop());

  test('has a listening socket that the master and all workers hold', async () => {
    const pids = [nginx.master, ...nginx.workers];
    const { code, report } = await kcmpJson<GroupReport>('groups', '--tree', nginx.master);
    assert.equal(code, 0);
    assert.deepEqual(report.groups, groupFiles({ pids }).groups);
    const listening = report.groups.find(
      ({ kind, holders }) => kind === 'socket' && new Set(holders.map(({ pid }) => pid)).size === pids.length,
    );
    assert.ok(listening !== undefined, JSON.stringify(report.groups));
    const holder = listening.holders[0];
    const who = await kcmpJson<HolderReport>('who', `${holder?.pid}:${holder?.fd}`);
    assert.equal(who.code, 0);
    const plain = who.report.holders.map(({ pid, fd }) => ({ pid, fd }));
    for (const each of listening.holders) assert.ok(plain.some(({ pid, fd }) => pid === each.pid && fd === each.fd));
  });

  test('is told by its pid with its listener, which its workers have as well, and with --tree in one list', async () => {
    const { code, report } = await kcmpJson<OpenReport>('who', nginx.master);
    assert.equal(code, 0);
    const listener = report.files.find(({ name }) => name === `tcp 127.0.0.1:${nginx.port} listening`);
    assert.deepEqual(new Set(listener?.holders.map(({ pid }) => pid)), new Set([nginx.master, ...nginx.workers]));
    const { out } = await kcmp('who', nginx.master, '--tree');
    assert.match(out, new RegExp(`^${nginx.master} \\(nginx\\) and 2 processes below it have \\d+ descriptors open`));
    assert.match(out, new RegExp(`tcp 127\\.0\\.0\\.1:${nginx.port} listening`));
  });

  test('has workers whose epoll instances have no stale target', async () => {
    for (const worker of nginx.workers) {
      const { code, report, err } = await kcmpJson<EpollReport[]>('epoll', worker, '--check');
      assert.equal(code, 0, err);
      assert.deepEqual(
        report.map(({ efd }) => efd),
        listEpolls(worker),
      );
      for (const { efd, targets } of report) {
        assert.deepEqual(
          targets.map(({ tfd, status }) => [tfd, status]),
          resolveEpoll(worker, efd).targets.map(({ tfd, status }) => [tfd, status]),
        );
      }
    }
  });

  test('has workers that share nothing but descriptors', async () => {
    const { code, out } = await kcmp('tasks', ...nginx.workers);
    assert.equal(code, 1, out);
    assert.match(out, /\bnginx$/m);
  });

  test('has workers that inherit sockets of the master on purpose, and more only if --allow does not say so', async () => {
    assert.equal((await kcmp('inherited', nginx.workers[0] ?? 0)).code, 1);
    assert.equal((await kcmp('inherited', nginx.workers[0] ?? 0, '--allow', '*')).code, 0);
  });
});

describe('redis-server', { skip: redisMissing }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis({ clients: 20 });
  });
  after(() => redis.stop());

  test('has an epoll instance with a live target for every client', async () => {
    const { code, report } = await kcmpJson<EpollReport[]>('epoll', redis.pid, '--check');
    assert.equal(code, 0);
    const live = new Set(
      report.flatMap(({ targets }) => targets.filter(({ status }) => status === 'live').map(({ tfd }) => tfd)),
    );
    for (const fd of (await redis.clientFds()).values()) assert.ok(live.has(fd), `client fd ${fd}`);
  });

  test('is told by its pid with its clients in one line, whose other ends are here', async () => {
    const { code, out } = await kcmp('who', redis.pid, '--all');
    assert.equal(code, 0);
    const gathered = (await kcmp('who', redis.pid)).out;
    assert.match(gathered, new RegExp(`^20 tcp connections of 127\\.0\\.0\\.1:${redis.port}, established`, 'm'));
    assert.equal([...out.matchAll(/ tcp 127\.0\.0\.1:\d+ -> /g)].length, 20);
  });

  test('has threads that share all that the kernel can tell', async () => {
    const { code, out } = await kcmp('tasks', '--threads', redis.pid);
    assert.equal(code, 0, out);
    assert.match(out, /vm, files, fs and sighand/);
  });
});
