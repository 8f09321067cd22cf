/** findOpen by a port, an abstract name, a unix socket's path, or a socket's inode. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FoundFile, OpenReport } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders, findOpen } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';
import { startThread } from '../support/scenes.ts';
import { AS_NOBODY, needsRoot, ORDINARY } from '../support/user.ts';

const { pid } = process;
const { DGRAM, inetAddress, STREAM, unixAddress } = sockets;
const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-open-sockets-')));
after(() => {
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const ask = (reference: string, others: number[] = []): Promise<OpenReport> =>
  findOpen(reference, { pids: [pid, ...others] });
/** Of each description its name and the descriptors that refer to it. */
const told = ({ files }: { files: FoundFile[] }): Array<[string | null, number[]]> =>
  files.map(({ name, holders }) => [name, refs(holders).map(({ fd }) => fd)]);

const listen = (address: string, port = 0): { fd: number; port: number } => {
  const fd = fds.add(sockets.listener(STREAM, inetAddress({ address, port })));
  return { fd, port: sockets.portOf(fd) };
};
const connect = (address: string, port: number): number =>
  fds.add(sockets.client(STREAM, inetAddress({ address, port })));
/** What this process itself has on a port, as a connection's other end may have the same. */
const localPort = (fd: number): number => sockets.portOf(fd);

test('a port tells who listens, whoever it was handed to', async () => {
  const { fd, port } = listen('127.0.0.1');
  await using child = await startChild({ fds: [fd] });
  const { files, elsewhere, unheld } = await ask(`:${port}`, [child.pid]);
  const [file] = files as [FoundFile];
  assert.deepEqual(
    refs(file.holders),
    refs([
      { pid, fd },
      { pid: child.pid, fd: 4 },
    ]),
  );
  assert.deepEqual([file.kind, file.isConnection, file.uid], ['socket', false, process.getuid?.()]);
  assert.deepEqual([elsewhere, unheld], [[], []]);
});

test('a port is of TCP and UDP, unless one of them is asked for', async () => {
  const { fd, port } = listen('127.0.0.1');
  const udp = fds.add(sockets.socket(sockets.AF_INET, DGRAM));
  sockets.bind(udp, inetAddress({ address: '127.0.0.1', port }));
  const tcp = [[`tcp 127.0.0.1:${port} listening`, [fd]]];
  const both = [...tcp, [`udp 127.0.0.1:${port}`, [udp]]];
  for (const reference of [`:${port}`, `127.0.0.1:${port}`, `localhost:${port}`, `0.0.0.0:${port}`, `[::]:${port}`])
    assert.deepEqual(told(await ask(reference)), both, reference);
  for (const reference of [`tcp:${port}`, `${port}/tcp`, `tcp:127.0.0.1:${port}`])
    assert.deepEqual(told(await ask(reference)), tcp, reference);
  assert.deepEqual(told(await ask(`${port}/udp`)), both.slice(1));
  assert.deepEqual(told(await ask(`127.0.0.2:${port}`)), []);
});

test('who listens at all addresses listens at each', async () => {
  const { fd, port } = listen('0.0.0.0');
  const listening = [[`tcp 0.0.0.0:${port} listening`, [fd]]];
  for (const reference of [`127.0.0.1:${port}`, `127.0.0.9:${port}`, `0.0.0.0:${port}`])
    assert.deepEqual(told(await ask(reference)), listening, reference);
  assert.deepEqual(told(await ask(`[::1]:${port}`)), []);
});

test('connections come after who listens; what is not accepted yet nobody holds', async () => {
  const { fd, port } = listen('127.0.0.1');
  const client = connect('127.0.0.1', port);
  const accepted = fds.add(sockets.accept(fd));
  const waiting = connect('127.0.0.1', port);
  const { files, unheld } = await ask(`:${port}`);
  assert.deepEqual(told({ files }), [
    [`tcp 127.0.0.1:${port} listening`, [fd]],
    [`tcp 127.0.0.1:${port} -> 127.0.0.1:${localPort(client)} established`, [accepted]],
  ]);
  assert.deepEqual(
    files.map(({ isConnection }) => isConnection),
    [false, true],
  );
  const name = `tcp 127.0.0.1:${port} -> 127.0.0.1:${localPort(waiting)} established`;
  assert.deepEqual(unheld, [{ name, state: 'not-accepted' }]);
  assert.deepEqual(told(await ask(`:${localPort(client)}`)), [
    [`tcp 127.0.0.1:${localPort(client)} -> 127.0.0.1:${port} established`, [client]],
  ]);
});

