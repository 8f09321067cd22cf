/** kcmp epoll: what an epoll instance watches, told to somebody who has never heard of stale targets. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { listEpolls, resolveEpoll, type EpollReport } from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { kcmp, kcmpIn, kcmpJson, mask, type Result, squeeze } from './command.ts';

const dotMissing = spawnSync('dot', ['-V']).status === 0 ? false : 'dot (graphviz) is not installed';

interface Scene {
  efd: number;
  live: number;
  /** Registered, duplicated, closed. */
  closed: number;
  copyOfClosed: number;
  /** Registered, duplicated, and another file today. */
  reused: number;
  copyOfReused: number;
  links: Record<string, string>;
}

let child: Child;
let scene: Scene;
/** An epoll instance whose only target is what it seems. */
let cleanEfd: number;
before(async () => {
  child = await startChild();
  [scene, cleanEfd] = await child.run(({ fs, libc, keep }) => {
    fs.writeFileSync('/proc/self/comm', 'server');
    const [live, other] = libc.pipe();
    const closed = libc.eventfd();
    const reused = libc.timerfd();
    const efd = libc.epollCreate();
    for (const fd of [live, closed, reused])
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN, 0xffffffffffffffffn);
    const cleanEfd = libc.epollCreate();
    libc.epollCtl(cleanEfd, libc.EPOLL_CTL_ADD, live);
    const copyOfClosed = libc.dup(closed);
    const copyOfReused = libc.dup(reused);
    libc.dup2(other, reused);
    libc.close(closed); // last, since whatever is opened next takes the number
    keep['efd'] = efd;
    const links = Object.fromEntries(
      [live, reused, copyOfReused].map((fd) => [fd, fs.readlinkSync(`/proc/self/fd/${fd}`)]),
    );
    return [{ efd, live, closed, copyOfClosed, reused, copyOfReused, links }, cleanEfd] as [Scene, number];
  });
});
after(() => child.stop());

const names = (): Record<string, string | number> => ({
  PIPE: scene.links[scene.live] ?? '',
  CHILD: child.pid,
  EFD: scene.efd,
  LIVE: scene.live,
  CLOSED: scene.closed,
  COPY1: scene.copyOfClosed,
  REUSED: scene.reused,
  COPY2: scene.copyOfReused,
});

test('the text says how many are stale, then every target in a table', async () => {
  const { code, out } = await kcmp('epoll', `${child.pid}:${scene.efd}`);
  assert.equal(code, 0);
  const lines = squeeze(mask(out, names()))
    .split('\n')
    .map((line) => line.trim());
  assert.equal(lines[0], 'fd EFD of CHILD (server) is an epoll instance with 3 targets: 1 live and 2 stale.');
  assert.equal(lines[2], 'TFD  EVENTS  STATE  TARGET  HOLDERS');
  assert.deepEqual(lines.slice(3, 6).sort(), [
    'CLOSED  IN  renumbered  anon_inode:[eventfd]  CHILD:COPY1',
    'LIVE  IN  live  PIPE  CHILD:LIVE',
    'REUSED  IN  renumbered, number reused  anon_inode:[timerfd]  CHILD:COPY2',
  ]);
});

test('a stale target is explained by its number, what that is today, and who keeps the old file', async () => {
  const { out } = await kcmp('epoll', `${child.pid}:${scene.efd}`);
  const text = mask(out, names());
  assert.ok(
    text.includes(
      'Target CLOSED is stale: it watches anon_inode:[eventfd], registered when fd CLOSED was that file. ' +
        'Fd CLOSED of CHILD (server) is closed today, but fd COPY1 of CHILD (server) (CHILD:COPY1) keeps that file open, ' +
        'so epoll instance EFD goes on reporting its events under number CLOSED.\n',
    ),
    text,
  );
  assert.ok(text.includes('Fd REUSED of CHILD (server) is another file today, PIPE, but fd COPY2'), text);
});

