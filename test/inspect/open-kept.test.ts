/** findOpen of what no descriptor has: in flight, registered, worked in, mounted by a part, or the kernel's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Elsewhere, FileRef, OpenReport } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { findOpen } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { attach, detach, noDisk, noLoop } from '../support/loop.ts';
import { noRing, openRing } from '../support/ring.ts';
import * as sockets from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { needsRoot } from '../support/user.ts';

const { pid } = process;
const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-kept-')));
after(() => {
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const ask = (reference: string, others: number[] = []): Promise<OpenReport> =>
  findOpen(reference, { pids: [pid, ...others] });
const keptAt = async (reference: string, others?: number[]): Promise<Elsewhere[] | undefined> =>
  (await ask(reference, others)).elsewhere;

test('a path, a memfd and a pipe may be in flight', async () => {
  const path = join(folder, 'flying');
  const file = openSync(path, 'w');
  const memfd = libc.memfd('kcmp-flying');
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  for (const fd of [file, memfd]) {
    libc.sendFd(here, fd);
    libc.close(fd);
  }
  const carrier: Elsewhere = { how: 'in-flight', pid, fd: there, sure: 'possible' };
  assert.deepEqual(await keptAt(path), [carrier]);
  unlinkSync(path);
  assert.deepEqual(await keptAt(path), [carrier]);
  assert.deepEqual(await keptAt('memfd:kcmp-flying'), [carrier]);
  assert.deepEqual(await keptAt('pipe:[1]'), [carrier]);
  for (const _ of [file, memfd]) fds.add(libc.receiveFd(there));
  assert.deepEqual(await keptAt('memfd:kcmp-flying'), []);
});

test('a listener and a file may be registered with io_uring', { skip: noRing }, async () => {
  const path = join(folder, 'registered');
  const file = openSync(path, 'w');
  const listener = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
  const port = sockets.portOf(listener);
  const ring = openRing(file, listener);
  fds.add(ring.fd);
  for (const fd of [file, listener]) libc.close(fd);
  const carrier = { how: 'io_uring', pid, fd: ring.fd } as const;
  assert.deepEqual(
    (await keptAt(`tcp:${port}`))?.map(({ how, fd }) => ({ how, pid, fd })),
    [carrier],
  );
  assert.deepEqual(await keptAt(path), [{ ...carrier, sure: 'possible' }]);
  assert.deepEqual(await keptAt(join(folder, 'another')), []);
});

test('a working directory that was deleted', async () => {
  const path = join(folder, 'worked in');
  mkdirSync(path);
  await using child = await startChild();
  await child.run((_, path: string) => process.chdir(path), path);
  rmdirSync(path);
  assert.deepEqual(await keptAt(path, [child.pid]), [{ how: 'cwd', pid: child.pid, sure: 'inode' }]);
});

test('what was replaced by another file of its name, and is still run, worked in and mapped', async () => {
  const names = ['program', 'library', 'place'].map((name) => join(folder, name)) as [string, string, string];
  const [program, library, place] = names;
  for (const name of [program, library]) copyFileSync('/bin/sleep', name);
  mkdirSync(place);
  await using child = await startChild();
  const pids = await child.run(
    ({ fs, libc, childProcess, keep }, program: string, library: string, place: string) => {
      const fd = fs.openSync(library, 'r');
      keep['mapping'] = libc.mapPage(fd);
      fs.closeSync(fd);
      const runner = childProcess.spawn(program, ['1000'], { cwd: place, stdio: 'ignore' });
      return { runner: runner.pid as number };
    },
    ...names,
  );
  const { runner } = pids;
  await until('it runs the program', () => readlinkSync(`/proc/${runner}/exe`) === program);
  for (const name of [program, library]) {
    copyFileSync(name, `${name}.new`);
    renameSync(`${name}.new`, name);
  }
  rmdirSync(place);
  mkdirSync(place);
  const former = { sure: 'inode', deleted: true } as const;
  assert.deepEqual(await keptAt(program, [runner]), [{ how: 'exe', pid: runner, ...former }]);
  assert.deepEqual(await keptAt(library, [child.pid]), [{ how: 'mapped', pid: child.pid, ...former }]);
  assert.deepEqual(await keptAt(place, [runner]), [{ how: 'cwd', pid: runner, ...former }]);
  assert.deepEqual(await keptAt(place, [child.pid]), []);
  process.kill(runner, 'SIGKILL');
});

test('what was replaced by a folder, and is open and mapped', async () => {
  const path = join(folder, 'a folder now');
  writeFileSync(path, 'x'.repeat(4096));
  const fd = openSync(path, 'r');
  await using child = await startChild();
  await child.run(({ fs, libc, keep }, path: string) => {
    const fd = fs.openSync(path, 'r');
    keep['mapping'] = libc.mapPage(fd);
    fs.closeSync(fd);
  }, path);
  unlinkSync(path);
  mkdirSync(path);
  assert.deepEqual(await keptAt(path, [child.pid]), [{ how: 'mapped', pid: child.pid, sure: 'inode', deleted: true }]);
  closeSync(fd);
});

test('a mapping that keeps a lock is told beside somebody who has the file open', async () => {
  const path = join(folder, 'locked and mapped');
  writeFileSync(path, 'x'.repeat(4096));
  await using child = await startChild();
  await child.run(({ fs, libc, keep }, path: string) => {
    const fd = fs.openSync(path, 'r+');
    libc.libc('int flock(int, int)')(fd, 2);
    keep['mapping'] = libc.mapShared(fd, 4096);
    fs.closeSync(fd);
  }, path);
  const fd = openSync(path, 'r');
  try {
    const report = await ask(path, [child.pid]);
    assert.deepEqual(
      report.locks?.map(({ type, keptBy }) => [type, keptBy]),
      [['flock', []]],
    );
    assert.deepEqual(report.elsewhere, [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
  } finally {
    closeSync(fd);
  }
});

test('a file of a layer is what an overlay in another mount namespace leads to, be it mapped', {
  skip: needsRoot,
}, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
  const layers = join(folder, 'layers');
  mkdirSync(layers);
  const [own, both, added] = await child.run(({ fs, libc }, layers: string) => {
    process.chdir(layers);
    for (const name of ['low', 'up', 'work', 'merged']) fs.mkdirSync(name);
    for (const name of ['low/own', 'low/both', 'up/both']) fs.writeFileSync(name, name);
    // One by its whole path, one by what it is from here.
    libc.mount('none', 'merged', 'overlay', 0, `lowerdir=${layers}/low,upperdir=up,workdir=work`);
    fs.writeFileSync('merged/added', '');
    return ['own', 'both', 'added'].map((name) => fs.openSync(`merged/${name}`, 'r')) as [number, number, number];
  }, layers);
  const askedBy = async (path: string): Promise<unknown> => {
    const { files } = await findOpen(path, { pids: [child.pid] });
    return files.map(({ holders }) => refs(holders));
  };
  assert.deepEqual(await askedBy(`${layers}/low/own`), [[{ pid: child.pid, fd: own }]]);
  assert.deepEqual(await askedBy(`${layers}/up/both`), [[{ pid: child.pid, fd: both }]]);
  assert.deepEqual(await askedBy(`${layers}/up/added`), [[{ pid: child.pid, fd: added }]]);
  assert.deepEqual(await askedBy(`${layers}/low/both`), [], 'another layer has another one of that name');
  await child.run(
    ({ fs, libc }, ...fds: number[]) => {
      for (const fd of fds) {
        libc.mapPage(fd);
        fs.closeSync(fd);
      }
    },
    own,
    both,
  );
  assert.deepEqual(await keptAt(`${layers}/low/own`, [child.pid]), [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
});

test('an overlay keeps the mount on which it has a layer', { skip: needsRoot }, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
  const [disk, merged] = ['layered', 'merged'].map((name) => join(folder, name)) as [string, string];
  const kept = await child.run(
    async ({ door, fs, libc }, disk: string, merged: string) => {
      for (const path of [disk, merged]) fs.mkdirSync(path);
      libc.mount('none', disk, 'tmpfs', 0, '');
      for (const name of ['low', 'up', 'work']) fs.mkdirSync(`${disk}/${name}`);
      libc.mount('none', merged, 'overlay', 0, `lowerdir=${disk}/low,upperdir=${disk}/up,workdir=${disk}/work`);
      return (await door.findOpen(disk, { pids: [process.pid] })).elsewhere;
    },
    disk,
    merged,
  );
  assert.deepEqual(kept, [{ how: 'mount', pid: null, name: merged, sure: 'inode' }]);
});

/** A thread with a working directory of its own. */
const threadIn = (child: Child, path: string): Promise<number> =>
  child.run(
    ({ startWorker, libc }, cwd: string) =>
      new Promise<number>((resolve) => {
        startWorker('./thread.ts', { flags: libc.CLONE_FS, cwd }).once('message', resolve);
      }),
    path,
  );

