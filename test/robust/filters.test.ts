/** Under real seccomp filters: what the inspectors and the command still answer, and what they leave open. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type * as cli from '../cli/command.ts';
import { startChild, type Child } from '../support/child.ts';

const COMMAND = new URL('../cli/command.ts', import.meta.url).href;

/** `kcmp …` in a child, where the filter is. */
const command = (child: Child, ...args: Array<string | number>): Promise<cli.Result> =>
  child.run(
    async (_, source: string, args: Array<string | number>) => {
      const { kcmp } = (await import(source)) as typeof cli;
      return kcmp(...args);
    },
    COMMAND,
    args,
  );

interface Scene {
  socket: number;
  copy: number;
  peer: number;
  efd: number;
  event: number;
  eventCopy: number;
  eventEfd: number;
}

const sleepers: Child[] = [];
after(() => Promise.all(sleepers.map((child) => child.stop())));

for (const code of ['EPERM', 'ENOSYS'] as const) {
  describe(`under a filter that answers ${code}`, () => {
    let child: Child;
    let scene: Scene;
    before(async () => {
      child = await startChild();
      sleepers.push(child);
      scene = await child.run(({ libc, seccomp }, code: 'EPERM') => {
        const [socket, peer] = libc.socketpair();
        const copy = libc.dup(socket);
        const efd = libc.epollCreate();
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, socket);
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, peer);
        const event = libc.eventfd();
        const eventCopy = libc.dup(event);
        const eventEfd = libc.epollCreate();
        libc.epollCtl(eventEfd, libc.EPOLL_CTL_ADD, event);
        libc.close(event);
        seccomp.refuseKcmp(code);
        return { socket, copy, peer, efd, event, eventCopy, eventEfd };
      }, code as 'EPERM');
    });

    test('findHolders names every holder of a socket, and only those', async () => {
      const { socket, copy } = scene;
      const report = await child.run(
        ({ door }, fd: number) => door.findHolders({ pid: process.pid, fd }, { pids: [process.pid] }),
        socket,
      );
      assert.deepEqual(
        report.holders.map(({ fd }) => fd).sort((a, b) => a - b),
        [socket, copy],
      );
      assert.deepEqual(report.sameInode, []);
    });

    test('groupFiles makes a group of every socket', async () => {
      const { socket, copy, peer } = scene;
      const { groups } = await child.run(({ door }) => door.groupFiles({ pids: [process.pid] }));
      const sets = groups.map(({ holders }) => holders.map(({ fd }) => fd));
      assert.ok(
        sets.some((set) => `${set}` === `${[socket, copy]}`),
        JSON.stringify(groups),
      );
      assert.ok(!sets.some((set) => set.includes(peer)));
    });

    test('resolveEpoll resolves sockets by their inodes, and says so', async () => {
      const { efd, socket, copy, peer } = scene;
      const { targets } = await child.run(
        ({ door }, efd: number) => door.resolveEpoll(process.pid, efd, { pids: [process.pid] }),
        efd,
      );
      const said = targets.map(({ tfd, status, via, holders }) => ({
        tfd,
        status,
        via,
        holders: holders.map(({ fd }) => fd),
      }));
      assert.deepEqual(
        said,
        [
          { tfd: socket, status: 'live', via: 'socket-inode', holders: [socket, copy] },
          { tfd: peer, status: 'live', via: 'socket-inode', holders: [peer] },
        ].sort((a, b) => targets.findIndex(({ tfd }) => tfd === a.tfd) - targets.findIndex(({ tfd }) => tfd === b.tfd)),
      );
    });

    test('a target whose inode decides nothing is unreadable, not gone', async () => {
      const { targets, coverage } = await child.run(
        ({ door }, efd: number) => door.resolveEpoll(process.pid, efd, { pids: [process.pid] }),
        scene.eventEfd,
      );
      assert.deepEqual(
        targets.map(({ status, reason }) => [status, reason]),
        [['unresolved', 'unreadable']],
      );
      assert.ok(coverage.skipped.some((one) => one.code === code && one.unit === 'descriptor'));
    });

    test('a descriptor that may be any of several targets is counted once', async () => {
      const { coverage, count } = await child.run(async ({ door, libc }) => {
        const efd = libc.epollCreate();
        const events = Array.from({ length: 20 }, () => libc.eventfd());
        for (const fd of events) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
        const { coverage } = await door.resolveEpoll(process.pid, efd, { pids: [process.pid] });
        for (const fd of [efd, ...events]) libc.close(fd);
        return { coverage, count: events.length };
      });
      const skipped = coverage.skipped.reduce((sum, { count }) => sum + count, 0);
      assert.ok(skipped >= count && skipped <= coverage.descriptors, `${skipped} of ${coverage.descriptors}`);
    });

    test('findInherited counts only what it would have had to compare', async () => {
      const outcome = await child.run(async ({ door, childProcess, fs, libc }) => {
        // Whoever started this process may have left descriptors in it.
        libc.closeAllOnExec();
        const clean = childProcess.spawn('sleep', ['100'], { stdio: 'ignore' });
        const socket = fs
          .readdirSync('/proc/self/fd')
          .map(Number)
          .find((fd) => fd > 2 && fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')) as number;
        const leaky = childProcess.spawn('sleep', ['100'], { stdio: ['ignore', 'ignore', 'ignore', socket] });
        const event = childProcess.spawn('sleep', ['100'], { stdio: ['ignore', 'ignore', 'ignore', libc.eventfd()] });
        await Promise.all(
          [clean, leaky, event].map((sleeper) => new Promise((resolve) => sleeper.once('spawn', resolve))),
        );
        const reports = await Promise.all([clean, leaky, event].map(({ pid }) => door.findInherited(pid as number)));
        for (const sleeper of [clean, leaky, event]) sleeper.kill();
        return reports.map(({ inherited, coverage }) => [inherited.map(({ fd }) => fd), coverage.skipped.length > 0]);
      });
      assert.deepEqual(outcome, [
        [[], false],
        [[3], false],
        [[], true],
      ]);
    });

    test('identifyFiles tells two descriptors of its own process apart, or leaves it open', async () => {
      const { eventCopy, socket, copy, peer } = scene;
      const answers = await child.run(
        ({ door, libc }, fds: number[]) => {
          const [eventCopy, socket, copy, peer] = fds as [number, number, number, number];
          const other = libc.eventfd();
          const again = libc.dup(eventCopy);
          const { pid } = process;
          const pairs = [
            [eventCopy, again],
            [eventCopy, other],
            [socket, copy],
            [socket, peer],
          ] as const;
          return Promise.all(pairs.map(([a, b]) => door.identifyFiles({ pid, fd: a }, { pid, fd: b })));
        },
        [eventCopy, socket, copy, peer],
      );
      const expected = ['same', 'different', 'same', 'different'];
      for (const [index, { relation, via }] of answers.entries()) {
        // F_DUPFD_QUERY came with Linux 6.10; before it, eventfds are all on one inode.
        if (via === 'dupfd-query') assert.equal(relation, expected[index]);
        else assert.equal(relation, index < 2 ? 'unknown' : expected[index]);
      }
    });

    test('kcmp doctor names the cause, what works all the same and the remedy, and is 1', async () => {
      const { code: exit, out } = await command(child, 'doctor');
      assert.equal(exit, 1);
      assert.match(out, code === 'EPERM' ? /a seccomp filter blocks kcmp/ : /kcmp +missing/);
      assert.match(out, /sockets.* can be told all the same/);
      assert.match(out, code === 'EPERM' ? /--security-opt seccomp/ : /CONFIG_KCMP=y/);
    });

    test('kcmp same, kcmp epoll and kcmp who are right about sockets', async () => {
      const { pid } = child;
      const { socket, copy, peer, efd } = scene;
      assert.equal((await command(child, 'same', `${pid}:${socket}`, `${pid}:${copy}`)).code, 0);
      assert.equal((await command(child, 'same', `${pid}:${socket}`, `${pid}:${peer}`)).code, 1);
      const epoll = await command(child, 'epoll', `${pid}:${efd}`, '--json');
      assert.match(epoll.out, /"live"/);
      assert.doesNotMatch(epoll.out, /"unresolved"/);
      const who = await command(child, 'who', `${pid}:${socket}`, '--json');
      assert.match(who.out, new RegExp(`"fd": ?${copy}\\b`));
    });

    test('kcmp same on what nobody can know is 2, never a guess', async () => {
      const other = await startChild();
      sleepers.push(other);
      const theirs = await other.run(({ libc }) => libc.eventfd());
      const { code: exit, out } = await command(
        child,
        'same',
        `${child.pid}:${scene.eventCopy}`,
        `${other.pid}:${theirs}`,
      );
      assert.deepEqual([exit, out.includes('same ')], [2, false]);
    });
  });
}