test('--check is 1 when a target is stale, and 0 when none is', async () => {
  assert.equal((await kcmp('epoll', `${child.pid}:${scene.efd}`, '--check')).code, 1);
  const clean = await kcmp('epoll', `${child.pid}:${cleanEfd}`, '--check');
  assert.equal(clean.code, 0);
  assert.match(clean.out, /is an epoll instance with 1 target: 1 live\.\n/);
});

test('--json of one instance is the report of resolveEpoll, with data in hex', async () => {
  const { code, report } = await kcmpJson<EpollReport>('epoll', `${child.pid}:${scene.efd}`);
  assert.equal(code, 0);
  const expected = resolveEpoll(child.pid, scene.efd);
  assert.deepEqual(
    report.targets,
    expected.targets.map((target) => ({ ...target, data: '0xffffffffffffffff', ino: `${target.ino}` })),
  );
  assert.deepEqual(
    [report.pid, report.efd, report.stable, report.instance],
    [expected.pid, expected.efd, true, expected.instance],
  );
  assert.deepEqual(Object.keys(report.coverage).sort(), ['descriptors', 'processes', 'skipped', 'tasks']);
});

test('a pid alone shows every epoll instance of the process, as a list in JSON', async () => {
  const { code, report } = await kcmpJson<EpollReport[]>('epoll', child.pid);
  assert.equal(code, 0);
  assert.deepEqual(
    report.map(({ efd }) => efd),
    listEpolls(child.pid),
  );
  const { out } = await kcmp('epoll', child.pid);
  assert.equal(out.match(/ is an epoll instance with /g)?.length, report.length);
  assert.equal((await kcmp('epoll', child.pid, '--check')).code, 1);
});

test('a process without one is 1, and nothing that --check could call clean', async () => {
  const sleeper = await child.run(({ childProcess, libc, keep }) => {
    libc.closeAllOnExec();
    keep['sleep'] = childProcess.spawn('sleep', ['1000'], { stdio: 'ignore' });
    return (keep['sleep'] as { pid: number }).pid;
  });
  try {
    const { code, out } = await kcmp('epoll', sleeper);
    assert.equal(code, 1);
    assert.equal(mask(out, { PID: sleeper }), 'PID (sleep) has no epoll instance.\n');
    assert.equal((await kcmp('epoll', sleeper, '--check')).code, 1);
    assert.deepEqual((await kcmpJson('epoll', sleeper)).report, []);
  } finally {
    process.kill(sleeper);
  }
});

test('a descriptor that is no epoll instance is 2, and says so', async () => {
  const { code, out, err } = await kcmp('epoll', `${child.pid}:${scene.live}`);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^kcmp: .*(not|no) an? ?epoll instance/);
});

