/** findOpen where the kernel may not be asked: what nothing tells is counted, and never guessed. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Child, startChild } from '../support/child.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-open-filters-')));
const children: Child[] = [];
after(async () => {
  await Promise.all(children.map((child) => child.stop()));
  rmSync(folder, { recursive: true });
});

/** A process that has a file open twice, once of that with a copy, and a listener with a copy. */
async function start(): Promise<Child> {
  const child = await startChild();
  children.push(child);
  await child.run(
    ({ fs, libc, sockets, keep }, path: string) => {
      const first = fs.openSync(path, 'a');
      const listener = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
      const port = sockets.portOf(listener);
      keep['scene'] = { path, files: [first, libc.dup(first), fs.openSync(path, 'a')], port };
      keep['listeners'] = [listener, libc.dup(listener)];
    },
    join(folder, `${child.pid}`),
  );
  return child;
}

const ask = (child: Child, what: 'path' | 'port') =>
  child.run(async ({ door, keep }, what: 'path' | 'port') => {
    const { path, port } = keep['scene'] as { path: string; port: number };
    const { files, coverage } = await door.findOpen(what === 'path' ? path : `:${port}`, { pids: [process.pid] });
    const groups = files.map(({ holders }) => holders.map(({ fd }) => fd).sort((a, b) => a - b));
    const expected = what === 'path' ? (keep['scene'] as { files: number[] }).files : (keep['listeners'] as number[]);
    return { groups, expected, skipped: coverage.skipped.map(({ code, unit }) => `${code} ${unit}`) };
  }, what);

describe('under a filter', () => {
  for (const code of ['EPERM', 'ENOSYS'] as const) {
    test(`that answers ${code} to kcmp, descriptors of one file are not told apart, and that is counted`, async () => {
      const child = await start();
      await child.run(({ seccomp }, code: 'EPERM') => seccomp.refuseKcmp(code), code as 'EPERM');
      const file = await ask(child, 'path');
      assert.deepEqual(
        file.groups,
        file.expected.map((fd) => [fd]),
      );
      assert.ok(file.skipped.includes(`${code} descriptor`), `${file.skipped}`);
      const port = await ask(child, 'port');
      assert.deepEqual([port.groups, port.skipped], [[port.expected], []]);
    });

    test(`that answers ${code} to statx, a port is told all the same`, async () => {
      const child = await start();
      await child.run(({ seccomp }, code: 'EPERM') => seccomp.refuse('statx', code), code as 'EPERM');
      const port = await ask(child, 'port');
      assert.deepEqual(port.groups, [port.expected]);
      const file = await ask(child, 'path');
      const found = file.groups.flat().sort((a, b) => a - b);
      assert.ok(`${found}` === `${file.expected}` || file.skipped.length > 0, JSON.stringify(file));
    });

    test(`that answers ${code} to socket, a port is told by the lists of /proc`, async () => {
      const child = await start();
      await child.run(({ seccomp }, code: 'EPERM') => seccomp.refuse('socket', code), code as 'EPERM');
      const port = await ask(child, 'port');
      assert.deepEqual(port.groups, [port.expected]);
    });
  }
});
