/**
 * A path on a file server: one that lives is asked what it is, by a child; one that answers nothing any more leaves what
 * the kernel remembers, within a second.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { OpenReport } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { fuseMissing } from '../support/fuse.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const DEADLINE_MS = 30_000;

describe('a path on a file server', { skip: fuseMissing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-link-'));
  const link = join(folder, 'link');
  let server: Child;
  let path: string;
  let fd: number;
  before(async () => {
    server = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
    [path, fd] = await server.run(async (_, source: string) => {
      const { startFileServer } = (await import(source)) as typeof import('../support/fuse.ts');
      const { path, fd, die } = await startFileServer(undefined, false, false);
      Object.assign(globalThis, { die });
      return [path, fd] as const;
    }, FUSE);
    symlinkSync(path, link);
  });
  after(async () => {
    await server?.stop();
    if (path !== undefined) rmdirSync(dirname(path));
    rmSync(folder, { recursive: true });
  });
  const die = (): Promise<void> => server.run(() => (globalThis as unknown as { die(): void }).die());

  /** Asked in the server's mount namespace by a process of its own, which is killed when it hangs. */
  async function ask(reference: string, ...fds: number[]): Promise<{ code: number | null; report: OpenReport }> {
    const { code, out } = await server.run(
      ({ childProcess }, argv: string[], timeout: number, fds: number[]) =>
        new Promise<{ code: number | null; out: string }>((resolve) => {
          let out = '';
          const kcmp = childProcess.spawn(process.execPath, argv, {
            timeout,
            killSignal: 'SIGKILL',
            stdio: ['ignore', 'pipe', 'inherit', ...fds],
          });
          kcmp.stdout?.on('data', (data) => (out += data));
          kcmp.on('close', (code) => resolve({ code, out }));
        }),
      ['--import', import.meta.resolve('tsx'), MAIN, 'who', reference, '--json'],
      DEADLINE_MS,
      fds,
    );
    assert.notEqual(code, null, `who ${reference} hangs`);
    return { code, report: JSON.parse(out) as OpenReport };
  }

  const isServer = ({ reason }: { reason: string }): boolean => reason.includes('file server');
  const holdersOf = ({ files }: OpenReport): string[] =>
    files.flatMap(({ holders }) => holders.map(({ pid, fd }) => `${pid}:${fd}`));

  test('that lives is told by its inode, also where a link leads there, and one that is not there as such', async () => {
    for (const reference of [path, link]) {
      const { code, report } = await ask(reference);
      assert.equal(code, 0);
      assert.deepEqual(
        [report.missing, report.files[0]?.name, holdersOf(report)],
        [undefined, path, [`${server.pid}:${fd}`]],
      );
      assert.ok(!report.coverage.skipped.some(isServer));
    }
    const { report } = await ask(`${path}-other`);
    assert.deepEqual([report.missing, report.files], ['ENOENT', []]);
    assert.ok(!report.coverage.skipped.some(isServer));
  });

  test('is not asked by who has a file of one open, whose child would wait for that', async () => {
    const { report } = await ask(path, fd);
    assert.equal(report.missing, 'EAGAIN');
  });

  test('that is dead is told by the texts of the links', async () => {
    await die();
    const { code, report } = await ask(path);
    assert.equal(code, 0);
    assert.deepEqual(
      [report.missing, report.files[0]?.name, holdersOf(report)],
      ['EAGAIN', path, [`${server.pid}:${fd}`]],
    );
  });

  test('that nobody has open is 2, since what it is was not looked at', async () => {
    const { code, report } = await ask(`${path}-other`);
    assert.equal(code, 2);
    assert.deepEqual([report.missing, report.files], ['EAGAIN', []]);
    assert.ok(report.coverage.skipped.some(isServer));
  });

  test('does not keep others from being told', async () => {
    const { report } = await ask(process.execPath);
    assert.ok(report.elsewhere?.some(({ how, pid }) => how === 'exe' && pid === server.pid));
    assert.equal((await ask(dirname(path))).report.missing, undefined);
  });
});
