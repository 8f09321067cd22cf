/**
 * A process whose mappings are locked for ever: it has a page of a dead file server mapped, somebody reads that by /proc/PID/mem
 * and keeps the lock meanwhile, and a thread of it that maps something waits, and lets nobody pass. Whoever asks which files
 * it has mapped would wait as well.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kcmpProcess } from '../cli/command.ts';
import { type Child, startChild } from '../support/child.ts';
import { type FileServer, fuseMissing } from '../support/fuse.ts';
import { until } from '../support/until.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const stateOf = (pid: number): string => /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';

describe('a process whose mappings are locked', { skip: fuseMissing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-mapped-'));
  const path = join(folder, 'file');
  let server: Child;
  let victim: Child;
  let reader: Child;
  let fd = -1;

  before(async () => {
    writeFileSync(path, Buffer.alloc(4096));
    fd = openSync(path, 'r+');
    [victim, reader] = [await startChild(), await startChild()];
    server = await startChild({ wrapper: ['unshare', '--mount'] });
    const served = await server.run(async ({ keep }, url: string) => {
      const { startFileServer } = (await import(url)) as typeof import('../support/fuse.ts');
      keep['files'] = await startFileServer({ ino: 2, mode: 0o100644, size: 4096 });
      return (keep['files'] as FileServer).fd;
    }, FUSE);
    const address = await victim.run(
      ({ fs, libc, keep }, served: string, path: string) => {
        const file = fs.openSync(path, 'r+');
        keep['mapped'] = libc.mapShared(file, 4096);
        fs.closeSync(file);
        return libc.mapPage(fs.openSync(served, 'r'));
      },
      `/proc/${server.pid}/fd/${served}`,
      path,
    );
    await server.run(({ keep }) => (keep['files'] as FileServer).die());
    reader
      .run(
        ({ fs }, memory: string, address: number) =>
          fs.readSync(fs.openSync(memory, 'r'), Buffer.alloc(8), 0, 8, address),
        `/proc/${victim.pid}/mem`,
        address,
      )
      .catch(() => {});
    const wchan = (): string => readFileSync(`/proc/${reader.pid}/wchan`, 'latin1');
    await until('the reader waits', () => /request_wait_answer|folio/.test(wchan()));
    victim.run(({ fs, libc }, path: string) => libc.mapPage(fs.openSync(path, 'r')), path).catch(() => {});
    await until('the other waits for it', () => stateOf(victim.pid) === 'D');
  });
  after(async () => {
    for (const child of [server, reader, victim]) await child?.stop();
    rmSync(folder, { recursive: true });
  });

  test('whoever has a file open besides is told at once, and that it could not be looked at', () => {
    const { code, out } = kcmpProcess(['who', `${process.pid}:${fd}`, '--json']);
    assert.notEqual(code, null, 'it hangs');
    const { coverage } = JSON.parse(out) as { coverage: { skipped: Array<{ pid: number; code: string }> } };
    assert.deepEqual(
      coverage.skipped.filter(({ code }) => code === 'EBUSY').map(({ pid }) => pid),
      [victim.pid],
    );
  });

  test('so is whoever asks by its path', () => {
    const { code, err } = kcmpProcess(['who', path]);
    assert.notEqual(code, null, 'it hangs');
    assert.match(err, /EBUSY/);
  });
});
