/** kcmp groups as a search: by kind, name, user, lock, size of what is deleted, and by who is outside. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, realpathSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FoundReport } from '../../src/cli/groups/search.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { familyMissing, startFamily } from '../support/family.ts';
import * as libc from '../support/libc.ts';
import { flock, LOCK } from '../support/locks.ts';
import { attach, detach, noLoop } from '../support/loop.ts';
import { NOBODY, needsRoot } from '../support/user.ts';
import { kcmp, kcmpJson, kcmpProcess, shell } from './command.ts';

const me = process.pid;
const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-groups-')));
let child: Child;

before(async () => {
  child = await startChild();
  await child.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'searched'));
});
after(async () => {
  await child.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const open = (name: string, text = ''): number => {
  writeFileSync(join(folder, name), text);
  return fds.add(libc.closeOnExec(openSync(join(folder, name), 'r+')));
};

async function linksOf(...args: Array<string | number>): Promise<Array<string | null>> {
  const { report } = await kcmpJson<FoundReport>('groups', ...args);
  assert.deepEqual(
    report.groups.map(({ id }) => id),
    report.groups.map((_, i) => i + 1),
  );
  return report.groups.map(({ link }) => link);
}

test('deleted files come by size, the largest first, also those of one holder', async () => {
  for (const [name, size] of [
    ['small', 100],
    ['big (deleted)', 5000],
    ['kept (deleted)', 1],
  ] as const)
    open(name, 'x'.repeat(size));
  unlinkSync(join(folder, 'small'));
  unlinkSync(join(folder, 'big (deleted)'));
  fds.add(libc.memfd('a memfd'));
  const { code, report } = await kcmpJson<FoundReport>('groups', '--deleted', me);
  assert.equal(code, 0);
  const found = report.groups.filter(({ link }) => link?.startsWith(folder));
  assert.deepEqual(
    found.map(({ link, size }) => [link, size]),
    [
      [`${join(folder, 'big (deleted)')} (deleted)`, 5000],
      [`${join(folder, 'small')} (deleted)`, 100],
    ],
  );
  const { out } = await kcmp('groups', '--deleted', '--match', folder, me);
  assert.match(
    out,
    /^2 deleted files that match are open, with 5 KiB in all among 1 process\.\n\n1\. deleted file .*\/big \(deleted\), 4\.9 KiB\n/,
  );
});

test('a deleted file that is open twice counts once', async () => {
  open('twice', 'x'.repeat(2000));
  fds.add(libc.closeOnExec(openSync(join(folder, 'twice'), 'r')));
  unlinkSync(join(folder, 'twice'));
  const { out } = await kcmp('groups', '--deleted', '--match', '/twice', me);
  assert.match(out, /^1 deleted file that matches is open, with 2 KiB in all among 1 process\.\n\n1\. .*\n.*\n\n2\. /);
  const { report } = await kcmpJson<FoundReport>('groups', '--deleted', '--match', '/twice', me);
  const { files, bytes } = report.deleted ?? {};
  assert.deepEqual([files, bytes], [1, 2000]);
});

test('a deleted file that is sparse comes by the room that it takes', async () => {
  const [sparse, full] = ['sparse', 'full'].map((name) => join(folder, name)) as [string, string];
  for (const path of [sparse, full]) fds.add(openSync(path, 'w'));
  truncateSync(sparse, 2 ** 30);
  writeFileSync(full, Buffer.alloc(100_000));
  for (const path of [sparse, full]) unlinkSync(path);
  const { out } = await kcmp('groups', '--deleted', '--match', folder, me);
  assert.match(out, /in all among 1 process\.\n\n1\. deleted file .*\/full, 97\.7 KiB\n/);
  assert.match(out, /^\d\. deleted file .*\/sparse, 1 GiB \(0 bytes allocated\)$/m);
  assert.match(out, /^\d deleted files that match are open, with 1 GiB \(\d+ KiB allocated\) in all among/);
});

test('a lock that no descriptor keeps is told of', async () => {
  writeFileSync(join(folder, 'mapped'), 'x');
  await child.run(
    ({ libc }, path: string) => {
      const own = libc.libc('int open(str, int)')(path, 2) as number;
      libc.libc('int flock(int, int)')(own, 2);
      libc.libc('void *mmap(void *, size_t, int, int, int, long)')(null, 4096, 1, 1, own, 0);
      libc.close(own);
    },
    join(folder, 'mapped'),
  );
  const { code, out } = await kcmp('groups', '--locked');
  assert.notEqual(code, 1);
  assert.match(
    out,
    /^Besides, [1-9]\d* locks? (?:is|are) kept by no descriptor that was seen; kcmp who PATH tells of a file's\.$/m,
  );
});

test('what keeps a lock is found, that of flock by any holder', async () => {
  const fd = open('locked');
  open('not locked');
  flock(fd, LOCK.exclusive);
  assert.deepEqual(await linksOf('--locked', '--match', `${folder}/`, me), [join(folder, 'locked')]);
});

test('a deleted file that is but mapped takes room as well, and what has no name on a disk does not', async () => {
  await using other = await startChild();
  const [gone, named] = ['gone', 'named (deleted)'].map((name) => join(folder, name)) as [string, string];
  await other.run(
    ({ fs, libc }, gone, named) => {
      for (const path of [gone, named]) {
        fs.writeFileSync(path, 'x'.repeat(5000));
        const fd = fs.openSync(path, 'r+');
        libc.mapPage(fd);
        fs.closeSync(fd);
      }
      fs.unlinkSync(gone);
      const memory = libc.memfd('of no disk');
      libc.mapPage(memory);
      libc.close(memory);
    },
    gone,
    named,
  );
  const { code, report } = await kcmpJson<FoundReport>('groups', '--deleted', other.pid);
  assert.equal(code, 0);
  assert.deepEqual(
    report.mapped?.map(({ path, pids }) => [path, pids]),
    [[gone, [other.pid]]],
  );
  const { out } = await kcmp('groups', '--deleted', other.pid);
  assert.match(
    out,
    /^No deleted file is open among 1 process; 1 is only mapped\.\n\nOnly mapped: deleted file .*\/gone/,
  );
  assert.ok(out.includes(`\n   ${other.pid} (`), out);
  assert.equal((await kcmp('groups', '--deleted', '--match', 'nowhere', other.pid)).code, 1);
  // Two have mapped it, of which one has it open as well: groups of two holders do not show that.
  await using another = await startChild();
  const fd = await other.run(
    ({ fs, libc }, path) => {
      const fd = fs.openSync(path, 'w+');
      fs.writeSync(fd, 'x'.repeat(5000));
      libc.mapPage(fd);
      fs.unlinkSync(path);
      return fd;
    },
    join(folder, 'open too'),
  );
  await another.run(({ fs, libc }, path) => {
    const fd = fs.openSync(path, 'r');
    libc.mapPage(fd);
    fs.closeSync(fd);
  }, `/proc/${other.pid}/fd/${fd}`);
  const two = await kcmpJson<FoundReport>('groups', '--deleted', '--min', 2, other.pid, another.pid);
  assert.deepEqual([two.report.mapped ?? [], two.code], [[], 1]);
});

test('a deleted file that nobody has open may be in flight', async () => {
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const fd = openSync(join(folder, 'flying'), 'w');
  unlinkSync(join(folder, 'flying'));
  const search = ['groups', '--deleted', '--match', join(folder, 'flying')];
  libc.sendFd(here, fd);
  libc.close(fd);
  const { code, report } = await kcmpJson<FoundReport>(...search);
  assert.equal(code, 2);
  assert.ok(report.elsewhere?.some((one) => one.how === 'in-flight' && one.pid === me && one.fd === there));
  const { out } = await kcmp(...search);
  assert.match(out, /\n\nA deleted file may be elsewhere: .*it may be in flight to /);
  // It is told of beside what is found as well.
  await using other = await startChild();
  await other.run(
    ({ fs }, path) => {
      fs.openSync(path, 'w');
      fs.unlinkSync(path);
    },
    join(folder, 'flying too'),
  );
  const beside = await kcmp(...search);
  assert.equal(beside.code, 0);
  assert.match(
    beside.out,
    /\n1\. deleted file .*flying too, 0 bytes\n[\s\S]*\n\nA deleted file may be elsewhere: .*it may be in flight to /,
  );
  await other.stop();
  fds.add(libc.receiveFd(there));
  assert.deepEqual((await kcmpJson<FoundReport>(...search)).report.elsewhere, []);
});

test('a deleted file that is mounted takes room, whoever has it open', { skip: needsRoot }, () => {
  const [file, point] = [join(folder, 'a mounted file'), join(folder, 'a point')];
  writeFileSync(point, '');
  writeFileSync(file, 'text');
  const script = 'mount --bind "$1" "$2" && rm "$1" && shift 2 && exec "$@"';
  const wrapper = ['unshare', '-m', 'sh', '-c', script, 'sh', file, point];
  const { code, out, err } = kcmpProcess(['groups', '--deleted', '--match', file], wrapper);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^No deleted file that matches is open among .*; 1 is only mounted\.\n/);
  assert.ok(out.includes(`\n\nOnly the mount at ${point}: deleted file ${file}, 4 bytes\n`), out);
});

test('a deleted file that is a loop device takes room, whoever has it open', { skip: noLoop }, async () => {
  const image = join(folder, 'a disk');
  const device = attach(image, 8 * 2 ** 20);
  try {
    const search = ['groups', '--deleted', '--match', image];
    assert.deepEqual((await kcmpJson<FoundReport>(...search)).report.backs, []);
    unlinkSync(image);
    const { code, report } = await kcmpJson<FoundReport>(...search);
    assert.equal(code, 0);
    assert.deepEqual(report.backs, [{ path: image, device, size: 8 * 2 ** 20, allocated: null }]);
    const { out } = await kcmp(...search);
    assert.match(out, /^No deleted file that matches is open among \d+ processes; 1 is only a loop device\.$/m);
    assert.ok(out.includes(`\nOnly ${device}: deleted file ${image}, 8 MiB`), out);
  } finally {
    detach(device);
  }
});

test('kinds, parts of names, and commands', async () => {
  await using other = await startChild({ fds: [open('shared')] });
  const pids = [me, other.pid];
  assert.deepEqual(await linksOf('--match', 'kcmp-groups-*/sha', ...pids), [join(folder, 'shared')]);
  assert.deepEqual(await linksOf('--match', 'sha*kcmp-groups-', ...pids), []);
  assert.deepEqual(await linksOf('--kind', 'regular', '--match', 'shared', ...pids), [join(folder, 'shared')]);
  assert.deepEqual(await linksOf('--kind', 'directory', '--match', 'shared', ...pids), []);
  assert.ok((await linksOf('--match', 'searched', '--min', 1, child.pid)).length > 3);
  assert.deepEqual(await linksOf('--match', 'searched', other.pid), []);
  assert.deepEqual(await linksOf('--min', 3, '--match', 'shared', ...pids), []);
});

