/** What starting costs: the command, and an import of the package, against Node that does nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { close, socketpair } from '../support/libc.ts';
import type { Build } from './build.ts';
import { wholeProcess } from './processes.ts';
import { compare, type Row, type Suite } from './row.ts';

const ROUNDS = 25;

export const start = ({ main, index, empty }: Build): Suite => ({
  rows: ['command.same', 'command.who', 'command.help', 'import'],
  async *run(wanted): AsyncGenerator<Row> {
    const node = process.execPath;
    const file = `${process.pid}:0`;
    const common = {
      scene: 'the whole process',
      rounds: ROUNDS,
      against: [wholeProcess(node, ['-e', '0'], 'node -e 0')],
    };
    if (wanted('command.same')) {
      yield compare({
        ...common,
        name: 'command.same',
        ours: wholeProcess(node, [main, 'same', file, file], 'kcmp same'),
        limit: 1.35,
      });
    }
    if (wanted('command.who')) {
      // A process that is as small as most: this one has threads and children by the dozen.
      const [here, there] = socketpair();
      const cat = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', here, there] });
      for (const fd of [here, there]) close(fd);
      await once(cat, 'spawn');
      yield compare({
        ...common,
        name: 'command.who',
        ours: wholeProcess(node, [main, 'who', `${cat.pid}:3`], 'kcmp who'),
        limit: 1.7,
      });
      cat.kill();
    }
    if (wanted('command.help')) {
      yield compare({
        ...common,
        name: 'command.help',
        ours: wholeProcess(node, [main, '--help'], 'kcmp --help'),
        limit: 1.1,
      });
    }
    if (wanted('import')) {
      const script = (file: string): string[] => [
        '--input-type=module',
        '-e',
        `import ${JSON.stringify(pathToFileURL(file).href)}`,
      ];
      const row = compare({
        ...common,
        name: 'import',
        ours: wholeProcess(node, script(index), 'the package'),
        against: [wholeProcess(node, script(empty), 'an empty module')],
      });
      const value = (row.ours?.ms ?? NaN) - (row.against?.[0]?.ms ?? NaN);
      yield { ...row, figure: { value, unit: 'ms more' }, limit: 3 };
    }
  },
});
