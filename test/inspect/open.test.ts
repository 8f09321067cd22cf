/** findOpen by a path, a memfd's name, or the text of a link. */
import assert from 'node:assert/strict';
import {
  constants,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import type { FoundFile, OpenReport } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { findHolders, findOpen } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { needsRoot, ORDINARY } from '../support/user.ts';

const { pid } = process;
const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-open-')));
after(() => {
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const ask = (reference: string, others: number[] = []): Promise<OpenReport> =>
  findOpen(reference, { pids: [pid, ...others] });
const open = (path: string | Buffer, flags: string | number = 'r'): number => fds.add(openSync(path, flags));
const make = (name: string): string => {
  writeFileSync(join(folder, name), name);
  return join(folder, name);
};
/** Of each description its name and the descriptors that refer to it. */
const told = ({ files }: { files: FoundFile[] }): Array<[string | null, number[]]> =>
  files.map(({ name, holders }) => [name, refs(holders).map(({ fd }) => fd)]);

test('a file is told by description, each with all of its holders', async () => {
  const path = make('log');
  const [first, second] = [open(path, 'a'), open(path, 'r')];
  const copy = fds.dup(first);
  await using child = await startChild({ fds: [first] });
  const report = await ask(path, [child.pid]);
  assert.deepEqual(
    report.files.map(({ holders }) => refs(holders)),
    [
      refs([
        { pid, fd: first },
        { pid, fd: copy },
        { pid: child.pid, fd: 4 },
      ]),
      [{ pid, fd: second }],
    ],
  );
  const [a, b] = report.files as [FoundFile, FoundFile];
  assert.deepEqual([a.name, a.kind, a.flags, a.size], [path, 'regular', ['wronly', 'append'], 3]);
  assert.deepEqual([refs(a.sameInode), refs(b.sameInode)], [refs(b.holders), refs(a.holders)]);
  const { holders } = await findHolders({ pid, fd: first }, { pids: [pid, child.pid] });
  assert.deepEqual(a.holders, holders);
  assert.deepEqual([report.elsewhere, report.unheld, report.missing], [[], [], undefined]);
  assert.equal(report.coverage.processes, 2);
});

test('by whatever name it was opened, and by whatever name it is asked about', async () => {
  const path = make('one');
  const [hard, soft, twice] = ['hard', 'soft', 'twice'].map((name) => join(folder, name)) as [string, string, string];
  linkSync(path, hard);
  symlinkSync('one', soft);
  symlinkSync(soft, twice);
  const fd = open(hard);
  const names = [path, hard, soft, twice, `${folder}/./x/../one`, relative(process.cwd(), path)];
  for (const name of names.filter((name) => !name.includes('/x/')))
    assert.deepEqual(told(await ask(name.includes('/') ? name : `./${name}`)), [[hard, [fd]]], name);
});

test('a bind mount is the same file', { skip: needsRoot }, async () => {
  const path = make('bound');
  await using child = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
  const fd = await child.run(({ fs, libc }, path: string) => {
    fs.writeFileSync(`${path}-2`, '');
    libc.mount(path, `${path}-2`, 'none', 4096, ''); // MS_BIND
    return fs.openSync(`${path}-2`, 'r');
  }, path);
  const { files } = await ask(path, [child.pid]);
  assert.deepEqual(
    files.map(({ holders }) => refs(holders)),
    [[{ pid: child.pid, fd }]],
  );
});

test('a deleted file by the name that it had, also when another one has that by now', async () => {
  const path = make('rotated');
  const fd = open(path);
  unlinkSync(path);
  const report = await ask(path);
  assert.deepEqual(told(report), [[`deleted file ${path}`, [fd]]]);
  assert.equal(report.missing, 'ENOENT');
  make('rotated');
  const other = open(path);
  assert.deepEqual(told(await ask(path)), [
    [`deleted file ${path}`, [fd]],
    [path, [other]],
  ]);
});

test('a deleted file by the links that led to it', async () => {
  mkdirSync(join(folder, 'logs'));
  const path = make('logs/app.1');
  const fd = open(path);
  const [latest, current, named] = ['latest', 'current', 'by-folder'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  symlinkSync('logs/../logs/app.1', latest);
  symlinkSync(latest, current);
  symlinkSync('logs', named);
  unlinkSync(path);
  for (const asked of [latest, current, join(named, 'app.1')])
    assert.deepEqual(told(await ask(asked)), [[`deleted file ${path}`, [fd]]], asked);
  rmSync(join(folder, 'logs'), { recursive: true });
  assert.deepEqual(told(await ask(join(named, 'app.1'))), [[`deleted file ${path}`, [fd]]]);
  symlinkSync('loop', join(folder, 'loop'));
  assert.equal((await ask(join(folder, 'loop'))).missing, 'ELOOP');
});

test('a name that is no UTF-8 reads as others do', async () => {
  const bytes = Buffer.from(`${folder}/no-\xff`, 'latin1');
  writeFileSync(bytes, '');
  const fd = open(bytes);
  unlinkSync(bytes);
  const { files, coverage } = await ask(`${folder}/no-\ufffd`);
  assert.deepEqual(
    files.map(({ holders }) => refs(holders)),
    [[{ pid: process.pid, fd }]],
  );
  assert.deepEqual(
    coverage.skipped.map(({ code }) => code),
    ['ENODEV'],
  );
});

test('a file that is called as if it was deleted is another one', async () => {
  const path = make('x');
  open(make('x (deleted)'));
  assert.deepEqual(told(await ask(path)), []);
  assert.equal(told(await ask(`${path} (deleted)`)).length, 1);
});

test('what was moved away is not what stands there now', async () => {
  const path = make('moved');
  const fd = open(path);
  renameSync(path, `${path}.1`);
  assert.deepEqual(told(await ask(path)), []);
  assert.deepEqual(told(await ask(`${path}.1`)), [[`${path}.1`, [fd]]]);
});

test('what /proc has links to is what they lead to, in whatever mount namespace', async () => {
  const path = make('linked');
  const fd = open(path);
  await using child = await startChild();
  for (const through of [`/proc/${child.pid}/root${path}`, `/proc/self/root${path}`])
    assert.deepEqual(told(await ask(through)), [[path, [fd]]], through);
  const unused = make('unused');
  const { files, coverage } = await ask(`/proc/${child.pid}/root${unused}`, [child.pid]);
  assert.deepEqual([files, coverage.skipped], [[], []]);
  const { elsewhere, missing } = await ask(`/proc/${child.pid}/exe`, [child.pid]);
  assert.equal(missing, undefined);
  assert.ok(elsewhere?.some(({ how, pid }) => how === 'exe' && pid === child.pid));
  const namespace = open('/proc/self/ns/net');
  const name = (await ask(`/proc/${pid}/ns/net`)).files.map(({ holders }) => refs(holders));
  assert.deepEqual(name, [refs([{ pid, fd: namespace }])]);
});

test('a path that is not there, and one through what is no folder', async () => {
  for (const [path, code] of [
    [join(folder, 'nothing'), 'ENOENT'],
    [join(folder, 'nowhere/at/all'), 'ENOENT'],
    [join(make('plain'), 'below'), 'ENOTDIR'],
  ] as const) {
    const { files, elsewhere, missing } = await ask(path);
    assert.deepEqual([files, elsewhere, missing], [[], [], code]);
  }
});

test('a path through a folder that may not be searched is not taken for missing', { skip: needsRoot }, async () => {
  const path = make('hidden'); // in a folder of root's own
  await using other = await startChild(ORDINARY);
  const { files, missing, coverage } = await other.run(
    ({ door }, path: string) => door.findOpen(path, { pids: [process.pid] }),
    path,
  );
  assert.deepEqual([files, missing], [[], 'EACCES']);
  assert.deepEqual(
    coverage.skipped.map(({ code, reason }) => [code, reason]),
    [['EACCES', 'a folder on the way to the path may not be searched']],
  );
});

test('a folder, by descriptors and as a working directory', async () => {
  const fd = open(folder, O_RDONLY);
  await using child = await startChild();
  await child.run((_, folder: string) => process.chdir(folder), folder);
  const { files, elsewhere } = await ask(folder, [child.pid]);
  assert.deepEqual(told({ files }), [[folder, [fd]]]);
  assert.deepEqual(elsewhere, [{ how: 'cwd', pid: child.pid, sure: 'inode' }]);
});

test('a mount point stands for all of its filesystem, which cannot be unmounted', { skip: needsRoot }, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
  const mounted = join(folder, 'mounted');
  const [fd, pids] = await child.run(({ fs, libc, keep }, mounted: string) => {
    fs.mkdirSync(mounted);
    libc.mount('none', mounted, 'tmpfs', 0, '');
    for (const name of ['open', 'mapped']) fs.writeFileSync(`${mounted}/${name}`, 'x'.repeat(4096));
    fs.mkdirSync(`${mounted}/below`);
    const fd = fs.openSync(`${mounted}/open`, 'r');
    const mapped = fs.openSync(`${mounted}/mapped`, 'r+');
    keep['mapping'] = libc.mapShared(mapped, 4096);
    fs.closeSync(mapped);
    return [fd, [process.pid]] as const;
  }, mounted);
  const askThere = (path: string): Promise<OpenReport> =>
    child.run(({ door }, path: string, pids: readonly number[]) => door.findOpen(path, { pids }), path, pids);
  const report = await askThere(mounted);
  assert.deepEqual(told(report), [[join(mounted, 'open'), [fd]]]);
  assert.deepEqual(report.elsewhere, [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
  assert.deepEqual((await askThere(join(mounted, 'below'))).files, []);
  await child.run(({ libc }, mounted: string) => {
    process.chdir(`${mounted}/below`);
    libc.mount('none', `${mounted}/below`, 'tmpfs', 0, '');
  }, mounted);
  assert.deepEqual((await askThere(mounted)).elsewhere, [
    { how: 'cwd', pid: child.pid, sure: 'inode' },
    { how: 'mount', pid: null, name: join(mounted, 'below'), sure: 'inode' },
  ]);
});

test('a program that runs is in use', async () => {
  const { elsewhere } = await ask(process.execPath);
  assert.deepEqual(elsewhere, [{ how: 'exe', pid, sure: 'inode' }]);
});

test('a FIFO has its ends told apart, which are no second open of one another', async () => {
  const path = join(folder, 'fifo');
  spawnSync('mkfifo', [path]);
  const [both, reader] = [open(path, O_RDWR), open(path, O_RDONLY | O_NONBLOCK)];
  const writer = open(path, O_WRONLY);
  const { files } = await ask(path);
  assert.deepEqual(
    told({ files }).sort(([, [a = 0]], [, [b = 0]]) => a - b),
    [
      [`both ends of ${path}`, [both]],
      [`read end of ${path}`, [reader]],
      [`write end of ${path}`, [writer]],
    ],
  );
  assert.ok(files.every(({ sameInode }) => sameInode.length === 0));
});

test('a device is not opened, and others who have it are no second open', async () => {
  const [first] = [open('/dev/null'), open('/dev/null')];
  const { files } = await ask('/dev/null');
  const file = files.find(({ holders }) => holders.some(({ fd }) => fd === first));
  assert.deepEqual([file?.name, file?.kind, file?.sameInode], ['/dev/null', 'character device', []]);
});

test('memfds by their name, of which there may be several, and who has one mapped only', async () => {
  const name = `kcmp-open-${pid}`;
  const [first, second] = [fds.add(libc.memfd(name)), fds.add(libc.memfd(name))];
  fds.add(libc.memfd(`${name}-other`));
  libc.write(second, new Uint8Array(4096));
  await using child = await startChild({ fds: [second] });
  await child.run(({ libc, keep }) => {
    keep['mapping'] = libc.mapShared(4, 4096);
    libc.close(4);
  });
  const { files, elsewhere } = await ask(`memfd:${name}`, [child.pid]);
  assert.deepEqual(told({ files }), [
    [`memfd:${name}`, [first]],
    [`memfd:${name}`, [second]],
  ]);
  assert.deepEqual(elsewhere, [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
  fds.close(second);
  assert.deepEqual((await ask(`memfd:${name}`, [child.pid])).elsewhere, elsewhere);
});

test('a file that is named like a memfd is none', { skip: needsRoot }, async () => {
  const path = `/memfd:kcmp-open-file-${pid}`;
  open(path, 'wx+');
  unlinkSync(path);
  assert.deepEqual(told(await ask(`memfd:kcmp-open-file-${pid}`)), []);
});

test('a pipe by its inode, each end a description of its own', async () => {
  const [read, write] = fds.pipe();
  const link = readlinkSync(`/proc/self/fd/${read}`);
  assert.deepEqual(told(await ask(link)), [
    [`read end of ${link}`, [read]],
    [`write end of ${link}`, [write]],
  ]);
  assert.deepEqual(told(await ask('pipe:[1]')), []);
});

test('a descriptor is answered as by findHolders', async () => {
  const [read] = fds.pipe();
  const { file: _, coverage: __, ...expected } = await findHolders({ pid, fd: read }, { pids: [pid] });
  const { files } = await ask(`${pid}:${read}`);
  assert.deepEqual(files, [{ ...expected, isConnection: false }]);
});

test('what names nothing is refused, and so is what is no text', async () => {
  await assert.rejects(ask('node'), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /pgrep -n node/ });
  await assert.rejects(ask(80 as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(ask('4711:2147483648'), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('a descriptor that flips between two files is told of neither wrongly', async () => {
  const [a, b] = [make('flip-a'), make('flip-b')];
  const [fdA, fdB] = [open(a), open(b)];
  const moving = fds.dup(fdA);
  let times = 0;
  const onProgress = (): void => void fds.dup2(times++ % 2 === 0 ? fdB : fdA, moving);
  for (let round = 0; round < 20; round++) {
    const report = await findOpen(a, { pids: [pid], onProgress });
    const held = report.files.flatMap(({ holders }) => holders.map(({ fd }) => fd));
    assert.ok(held.includes(fdA) && !held.includes(fdB), `round ${round}: ${held}`);
    assert.ok(
      report.files.every(({ name }) => name === a),
      JSON.stringify(told(report)),
    );
  }
});