test('what is in TIME_WAIT nobody holds any more', async () => {
  const { fd, port } = listen('127.0.0.1');
  const client = connect('127.0.0.1', port);
  const accepted = fds.add(sockets.accept(fd));
  const name = `tcp 127.0.0.1:${port} -> 127.0.0.1:${localPort(client)} time-wait`;
  fds.close(accepted);
  fds.close(client, fd);
  const { files, unheld } = await ask(`:${port}`);
  assert.deepEqual([files, unheld], [[], [{ name, state: 'TIME_WAIT' }]]);
});

test('of a connection that was closed here who has its other end is told', async () => {
  const { fd, port } = listen('127.0.0.1');
  const client = connect('127.0.0.1', port);
  fds.close(fds.add(sockets.accept(fd)), fd);
  const { files, unheld } = await ask(`:${port}`);
  assert.deepEqual(files, []);
  assert.deepEqual(
    unheld.map(({ state, otherEnd = [] }) => [state, refs(otherEnd)]),
    [['FIN_WAIT2', [{ pid, fd: client }]]],
  );
});

test('a free port', async () => {
  const { fd, port } = listen('127.0.0.1');
  fds.close(fd);
  const { files, elsewhere, unheld } = await ask(`:${port}`);
  assert.deepEqual([files, elsewhere, unheld], [[], [], []]);
});

test('a port in another network namespace', { skip: needsRoot }, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--net'] });
  const [fd, port] = await child.run(({ sockets }) => {
    const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '0.0.0.0', port: 0 }));
    return [fd, sockets.portOf(fd)] as const;
  });
  const report = await ask(`:${port}`, [child.pid]);
  assert.deepEqual(told(report), [[`tcp 0.0.0.0:${port} listening`, [fd]]]);
  assert.equal(report.files[0]?.otherNetwork, true);
  const own = await child.run(({ door }, port: number) => door.findOpen(`:${port}`, { pids: [process.pid] }), port);
  assert.equal(own.files[0]?.otherNetwork, undefined);
});

const CLONE_NEWNET = 0x40000000;
/** How a network namespace may be kept in which no process is. */
const KEPT_BY = ['a mount', 'a descriptor', 'a thread'] as const;
for (const [i, keeper] of KEPT_BY.entries())
  test(`sockets of a network namespace that only ${keeper} keeps`, { skip: needsRoot || noAnswers }, async () => {
    await using child = await startChild();
    const thread = keeper === 'a thread' ? await startThread(child, CLONE_NEWNET) : undefined;
    const mountpoint = join(folder, 'namespace');
    if (keeper === 'a mount') writeFileSync(mountpoint, '');
    const name = `@kcmp-kept-${pid}-${i}`;
    const [fd, port, unix] = await child.run(
      ({ fs, libc, sockets }, thread: number | undefined, mountpoint: string, keeper: string, name: string) => {
        const CLONE_NEWNET = 0x40000000;
        const setns = libc.libc('int setns(int, int)');
        const home = fs.openSync('/proc/thread-self/ns/net', 'r');
        const there = thread === undefined ? undefined : fs.openSync(`/proc/self/task/${thread}/ns/net`, 'r');
        if (there === undefined) libc.unshare(CLONE_NEWNET);
        else setns(there, CLONE_NEWNET);
        try {
          if (keeper === 'a mount') libc.mount('/proc/thread-self/ns/net', mountpoint, '', 4096, '');
          if (keeper === 'a descriptor') fs.openSync('/proc/thread-self/ns/net', 'r');
          const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '0.0.0.0', port: 0 }));
          const unix = sockets.listener(sockets.STREAM, sockets.unixAddress(name));
          return [fd, sockets.portOf(fd), unix] as const;
        } finally {
          setns(home, CLONE_NEWNET);
          for (const fd of [home, there]) if (fd !== undefined) fs.closeSync(fd);
        }
      },
      thread,
      mountpoint,
      keeper,
      name,
    );
    try {
      for (const [reference, what, holder] of [
        [`:${port}`, `tcp 0.0.0.0:${port} listening`, fd],
        [`unix:${name}`, `unix stream ${name} listening`, unix],
      ] as const) {
        const report = await ask(reference, [child.pid]);
        assert.deepEqual(told(report), [[what, [holder]]], reference);
        assert.equal(report.files[0]?.otherNetwork, true);
        // A descriptor is found by who looks at all of them, which this question does not.
        if (keeper === 'a descriptor') continue;
        assert.equal((await findHolders({ pid: child.pid, fd: holder }, { pids: [pid, child.pid] })).name, what);
      }
    } finally {
      if (keeper === 'a mount') libc.umount2(mountpoint, 0);
    }
  });