test('a user may have two names', { skip: needsRoot }, () => {
  const passwd = join(folder, 'passwd');
  writeFileSync(passwd, `first:x:${NOBODY}:0::/:/bin/sh\nsecond:x:${NOBODY}:0::/:/bin/sh\n`);
  const mounted = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/passwd && exec "$@"', passwd];
  for (const name of ['first', 'second']) {
    const { err, code } = kcmpProcess(['groups', '--user', name, me], mounted);
    assert.deepEqual([err, code], ['', 1]);
  }
});

test('only what a user has', { skip: needsRoot }, async () => {
  await using nobody = await startChild({ uid: NOBODY, gid: NOBODY });
  const found = await linksOf('--user', NOBODY, '--min', 1, nobody.pid, me);
  assert.deepEqual(found, await linksOf('--user', 'nobody', '--min', 1, nobody.pid, me));
  assert.ok(found.length > 3);
  assert.deepEqual(await linksOf('--user', NOBODY, '--min', 1, me), []);
});

test('what is shared with processes outside, and only that, with who they are', async () => {
  const shared = [open('outside 1'), open('outside 2')];
  await using inside = await startChild({ fds: shared });
  await using outside = await startChild({ fds: shared });
  await inside.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'inside'));
  const { out, code } = await kcmp('groups', '--outside', inside.pid);
  assert.equal(code, 0, out);
  assert.match(out, /^\d+ open file descriptions are shared with processes outside among /);
  for (const name of ['outside 1', 'outside 2'])
    assert.match(out, new RegExp(`^\\d+\\. .*/${name}\\n(   .*\\n)*   ${outside.pid} \\(.*\\), outside: fd `, 'm'));
  for (const block of out.trimEnd().split('\n\n').slice(1)) {
    if (!/^\d+\. /.test(block)) continue;
    assert.match(block, new RegExp(`^   ${inside.pid} \\(inside\\): fd`, 'm'));
    assert.match(block, /, outside: fd/);
  }
});

