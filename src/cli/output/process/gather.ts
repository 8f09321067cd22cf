/** Many lines that say the same are one: so a count of descriptors that grows explains itself on one screen. */
import type { FoundFile } from '../../../index.ts';
import { addTo } from '../../../util/multimap.ts';
import { describeFile, plural, some } from '../../../util/text.ts';

/** From so many on alike ones are gathered. */
const ALIKE = 4;
/** So many listeners are named. */
const SHOWN = 3;
/** From so many on files that have nothing in common but their folder are. */
const IN_FOLDER = 12;

/** What people call one of a kind, where that is not the kind's own name. */
const WORDS: Partial<Record<FoundFile['kind'], string>> = {
  eventpoll: 'epoll instance',
  inotify: 'inotify instance',
  fanotify: 'fanotify group',
  io_uring: 'io_uring instance',
};

/** A line: one description, or several that are told together. */
export interface Gathered {
  files: readonly FoundFile[];
  /** What they are, with their number where they are several. */
  what: string;
}

export const nameOf = ({ kind, link, name }: FoundFile): string => name ?? describeFile(kind, link);

const INET = /^((?:tcp|udp)\S*) (\S+) -> (\S+)(?: (\S+))?$/;
const UNIX = /^(unix(?: stream| dgram| seqpacket)?)(?: .*)?$/;

const LISTENING = ' listening';
const placeOf = (file: FoundFile): string => nameOf(file).slice(0, -LISTENING.length);

/** What ones of a kind have in common, and a plural for it. */
function commonOf(file: FoundFile): { key: string; many: (count: number, files: readonly FoundFile[]) => string } {
  const name = nameOf(file);
  const [, protocol, , , state = ''] = INET.exec(name) ?? [];
  if (protocol !== undefined)
    return { key: `${protocol} ${state}`, many: (count, files) => connections(count, protocol, state, files) };
  if (file.kind === 'socket' && name.endsWith(LISTENING))
    return { key: LISTENING, many: (count, files) => `${count} listeners (${some(files.map(placeOf), SHOWN)})` };
  const [, unix] = UNIX.exec(name) ?? [];
  if (unix !== undefined) return { key: unix, many: (count) => plural(count, `${unix} socket`) };
  const [, end] = /^(read|write|both) ends? of pipe:\[/.exec(name) ?? [];
  if (end !== undefined) {
    const ends = end === 'both' ? 'both ends of' : plural(2, `${end} end`).slice(2);
    return {
      key: `${end} pipe`,
      many: (count) => (end === 'both' ? `${count} pipes, both ends` : `${count} pipes, ${ends}`),
    };
  }
  if (file.link?.startsWith('/') === true) return { key: name, many: (count) => `${name}: opened ${count} times` };
  if (file.kind === 'anonymous') return { key: name, many: (count) => `${plural(count, 'anonymous file')} (${name})` };
  return { key: file.kind, many: (count) => plural(count, WORDS[file.kind] ?? file.kind) };
}

/** `300 tcp connections of 127.0.0.1:6379, established` */
function connections(count: number, protocol: string, state: string, files: readonly FoundFile[]): string {
  const ends = files.map((file) => INET.exec(nameOf(file)) ?? []);
  const [first] = ends;
  const isOne = (at: number): boolean => ends.every((end) => end[at] === first?.[at]);
  const where = isOne(2) ? ` of ${first?.[2]}` : isOne(3) ? ` with ${first?.[3]}` : '';
  return `${plural(count, `${protocol} connection`)}${where}${state === '' ? '' : `, ${state}`}`;
}

const folderOf = ({ link }: FoundFile): string | undefined =>
  link?.startsWith('/') === true ? link.slice(0, link.lastIndexOf('/') + 1) : undefined;

/**
 * Gathers those that have the same in common and the same relations to others.
 * @param relationOf - who else has it, and who its other end
 */
export function gather(files: readonly FoundFile[], relationOf: (file: FoundFile) => string): Gathered[] {
  const alike = new Map<string, FoundFile[]>();
  for (const file of files) addTo(alike, `${file.kind}\n${commonOf(file).key}\n${relationOf(file)}`, file);
  const gathered: Gathered[] = [];
  const folders = new Map<string, FoundFile[]>();
  const single = (file: FoundFile): Gathered => ({ files: [file], what: nameOf(file) });
  for (const some of alike.values()) {
    const [first] = some as [FoundFile];
    if (some.length >= ALIKE) gathered.push({ files: some, what: commonOf(first).many(some.length, some) });
    else
      for (const file of some) {
        const folder = file.kind === 'regular' ? folderOf(file) : undefined;
        if (folder === undefined) gathered.push(single(file));
        else addTo(folders, `${folder}\n${relationOf(file)}`, file);
      }
  }
  for (const some of folders.values()) {
    const [first] = some as [FoundFile];
    if (some.length < IN_FOLDER) gathered.push(...some.map(single));
    else gathered.push({ files: some, what: `${some.length} files in ${folderOf(first)}` });
  }
  return gathered;
}
