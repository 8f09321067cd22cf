/** `kcmp completion SHELL`: the script that completes command lines of kcmp, and for that script what may come next. */
import { clean } from '../../util/text.ts';
import { candidates } from '../completion/candidates.ts';
import { expect, parse, UsageError } from '../args.ts';
import { completionFor } from '../help.ts';
import type { Command } from '../io.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const run: Command = (args, io) => {
  const end = args.indexOf('--');
  const { rest } = parse('completion', end === -1 ? args : args.slice(0, end));
  expect('completion', rest, 'SHELL');
  const shell = SHELLS.find((name) => name === rest[0]);
  if (shell === undefined) throw new UsageError(`${rest[0]} is no shell that is known; expected ${SHELLS.join(', ')}`);
  if (end === -1) io.out(completionFor(shell));
  else
    io.out(
      candidates(args.slice(end + 1))
        .map(({ text, what }) => `${clean(text)}\t${clean(what)}\n`)
        .join(''),
    );
  return 0;
};