test('a thread with a table of its own is no process outside', async () => {
  await using inside = await startChild();
  await inside.run(async ({ startWorker, libc, keep }) => {
    keep['worker'] = startWorker('./thread.ts', { flags: libc.CLONE_FILES });
  });
  // Where others could not be seen it is no answer; else it is no.
  assert.notEqual((await kcmp('groups', '--outside', inside.pid, '--kind', 'eventpoll')).code, 0);
});

test('who shares a table has all that is in it, also by --outside', { skip: familyMissing }, async () => {
  const family = await startFamily({ flags: libc.CLONE_FILES });
  try {
    const { code, out } = await kcmp('groups', '--outside', family.child);
    assert.equal(code, 0, out);
    assert.match(out, new RegExp(`^   ${family.parent} \\(.*\\), outside: fd`, 'm'));
    assert.match(out, new RegExp(`^   ${family.child} \\(.*\\): fd`, 'm'));
  } finally {
    await family.stop();
  }
});

test('two trees are looked at together, and of an option that may have one value two are refused', async () => {
  const fd = open('of two trees');
  await using one = await startChild({ fds: [fd] });
  await using other = await startChild({ fds: [fd] });
  const args = ['--tree', one.pid, '--tree', other.pid, '--match', 'of two trees'];
  assert.equal((await kcmp('groups', ...args)).code, 0);
  const { code, err } = await kcmp('groups', '--match', 'a', '--match', 'b');
  assert.equal(code, 2);
  assert.match(err, /--match is given more than once/);
});

