/** Listing the sockets of the machine, against C that does the same. */
import { drain } from '../../src/util/drain.ts';
import { startChild } from '../support/child.ts';
import type { Build } from './build.ts';
import { compare, NO_COMPILER, type Row, type Suite } from './row.ts';
import { cSide } from './sides.ts';

const PAIRS = 4000;
/** Connections to a listener: the accepted ends have its name. */
const CONNECTIONS = 1000;
const SOCKETS = 2 * (PAIRS + CONNECTIONS) + 1;

export const sockets = ({ inner, references }: Build): Suite => ({
  rows: ['sockets.unix'],
  async *run(): AsyncGenerator<Row> {
    const holder = await startChild();
    await holder.run(
      ({ sockets }, pairs: number, connections: number) => {
        const STREAM = 1;
        for (let i = 0; i < pairs; i++) sockets.pair(STREAM);
        const address = sockets.unixAddress(`@kcmp bench ${process.pid}`);
        const server = sockets.listener(STREAM, address);
        for (let i = 0; i < connections; i++) {
          sockets.client(STREAM, address);
          sockets.accept(server);
        }
      },
      PAIRS,
      CONNECTIONS,
    );
    const list = (): number => {
      const diag = inner.openSockDiag();
      if ('refused' in diag) throw new Error(diag.code);
      const listed = drain(inner.dumpUnix(diag));
      diag.close();
      if ('refused' in listed) throw new Error(listed.code);
      return listed.size;
    };
    if (list() < SOCKETS) throw new Error(`${list()} sockets are listed of ${SOCKETS}`);
    const common = {
      name: 'sockets.unix',
      scene: `${SOCKETS} unix sockets`,
      rounds: 31,
      warmup: 5,
      limit: 2,
      ours: { name: 'dumpUnix()', run: list },
    };
    yield references === undefined
      ? compare({ ...common, against: [], leftOut: NO_COMPILER })
      : compare({ ...common, against: [cSide('C: one dump, parsed', references.listUnix)] });
    await holder.stop();
  },
});