test('a listener whose process may not be looked at is told with its user', {
  skip: needsRoot || noAnswers,
}, async () => {
  const { port, fd } = listen('127.0.0.1');
  await using other = await startChild(ORDINARY);
  const link = `socket:[${sockets.inoOf(fd)}]`;
  for (const reference of [`:${port}`, link]) {
    const { files, coverage } = await other.run(
      ({ door }, reference: string, pid: number) => door.findOpen(reference, { pids: [process.pid, pid] }),
      reference,
      pid,
    );
    assert.deepEqual(
      files.map(({ name, link, holders, uid }) => ({ name, link, holders, uid })),
      [{ name: `tcp 127.0.0.1:${port} listening`, link, holders: [], uid: 0 }],
    );
    assert.deepEqual(
      coverage.skipped.filter((entry) => entry.pid === pid).map(({ code }) => code),
      ['EACCES'],
    );
  }
});

test('a socket by its inode, and one that there is not', async () => {
  const [a, b] = sockets.pair(STREAM).map((fd) => fds.add(fd)) as [number, number];
  assert.deepEqual(told(await ask(`socket:[${sockets.inoOf(a)}]`)), [['unix stream', [a]]]);
  assert.deepEqual(told(await ask(`socket:[${sockets.inoOf(b)}]`)), [['unix stream', [b]]]);
  assert.deepEqual(told(await ask('socket:[4294967295]')), []);
});

test('a socket that is in flight has no holder', { skip: noAnswers }, async () => {
  const { fd } = listen('127.0.0.1');
  const link = `socket:[${sockets.inoOf(fd)}]`;
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  libc.sendFd(here, fd);
  fds.close(fd);
  const { files } = await findOpen(link);
  assert.deepEqual(
    files.map(({ link, holders }) => ({ link, holders })),
    [{ link, holders: [] }],
  );
  // Of others nothing is told to who asks about this process.
  assert.deepEqual((await ask(link)).files, []);
  fds.add(libc.receiveFd(there));
});

test('an abstract socket, whom it has accepted, and who only has a name like it', async () => {
  const name = `@kcmp-open-${pid}`;
  const fd = fds.add(sockets.listener(STREAM, unixAddress(name)));
  const padded = fds.add(sockets.socket(sockets.AF_UNIX, DGRAM));
  sockets.bind(padded, unixAddress(`${name}\0\0`));
  fds.add(sockets.listener(STREAM, unixAddress(`${name}-other`)));
  fds.add(sockets.client(STREAM, unixAddress(name)));
  const accepted = fds.add(sockets.accept(fd));
  const { files } = await ask(`unix:${name}`);
  assert.deepEqual(
    files.filter(({ isConnection }) => !isConnection).map(({ holders }) => refs(holders)),
    [[{ pid, fd }], [{ pid, fd: padded }]],
  );
  assert.deepEqual(told({ files: files.slice(-1) }), [[`unix stream ${name}`, [accepted]]]);
});