test('the working directory of a thread that has one of its own', async () => {
  const path = join(folder, 'of a thread');
  mkdirSync(path);
  await using child = await startChild();
  const tid = await threadIn(child, path);
  assert.deepEqual(await keptAt(path, [child.pid]), [{ how: 'cwd', pid: tid, sure: 'inode' }]);
});

test('a folder that is mounted elsewhere as well stands for what was opened by that mount', {
  skip: needsRoot,
}, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
  const [whole, bound] = ['whole', 'bound'].map((name) => join(folder, name)) as [string, string];
  const [fd, beside] = await child.run(
    ({ fs, libc, keep, sockets }, whole: string, bound: string) => {
      for (const path of [whole, bound]) fs.mkdirSync(path);
      libc.mount('none', whole, 'tmpfs', 0, '');
      fs.mkdirSync(`${whole}/part`);
      libc.mount(`${whole}/part`, bound, 'none', 4096, ''); // MS_BIND
      for (const name of ['open', 'mapped', 'beside']) fs.writeFileSync(`${bound}/${name}`, 'x'.repeat(4096));
      const mapped = fs.openSync(`${bound}/mapped`, 'r+');
      keep['mapping'] = libc.mapShared(mapped, 4096);
      fs.closeSync(mapped);
      process.chdir(bound);
      const listener = sockets.listener(sockets.STREAM, sockets.unixAddress(`${whole}/socket`));
      return [fs.openSync(`${bound}/open`, 'r'), [listener, fs.openSync(`${whole}/part/beside`, 'r')]] as const;
    },
    whole,
    bound,
  );
  const askThere = (path: string): Promise<OpenReport> =>
    child.run(({ door }, path: string) => door.findOpen(path, { pids: [process.pid] }), path);
  const holdersAt = async (path: string): Promise<number[]> =>
    refs((await askThere(path)).files.flatMap(({ holders }) => holders)).map(({ fd }) => fd);
  assert.deepEqual(await holdersAt(bound), [fd]);
  assert.deepEqual((await askThere(bound)).elsewhere, [{ how: 'cwd', pid: child.pid, sure: 'inode' }]);
  assert.deepEqual((await holdersAt(whole)).sort(), [fd, ...beside].sort(), 'and its sockets');
  await child.run(() => process.chdir('/'));
  assert.deepEqual((await askThere(bound)).elsewhere, [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
});

const O_PATH = 0o10000000;
const MIB = 2 ** 20;

test('what was deleted under this name in another mount namespace was never here', { skip: needsRoot }, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount'] });
  const base = join(folder, 'hidden');
  mkdirSync(base);
  await child.run(({ fs, libc, childProcess, keep }, base: string) => {
    libc.mount('none', base, 'tmpfs', 0, '');
    fs.copyFileSync('/bin/sleep', `${base}/program`);
    fs.writeFileSync(`${base}/data`, 'x'.repeat(4096));
    fs.mkdirSync(`${base}/work`);
    const sleep = childProcess.spawn(`${base}/program`, ['1000'], { cwd: `${base}/work`, stdio: 'ignore' });
    process.on('exit', () => void sleep.kill('SIGKILL'));
    const fd = fs.openSync(`${base}/data`, 'r');
    libc.mapPage(fd);
    fs.closeSync(fd);
    for (const name of ['program', 'data']) fs.unlinkSync(`${base}/${name}`);
    fs.rmdirSync(`${base}/work`);
    keep['sleep'] = sleep;
  }, base);
  for (const name of ['program', 'data', 'work']) {
    const { elsewhere } = await findOpen(join(base, name));
    assert.deepEqual(elsewhere, [], name);
  }
});

