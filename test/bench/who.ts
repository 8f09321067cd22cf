/** `kcmp who` as whole processes, on a machine with 28,000 descriptors, beside `lsof` with the same question. */
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeOnExec, socketpair } from '../support/libc.ts';
import { isInstalled, type Build } from './build.ts';
import { wholeProcess } from './processes.ts';
import { compare, type Row, type Suite } from './row.ts';
import { mixScene } from './scenes.ts';

const ROUNDS = 9;
/** All of them are 28,000. */
const [PROCESSES, EACH, MANY] = [33, 700, 5000];

export const who = ({ main }: Build): Suite => ({
  rows: ['who.descriptor', 'who.port', 'who.path', 'who.process'],
  async *run(wanted): AsyncGenerator<Row> {
    const [others, many] = [await mixScene('mixed', PROCESSES, EACH), await mixScene('mixed', 1, MANY)];
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-bench-')));
    const path = join(folder, 'file');
    const file = openSync(path, 'w');
    const [here, there] = socketpair();
    for (const fd of [here, there]) closeOnExec(fd);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = `:${(server.address() as AddressInfo).port}`;
    const pid = `${many.pids[0]}`;
    const questions: Array<[name: string, reference: string, lsof: string[]]> = [
      ['who.descriptor', `${process.pid}:${here}`, ['+E', '-a', '-p', `${process.pid}`, '-d', `${here}`]],
      ['who.port', port, ['-i', port]],
      ['who.path', path, [path]],
      ['who.process', pid, ['+E', '-p', pid]],
    ];
    for (const [name, reference, args] of questions) {
      if (!wanted(name)) continue;
      const ours = wholeProcess(process.execPath, [main, 'who', reference], 'kcmp who');
      const common = { name, scene: `${PROCESSES * EACH + MANY} descriptors`, ours, rounds: ROUNDS, limit: 1.0 };
      if (isInstalled('lsof')) yield compare({ ...common, against: [wholeProcess('lsof', ['-nP', ...args])] });
      else yield { name, scene: common.scene, leftOut: 'lsof: not installed' };
    }
    server.close();
    for (const fd of [file, here, there]) closeSync(fd);
    rmSync(folder, { recursive: true });
    await others.stop();
    await many.stop();
  },
});