test('of a tree that has the command below it the command is left out', () => {
  const { out } = shell('kcmp groups --min 1 --tree $$; :');
  assert.doesNotMatch(out, /\((?:node|MainThread)\)/);
  assert.match(out, /^ {3}\d+ \((?:sh|dash|bash)\): fd/m);
});

test('the two ends of a pipe are told apart, and /dev/null is told in one line', async () => {
  const [read, write] = fds.pipe();
  const nothing = fds.add(openSync('/dev/null', 'r+'));
  await using heir = await startChild({ fds: [read, write, nothing] });
  const { out } = await kcmp('groups', me, heir.pid);
  assert.match(out, /^\d+\. read end of pipe:\[\d+\]$/m);
  assert.match(out, /^\d+\. write end of pipe:\[\d+\]$/m);
  assert.doesNotMatch(out, /^\d+\. .*\/dev\/null$/m);
  assert.match(out, /^Besides, \d+ descriptions? of no meaning: \d+ of \/dev\/null; --match lists them\.$/m);
  assert.match((await kcmp('groups', '--match', '/dev/null', me, heir.pid)).out, /^\d+\. \/dev\/null$/m);
});

test('what cannot be meant is told', async () => {
  for (const [args, message] of [
    [['--outside'], /--outside needs a PID, or --tree PID/],
    [['--kind', 'sockets'], /--kind sockets is unknown; expected regular, /],
    [['--user', 'no such user'], /there is no such user in \/etc\/passwd/],
    [['--min', '0'], /--min 0 is no number from 1 up/],
  ] as const) {
    const { code, err } = await kcmp('groups', ...args);
    assert.equal(code, 2);
    assert.match(err, message);
  }
});