test('where statx is refused as well, sockets and pipes are told by their links, and what has a path is left open', async () => {
  await using child = await startChild();
  const answers = await child.run(({ fs, door, libc, seccomp }) => {
    const { pid } = process;
    const [socket, peer] = libc.socketpair();
    const [read] = libc.pipe();
    const [other] = libc.pipe();
    const file = fs.openSync('/dev/null', 'r');
    const again = fs.openSync('/dev/zero', 'r');
    for (const name of ['kcmp', 'statx', 'fcntl'] as const) seccomp.refuse(name, 'EPERM');
    const pairs = [
      [socket, libc.dup(socket)],
      [socket, peer],
      [read, other],
      [socket, read],
      [read, libc.dup(read)],
      [file, again],
    ] as const;
    return Promise.all(
      pairs.map(async ([a, b]) => {
        const { relation, via } = await door.identifyFiles({ pid, fd: a }, { pid, fd: b });
        return `${relation}, ${via}`;
      }),
    );
  });
  const different = 'different, different-inode';
  assert.deepEqual(answers, ['same, socket-inode', different, different, different, 'unknown, none', 'unknown, none']);
});

test('kcmp doctor survives a filter that kills whoever calls kcmp', async () => {
  await using child = await startChild();
  await child.run(({ seccomp }) => seccomp.killOnKcmp());
  const { code, out } = await command(child, 'doctor');
  assert.equal(code, 2);
  assert.match(out, /kills every process that calls kcmp/);
  assert.equal(await child.run(() => 'alive'), 'alive');
});

