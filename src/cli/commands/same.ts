/** `kcmp same A B`: do two descriptors, or one resource of two tasks, share one object? */
import { TASK_RESOURCE_TYPES } from '../../binding/abi.ts';
import type { FileIdentity, FileRef, HolderReport } from '../../index.ts';
import { findHolders } from '../../inspect/holders.ts';
import { identifyFiles } from '../../inspect/identify.ts';
import { describeFile, plural, ref } from '../../util/text.ts';
import { choice, expect, fileRef, parse } from '../args.ts';
import type { Command, ExitCode, Io } from '../io.ts';
import { printJson } from '../output/json.ts';
import { printAnswer, tell } from '../output/print.ts';

const CODES: Readonly<Record<FileIdentity['relation'], ExitCode>> = { same: 0, different: 1, unknown: 2 };

const BY: Readonly<Record<FileIdentity['via'], string>> = {
  kcmp: '',
  'dupfd-query': ', says fcntl(F_DUPFD_QUERY), since kcmp cannot be used here',
  'socket-inode': ', since they are one socket; kcmp itself cannot be used here',
  'different-inode': ', since their inodes differ; kcmp itself cannot be used here',
  'same-descriptor': ', since they are one descriptor; kcmp itself cannot be used here',
  none: '',
};

/** What the one description is; undefined when it has moved, or may not be looked at. */
function factsOf(file: FileRef): HolderReport | undefined {
  try {
    return findHolders(file, { pids: [file.pid], parts: [] });
  } catch {
    return undefined;
  }
}

/** `: /tmp/log, flags rdwr, append, position 5 of 12 bytes`: its name, and what whoever has it shares. */
function described(file: HolderReport | undefined): string {
  if (file === undefined) return '';
  const { kind, link, name, flags, pos, size } = file;
  const where = size === null ? '' : ` of ${plural(size, 'byte')}${pos === size ? ' (at the end)' : ''}`;
  const parts = [
    name ?? describeFile(kind, link),
    ...(flags.length === 0 ? [] : [`flags ${flags.join(', ')}`]),
    ...(pos === null ? [] : [`position ${pos}${where}`]),
  ];
  return `: ${parts.join(', ')}`;
}

function sameFiles(a: FileRef, b: FileRef, json: boolean, io: Io): ExitCode {
  const { relation, via, reason } = identifyFiles(a, b);
  const file = relation === 'same' ? factsOf(a) : undefined;
  if (json) {
    const { name, flags, pos, size } = file ?? {};
    const more = file === undefined ? {} : { name, flags, pos, size };
    printJson(io, { a, b, type: 'file', relation, via, ...(reason === undefined ? {} : { reason }), ...more });
  } else if (relation !== 'unknown') {
    const what = relation === 'same' ? 'one open file description' : 'two different open file descriptions';
    printAnswer(io, [`${ref(a)} and ${ref(b)} are ${what}${BY[via]}${described(file)}.`]);
  }
  if (relation === 'unknown')
    tell(io, `whether ${ref(a)} and ${ref(b)} are one cannot be known: ${reason ?? 'no reason given'}`);
  return CODES[relation];
}

export const run: Command = async (args, io) => {
  const parsed = parse('same', args, { type: { type: 'string' } });
  const type = choice('type', parsed.value('type'), ['file', ...TASK_RESOURCE_TYPES.keys()] as const) ?? 'file';
  const ref = type === 'file' ? ['PID:FD', 'PID:FD'] : ['PID', 'PID'];
  expect('same', parsed.rest, ...ref);
  const [a = '', b = ''] = parsed.rest;
  const json = parsed.flag('json');
  if (type === 'file') return sameFiles(fileRef(a), fileRef(b), json, io);
  return CODES[(await import('../more.ts')).sameTasks([a, b], type, json, io)];
};