test('a device by another node, as a container has it, unless that is of a terminal', { skip: needsRoot }, async () => {
  const node = (name: string, minor: number, major = 1): string => {
    const path = join(folder, name);
    const { stderr } = spawnSync('mknod', [path, 'c', `${major}`, `${minor}`], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return path;
  };
  const [one, other, third] = [node('one', 7), node('other', 7), node('third', 5)];
  const fd = fds.add(openSync(one, 'r'));
  const openAt = async (path: string): Promise<FileRef[]> =>
    (await ask(path)).files.flatMap(({ holders }) => refs(holders));
  assert.deepEqual([await openAt(other), await openAt(third)], [[{ pid, fd }], []]);
  const [terminal, same] = [node('terminal', 0, 5), node('same', 0, 5)];
  const tty = fds.add(openSync(terminal, O_PATH));
  assert.deepEqual([await openAt(terminal), await openAt(same)], [[{ pid, fd: tty }], []]);
});

test('a file behind a loop device, which the kernel has', { skip: noLoop }, async () => {
  const image = join(folder, 'image');
  const device = attach(image, 16 * MIB);
  try {
    assert.deepEqual(await keptAt(image), [{ how: 'loop', pid: null, name: device, sure: 'inode' }]);
    assert.deepEqual(await keptAt(device), []);
    const fd = openSync(device, 'r');
    const page = libc.mapPage(fd);
    closeSync(fd);
    assert.deepEqual(await keptAt(device), [{ how: 'mapped', pid, sure: 'inode' }]);
    libc.libc('int munmap(ulong, ulong)')(page, 4096);
    unlinkSync(image);
    assert.deepEqual(await keptAt(image), [{ how: 'loop', pid: null, name: device, sure: 'inode' }]);
    writeFileSync(image, '');
    assert.deepEqual(await keptAt(image), [{ how: 'loop', pid: null, name: device, sure: 'inode', deleted: true }]);
  } finally {
    detach(device);
  }
  assert.deepEqual(await keptAt(image), []);
});

test('a device whose filesystem is mounted nowhere any more, by who has something of it', {
  skip: noDisk,
}, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount'] });
  const device = attach(join(folder, 'disk'), 16 * MIB);
  try {
    assert.equal(spawnSync('mkfs.ext4', ['-q', device]).status, 0);
    const point = join(folder, 'disk.d');
    mkdirSync(point);
    const fd = await child.run(
      ({ fs, libc }, device, point) => {
        libc.mount(device, point, 'ext4', 0, '');
        return fs.openSync(`${point}/file`, 'w');
      },
      device,
      point,
    );
    assert.deepEqual(await keptAt(device, [child.pid]), [{ how: 'mount', pid: null, name: point, sure: 'inode' }]);
    const tid = await threadIn(child, point);
    const lost = [child.pid, tid].map((pid): Elsewhere => ({ how: 'mount', pid, sure: 'inode' }));
    const MNT_DETACH = 2;
    await child.run(({ libc }, point, detach) => libc.umount2(point, detach), point, MNT_DETACH);
    assert.deepEqual(await keptAt(device, [child.pid]), lost);
    await child.run(({ fs, libc }, fd) => {
      fs.ftruncateSync(fd, 4096);
      const again = fs.openSync(`/proc/self/fd/${fd}`, 'r+');
      libc.mapPage(again);
      for (const one of [fd, again]) fs.closeSync(one);
    }, fd);
    assert.deepEqual(await keptAt(device, [child.pid]), lost);
    await child.stop();
    assert.deepEqual(await keptAt(device), []);
  } finally {
    detach(device);
  }
});