// Node itself lists without lseek(2), and reads links by readlink(2) where there is one.
for (const name of ['lseek', ...(process.arch === 'x64' ? (['readlinkat'] as const) : [])] as const) {
  for (const code of ['EPERM', 'ENOSYS'] as const) {
    test(`where ${name} is refused with ${code}, resolveEpoll answers the same by other means`, async () => {
      await using child = await startChild();
      const [before, after] = await child.run(
        async ({ door, libc, seccomp }, name: 'lseek', code: 'EPERM') => {
          const { pid } = process;
          const [socket, peer] = libc.socketpair();
          const [read] = libc.pipe();
          const event = libc.eventfd();
          const efd = libc.epollCreate();
          for (const fd of [socket, read, event]) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
          libc.dup2(event, 900);
          libc.dup2(event, event + 300);
          libc.close(event);
          libc.dup2(peer, read);
          const resolve = async (): Promise<unknown> => {
            const { instance, targets, stable, coverage } = await door.resolveEpoll(pid, efd, { pids: [pid] });
            const { descriptors, skipped } = coverage;
            return {
              instance,
              targets: targets.map((target) => ({ ...target, data: Number(target.data), ino: Number(target.ino) })),
              stable,
              descriptors,
              skipped,
            };
          };
          const answers = [await resolve()];
          seccomp.refuse(name, code);
          return [...answers, await resolve()];
        },
        name as 'lseek',
        code as 'EPERM',
      );
      assert.deepEqual(after, before);
      assert.match(JSON.stringify(before), /"renumbered"/);
    });
  }
}