test('a unix socket by its path, though it was bound by another one, and who is connected there', async () => {
  const path = join(folder, 'x.sock');
  await using child = await startChild();
  const [listener, accepted] = await child.run(({ sockets }, folder: string) => {
    process.chdir(folder);
    const fd = sockets.listener(sockets.STREAM, sockets.unixAddress('x.sock'));
    sockets.client(sockets.STREAM, sockets.unixAddress('x.sock'));
    return [fd, sockets.accept(fd)] as const;
  }, folder);
  const expected = [
    ['unix stream x.sock listening', [listener]],
    ['unix stream x.sock', [accepted]],
  ];
  assert.deepEqual(told(await ask(path, [child.pid])), expected);
  unlinkSync(path);
  assert.deepEqual(told(await ask(path, [child.pid])), []);
});

test("a socket of the same path in a container's own filesystem is not taken for it", {
  skip: needsRoot || noAnswers,
}, async () => {
  const mountpoint = join(folder, 'container');
  mkdirSync(mountpoint);
  chmodSync(folder, 0o755);
  chmodSync(mountpoint, 0o777);
  const mounted = ['sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', mountpoint];
  await using container = await startChild({
    wrapper: ['unshare', '--net', '--mount', '--', ...mounted, ...AS_NOBODY],
  });
  const path = join(mountpoint, 'same.sock');
  const bind = (child: Child): Promise<number> =>
    child.run(({ sockets }, path: string) => sockets.listener(sockets.STREAM, sockets.unixAddress(path)), path);
  const theirs = await bind(container);
  await using user = await startChild(ORDINARY);
  const mine = await bind(user);
  const asked = () =>
    user.run(async ({ door }, path: string, pids: number[]) => (await door.findOpen(path, { pids })).files, path, [
      user.pid,
      container.pid,
    ]);
  const files = await asked();
  assert.deepEqual(
    files.map(({ holders, doubt }) => [refs(holders), doubt]),
    [[[{ pid: user.pid, fd: mine }], undefined]],
  );
  await user.run(({ fs }, fd: number) => fs.closeSync(fd), mine);
  const [left, ...more] = await asked();
  assert.deepEqual([refs(left?.holders ?? []), more], [[{ pid: container.pid, fd: theirs }], []]);
  assert.match(`${left?.doubt}`, /^only the names of unix sockets could be read, .*another network namespace/);
  // To root the kernel tells which file it was bound to.
  assert.deepEqual(told(await ask(path, [container.pid])), []);
});

test('a unix socket on a filesystem whose files have other devices than itself, as an overlay', {
  skip: needsRoot,
}, async (t) => {
  await using child = await startChild({ wrapper: ['unshare', '--mount'] });
  const base = join(folder, 'overlay');
  const found = await child.run(async ({ fs, libc, sockets, door }, base: string) => {
    const at = (name: string): string => `${base}/${name}`;
    for (const name of ['', 'lower', 'upper', 'work', 'mounted']) fs.mkdirSync(at(name));
    try {
      libc.mount('none', at('lower'), 'tmpfs', 0, '');
      const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
      libc.mount('none', at('mounted'), 'overlay', 0, options);
    } catch {
      return undefined;
    }
    const fd = sockets.listener(sockets.STREAM, sockets.unixAddress(at('mounted/socket')));
    const asked = async (name: string): Promise<OpenReport> =>
      door.findOpen(at(`mounted/${name}`), { pids: [process.pid] });
    const { files } = await asked('socket');
    fs.renameSync(at('mounted/socket'), at('mounted/renamed'));
    const renamed = await asked('renamed');
    const codes = renamed.coverage.skipped.map(({ code }) => code);
    return [fd, files.map(({ holders }) => holders.map(({ fd }) => fd)), renamed.files.length, codes] as const;
  }, base);
  if (found === undefined) return t.skip('no overlay can be mounted here');
  // Of subvolumes each has the same numbers, so that another name may be another file.
  assert.deepEqual(found.slice(1), [[[found[0]]], 0, ['ENODEV']]);
});

