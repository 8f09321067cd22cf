/** Who may keep a slave of a pseudoterminal open by /dev/tty, which does not tell which terminal it was when it was opened. */
import { type FileStat, statIno } from '../../procfs/fd.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import { sideOf } from '../peers/pty.ts';

const WHY = 'has /dev/tty open, which keeps open the terminal that it was then, perhaps this one';

/** Counts them as descriptors that could not be told, where the file is such a slave. */
export function* countTerminals({ tables, account }: Scan, file: FileStat): Steps<void> {
  if (sideOf(file) !== 'slave') return;
  for (const { id, fds } of tables) {
    for (const fd of fds) {
      yield;
      const stat = statIno(id, fd);
      if (typeof stat !== 'string' && sideOf(stat) === 'tty') account.skip(id, 'EAGAIN', 'descriptor', 1, WHY);
    }
  }
}