test('--graph dot is a graph that dot itself draws, stale targets dashed', { skip: dotMissing }, async () => {
  const { code, out } = await kcmp('epoll', `${child.pid}:${scene.efd}`, '--graph', 'dot');
  assert.equal(code, 0);
  const { status, stderr } = spawnSync('dot', ['-Tsvg'], { input: out, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(out.match(/style=dashed/g)?.length, 2);
  const all = await kcmp('epoll', child.pid, '--graph', 'dot');
  assert.equal(spawnSync('dot', ['-Tsvg'], { input: all.out }).status, 0);
});

test('--graph mermaid has dashed arrows to stale targets', async () => {
  const { out } = await kcmp('epoll', `${child.pid}:${scene.efd}`, '--graph', 'mermaid');
  assert.match(out, /^flowchart LR\n/);
  assert.match(out, new RegExp(`^  e${scene.efd} --> *\\|"tfd ${scene.live} live"\\| e${scene.efd}t\\d$`, 'm'));
  assert.match(out, new RegExp(`^  e${scene.efd} -.->\\|"tfd ${scene.closed} renumbered"\\| e${scene.efd}t\\d$`, 'm'));
});

test('under a filter like that of containers, sockets still resolve, and what stays undecided is 2 for --check', async () => {
  await using filtered = await startChild();
  const efds = await filtered.run(({ libc, seccomp }) => {
    const socket = libc.socketpair()[0];
    const eventfd = libc.eventfd();
    const [sockets, mixed] = [libc.epollCreate(), libc.epollCreate()];
    for (const efd of [sockets, mixed]) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, socket);
    libc.epollCtl(mixed, libc.EPOLL_CTL_ADD, eventfd);
    seccomp.refuseKcmp('EPERM');
    return { sockets, mixed };
  });
  const check = (efd: number): Promise<Result> => kcmpIn(filtered, 'epoll', `${filtered.pid}:${efd}`, '--check');
  const { code, out, err } = await check(efds.mixed);
  const sockets = await check(efds.sockets);
  assert.equal(sockets.code, 0, sockets.err);
  assert.match(sockets.out, /is an epoll instance with 1 target: 1 live\.\n/);
  assert.equal(code, 2);
  assert.match(out, /is an epoll instance with 2 targets: 1 live and 1 undecided\.\n/);
  assert.match(err, /^kcmp: 1 target could not be decided: .*; see kcmp doctor\n$/m);
});

test('an instance that is closed meanwhile does not take the reports of the others along', async () => {
  await using restless = await startChild();
  const steady = await restless.run(({ libc }) => {
    const efd = libc.epollCreate();
    let brief = -1;
    setInterval(() => {
      if (brief === -1) brief = libc.epollCreate();
      else brief = libc.close(brief) - 1;
    }, 1);
    return efd;
  });
  for (let i = 0; i < 40; i++) {
    const { code, out, err } = await kcmp('epoll', restless.pid);
    assert.equal(code, 0, err);
    assert.match(out, new RegExp(`^fd ${steady} of `, 'm'));
  }
});

test('a file that is watched under two numbers is one node of a graph', async () => {
  const efd = await child.run(({ libc }) => {
    const [efd, fd] = [libc.epollCreate(), libc.eventfd()];
    for (const number of [fd, libc.dup(fd)]) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number);
    return efd;
  });
  const { out } = await kcmp('epoll', `${child.pid}:${efd}`, '--graph', 'mermaid');
  assert.equal(out.match(/^ +e\d+t\d+\(/gm)?.length, 1, out);
  assert.equal(out.match(/ e\d+ -->/g)?.length, 2, out);
});

test('who else has the instance is told, and whose number a target has', async () => {
  const efd = libc.closeOnExec(libc.epollCreate());
  const beside = Array.from({ length: 40 }, () => openSync('/dev/null', 'r'));
  try {
    await using other = await startChild({ fds: [efd] });
    const tfd = await other.run(({ libc }) => {
      const [fd] = libc.pipe();
      libc.epollCtl(4, libc.EPOLL_CTL_ADD, fd);
      return fd;
    });
    const { out } = await kcmp('epoll', `${process.pid}:${efd}`);
    const [pid, name] = [other.pid, `${other.pid} \\([^)]*\\)`];
    assert.match(
      out,
      new RegExp(`^fd ${efd} of \\d+ \\(.*\\) is an epoll instance, shared with ${name}, with 1 target: 1 stale\\.`),
    );
    assert.match(
      out,
      new RegExp(
        `registered when fd ${tfd} of whoever did so was that file, as fd ${tfd} of ${name} still is\\. Fd ${tfd} of ${process.pid} `,
      ),
    );
    assert.ok(out.includes(`${pid}:${tfd}`));
  } finally {
    for (const fd of [efd, ...beside]) closeSync(fd);
  }
});

test('of one that was to report once, and has, it is not said that it goes on', async () => {
  const [read, write] = libc.pipe();
  const efd = libc.epollCreate();
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read, (libc.EPOLLIN | 0x40000000) >>> 0);
  const kept = libc.dup(read);
  libc.write(write, new Uint8Array(1));
  const ready = libc.libc('int epoll_wait(int, void *, int, int)')(efd, Buffer.alloc(16), 1, 1000);
  closeSync(read);
  const { out } = await kcmp('epoll', `${process.pid}:${efd}`);
  for (const fd of [write, efd, kept]) closeSync(fd);
  assert.equal(ready, 1);
  assert.match(out, /so epoll instance \d+ keeps it, and reports nothing of it until it is armed again, under number/);
});
