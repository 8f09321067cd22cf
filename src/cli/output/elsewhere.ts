/** What keeps a file open without a descriptor, in words, and its weight in the exit code. */
import type { Elsewhere, Holder } from '../../index.ts';
import { some } from '../../util/text.ts';
import type { ExitCode } from '../io.ts';
import { named } from './names.ts';

const SHOWN = 3;
const IT = 'it';
const FORMER = 'a deleted file of this name';

const where = ({ pid, fd, name }: Elsewhere): string => {
  if (name !== undefined) return name;
  const process = pid === null ? 'a process' : named(pid);
  return fd === undefined ? process : `fd ${fd} of ${process}`;
};

/** One clause for each way in which it may be kept open. */
const CLAUSES: ReadonlyArray<
  readonly [is: (entry: Elsewhere) => boolean, clause: (who: string, it: string) => string]
> = [
  [
    ({ how, sure }) => how === 'io_uring' && sure === 'description',
    (who) => `it is registered with io_uring at ${who}`,
  ],
  [({ how }) => how === 'exe', (who, it) => `${it} is the program of ${who}`],
  [({ how }) => how === 'root', (who, it) => `${it} is the root directory of ${who}`],
  [({ how }) => how === 'cwd', (who, it) => `${it} is the working directory of ${who}`],
  [
    ({ how, name }) => how === 'mount' && name === undefined,
    (who) => `it is in use by a mount that was taken away, of which something is kept by ${who}`,
  ],
  [({ how, name }) => how === 'mount' && name !== undefined, (where) => `it is in use by the mount at ${where}`],
  [({ how }) => how === 'loop', (device, it) => `${device} is made of ${it}`],
  [({ how }) => how === 'swap', (file) => `${file} is swap space`],
  [({ how }) => how === 'mapped', (who, it) => `${it === IT ? 'its inode' : it} is mapped by ${who}`],
  [({ how, sure }) => how === 'io_uring' && sure === 'possible', (who) => `io_uring at ${who} may have it`],
  [({ how }) => how === 'in-flight', (who) => `it may be in flight to ${who}`],
];

/**
 * `its inode is mapped by 4711 (db); it may be in flight to fd 4 of 4712 (node)`; undefined when there is nothing to tell.
 * @param holders - whose descriptors of it are told as well: who has it mapped and none of these is told first
 */
export function elsewhereText(elsewhere: readonly Elsewhere[], holders: readonly Holder[] = []): string | undefined {
  const pids = new Set<number | null>(holders.flatMap(({ pid, sharedWith = [] }) => [pid, ...sharedWith]));
  const isOnly = ({ how, pid }: Elsewhere): boolean => how === 'mapped' && !pids.has(pid);
  const only = pids.size === 0 ? [] : elsewhere.filter(isOnly);
  const clausesOf = (entries: readonly Elsewhere[]): string[] =>
    [IT, FORMER].flatMap((it) =>
      CLAUSES.flatMap(([is, clause]) => {
        const told = entries.filter((entry) => is(entry) && (entry.deleted === true ? FORMER : IT) === it);
        return told.length === 0 ? [] : [clause(some(told.map(where), SHOWN), it)];
      }),
    );
  const clauses = [
    ...clausesOf(only).map((clause) => `${clause}, without a descriptor`),
    ...clausesOf(elsewhere.filter((entry) => !only.includes(entry))),
  ];
  return clauses.length === 0 ? undefined : clauses.join('; ');
}

/** 0 when something surely keeps this very description, 2 when something may, undefined when that changes nothing. */
export function elsewhereCode(elsewhere: readonly Elsewhere[]): ExitCode | undefined {
  if (elsewhere.some(({ sure }) => sure === 'description')) return 0;
  return elsewhere.some(({ sure }) => sure === 'possible') ? 2 : undefined;
}
