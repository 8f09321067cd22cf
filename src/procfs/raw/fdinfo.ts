/** The fdinfo of a descriptor by raw calls, which take a third of what Node's reading costs. */
import { type Fdinfo, parseFdinfo, readFdinfo } from '../fdinfo.ts';
import { MOST, readStart } from './start.ts';

/** As {@link readFdinfo}. */
export function readFdinfoQuickly(pid: number, fd: number): Fdinfo | string {
  const text = readStart(pid, `fdinfo/${fd}`);
  // What is longer is read in full, and why it cannot be read is told by Node.
  return text !== '' && text.length < MOST ? parseFdinfo(text) : readFdinfo(pid, fd);
}
