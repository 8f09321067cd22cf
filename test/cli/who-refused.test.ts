/** kcmp who where the kernel may not be asked about sockets: what could not be told is 2, and never the 1 of nobody. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import * as sockets from '../support/sockets.ts';
import type { Result } from './command.ts';

const { pid } = process;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-who-refused-')));
const fds = new Fds();
let asker: Child;
before(async () => {
  asker = await startChild();
  await asker.run(({ seccomp }) => seccomp.refuse('socket', 'EAFNOSUPPORT'));
});
after(async () => {
  await asker.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

/** `kcmp …` of a process that is refused every new socket. */
const kcmp = (...args: Array<string | number>): Promise<Result> =>
  asker.run(
    async (_, source: string, args: string[]) => {
      const { run } = (await import(source)) as typeof import('../../src/cli/run.ts');
      const result = { code: 0, out: '', err: '' };
      const io = {
        out: (text: string) => void (result.out += text),
        err: (text: string) => void (result.err += text),
        errIsTerminal: () => false,
        now: () => 0,
      };
      result.code = await run(args, io);
      return result;
    },
    new URL('../../src/cli/run.ts', import.meta.url).href,
    args.map(String),
  );

test('of a unix listener it is not said that nobody waits, but that it could not be told', async () => {
  const path = join(folder, 'waits.sock');
  const fd = fds.add(sockets.listener(sockets.STREAM, sockets.unixAddress(path)));
  fds.add(sockets.client(sockets.STREAM, sockets.unixAddress(path)));
  const { code, out } = await kcmp('who', `${pid}:${fd}`);
  assert.equal(code, 2, out);
  assert.match(out, /; who waits to be accepted could not be told: a filter .*\(EAFNOSUPPORT\)\.$/m);
  assert.doesNotMatch(out, /nobody waits|other end/);
});

test('a TCP listener is told by the lists of /proc, with who waits and without', async () => {
  const fd = fds.add(sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 })));
  const alone = await kcmp('who', `${pid}:${fd}`);
  assert.match(alone.out, /; nobody waits to be accepted\.$/m);
  const client = fds.add(
    sockets.client(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(fd) })),
  );
  const { code, out } = await kcmp('who', `${pid}:${fd}`);
  assert.equal(code, 0, out);
  assert.match(out, new RegExp(`; its other end is held by .*\\(${pid}\\), fd ${client}\\b`));
});
