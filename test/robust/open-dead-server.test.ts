/** A path on a file server that answers nothing any more: who has it open is told by what the kernel remembers, at once. */
import assert from 'node:assert/strict';
import { rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { OpenReport } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { fuseMissing } from '../support/fuse.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const DEADLINE_MS = 30_000;

describe('a path on a file server that is dead', { skip: fuseMissing }, () => {
  let server: Child;
  let path: string;
  let fd: number;
  before(async () => {
    server = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
    [path, fd] = await server.run(async (_, source: string) => {
      const { startFileServer } = (await import(source)) as typeof import('../support/fuse.ts');
      const { path, fd, die } = await startFileServer(undefined, false, false);
      die();
      return [path, fd] as const;
    }, FUSE);
  });
  after(async () => {
    await server?.stop();
    if (path !== undefined) rmdirSync(dirname(path));
  });

  /** Asked in the server's mount namespace by a process of its own, which is killed when it hangs. */
  async function ask(reference: string): Promise<{ code: number | null; report: OpenReport }> {
    const { code, out } = await server.run(
      ({ childProcess }, argv: string[], timeout: number) =>
        new Promise<{ code: number | null; out: string }>((resolve) => {
          let out = '';
          const kcmp = childProcess.spawn(process.execPath, argv, { timeout, killSignal: 'SIGKILL' });
          kcmp.stdout.on('data', (data) => (out += data));
          kcmp.on('close', (code) => resolve({ code, out }));
        }),
      ['--import', import.meta.resolve('tsx'), MAIN, 'who', reference, '--json'],
      DEADLINE_MS,
    );
    assert.notEqual(code, null, `who ${reference} hangs`);
    return { code, report: JSON.parse(out) as OpenReport };
  }

  test('is told by the texts of the links', async () => {
    const { code, report } = await ask(path);
    assert.equal(code, 0);
    const holders = report.files.flatMap(({ holders }) => holders.map(({ pid, fd }) => `${pid}:${fd}`));
    assert.deepEqual([report.missing, report.files[0]?.name, holders], ['EAGAIN', path, [`${server.pid}:${fd}`]]);
  });

  test('that nobody has open is 2, since what it is was not looked at', async () => {
    const { code, report } = await ask(`${path}-other`);
    assert.equal(code, 2);
    assert.deepEqual([report.missing, report.files], ['EAGAIN', []]);
    assert.ok(report.coverage.skipped.some(({ code, reason }) => code === 'EAGAIN' && /file server/.test(reason)));
  });

  test('does not keep others from being told', async () => {
    const { report } = await ask(process.execPath);
    assert.ok(report.elsewhere?.some(({ how, pid }) => how === 'exe' && pid === server.pid));
    assert.equal((await ask(dirname(path))).report.missing, undefined);
  });
});