test('who is connected with a unix socket by its path is at the other ends, unless that is not wanted', async () => {
  const path = join(folder, 'ends.sock');
  const fd = fds.add(sockets.listener(STREAM, unixAddress(path)));
  await using client = await startChild();
  const other = await client.run(
    ({ sockets }, path: string) => sockets.client(sockets.STREAM, sockets.unixAddress(path)),
    path,
  );
  const accepted = fds.add(sockets.accept(fd));
  const { files } = await ask(path, [client.pid]);
  assert.deepEqual(
    files.map(({ holders, otherEnd }) => [refs(holders), otherEnd?.state, refs(otherEnd?.holders ?? [])]),
    [
      [[{ pid, fd }], 'listening', []],
      [[{ pid, fd: accepted }], 'connected', [{ pid: client.pid, fd: other }]],
    ],
  );
  const plain = await findOpen(path, { pids: [pid, client.pid], parts: [] });
  assert.deepEqual(Object.keys(plain).sort(), ['coverage', 'files', 'reference', 'unheld']);
  assert.ok(plain.files.every((file) => !('otherEnd' in file)));
  await assert.rejects(findOpen(path, { parts: ['holders' as never] }), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('a unix socket whose path was unlinked by the name that it was bound to', async () => {
  const path = join(folder, 'gone.sock');
  const fd = fds.add(sockets.listener(STREAM, unixAddress(path)));
  assert.deepEqual(told(await ask(path)), [[`unix stream ${path} listening`, [fd]]]);
  unlinkSync(path);
  const report = await ask(path);
  assert.deepEqual([told(report), report.missing], [[[`unix stream ${path} listening`, [fd]]], 'ENOENT']);
  const again = fds.add(sockets.listener(STREAM, unixAddress(path)));
  assert.deepEqual(told(await ask(path)), [[`unix stream ${path} listening`, [again]]]);
});

for (const now of ['a stale socket', 'a regular file'] as const)
  test(`a unix socket whose name ${now} has by now, which nobody has`, async () => {
    const path = join(folder, `${now.replaceAll(' ', '-')}.sock`);
    const fd = fds.add(sockets.listener(STREAM, unixAddress(path)));
    unlinkSync(path);
    if (now === 'a regular file') writeFileSync(path, '');
    else fds.close(fds.add(sockets.listener(STREAM, unixAddress(path))));
    const report = await ask(path);
    assert.deepEqual(told(report), [[`unix stream ${path} listening`, [fd]]]);
    assert.deepEqual([report.files[0]?.former, report.missing], [true, undefined]);
  });

test('a unix socket of that name in another root directory is none of the path', { skip: needsRoot }, async () => {
  const path = join(folder, 'rooted.sock');
  await using child = await startChild();
  await child.run(
    ({ fs, libc, sockets }, root: string, path: string) => {
      fs.mkdirSync(`${root}/root${path.slice(0, path.lastIndexOf('/'))}`, { recursive: true });
      process.chdir(root);
      libc.libc('int chroot(const char *)')(`${root}/root`);
      sockets.listener(sockets.STREAM, sockets.unixAddress(path));
    },
    folder,
    path,
  );
  writeFileSync(path, '');
  assert.deepEqual(told(await ask(path, [child.pid])), []);
});

test('a socket that was bound by a relative name may be it, where no file is there any more', async () => {
  const before = process.cwd();
  process.chdir(folder);
  const fd = fds.add(sockets.socket(sockets.AF_UNIX, STREAM));
  sockets.bind(fd, unixAddress('relative.sock'));
  process.chdir(before);
  const path = join(folder, 'relative.sock');
  assert.deepEqual(
    told(await ask(path)).map(([, holders]) => holders),
    [[fd]],
  );
  unlinkSync(path);
  const { files, coverage } = await ask(path);
  assert.deepEqual(files, []);
  assert.match(coverage.skipped.map(({ reason }) => reason).join(), /bound by a relative name may be it/);
  assert.deepEqual((await ask(join(folder, 'another.sock'))).coverage.skipped, []);
});
