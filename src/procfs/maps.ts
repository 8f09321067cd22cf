/**
 * /proc/PID/maps: the files that a task has mapped, and /proc/PID/map_files, by which who is privileged enough can look at
 * them. To read it is to wait for whoever changes that address space.
 *
 * Source: proc_pid_maps(5), proc_pid_map_files(5); show_map_vma() of fs/proc/task_mmu.c.
 */
import { type FileStat, statAt } from './fd.ts';
import { DELETED } from './link.ts';
import { readText } from './read.ts';
import { PROC } from './root.ts';

/** A range of addresses that stands for a file. */
export interface Mapping {
  /** As a name in /proc/PID/map_files. */
  range: string;
  /** In the kernel's own form. On overlayfs and btrfs it is another than that which statx(2) tells. */
  dev: number;
  ino: bigint;
  /** As readlink(2) would tell it. */
  link: string;
}

/** Range, permissions, offset, device, inode, name. */
const LINE = /^0*([\da-f]+)-0*([\da-f]+) \S+ [\da-f]+ ([\da-f]+):([\da-f]+) (\d+) +(.+)$/;

/** Only line ends are escaped, so that a name which holds one as written is taken for it. */
const unescaped = (name: string): string => name.replaceAll('\\012', '\n');

/** The mappings in a text of which the line has this inode number or ends with this link, or that of such a file deleted. */
export function parseMappings(text: string, ino: bigint, link: string): Mapping[] {
  const number = ` ${ino} `;
  const name = link.replaceAll('\n', '\\012');
  return mappingsIn(text, (line) => line.includes(number) || line.endsWith(name) || line.endsWith(name + DELETED));
}

function mappingsIn(text: string, isWanted: (line: string) => boolean): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of text.split('\n')) {
    if (!isWanted(line)) continue;
    const [, start, end, major = '', minor = '', inode, path] = LINE.exec(line) ?? [];
    if (path === undefined) continue;
    const dev = (Number.parseInt(major, 16) << 20) | Number.parseInt(minor, 16);
    mappings.push({ range: `${start}-${end}`, dev, ino: BigInt(inode as string), link: unescaped(path) });
  }
  return mappings;
}

/** What a task has mapped that may be a file with this inode number or this link, or the errno's name. */
export function readMappings(pid: number, ino: bigint, link: string, root: string = PROC): Mapping[] | string {
  const read = readText(`${root}/${pid}/maps`, 'utf8');
  return typeof read === 'string' ? read : parseMappings(read.text, ino, link);
}

/** What a task has mapped of a device, in the kernel's own form, as mountinfo has it, or the errno's name. */
export function readMappingsOn(pid: number, dev: number, root: string = PROC): Mapping[] | string {
  const read = readText(`${root}/${pid}/maps`, 'utf8');
  const [major, minor] = [dev >>> 20, dev & 0xfffff].map((part) => part.toString(16).padStart(2, '0'));
  return typeof read === 'string' ? read : mappingsIn(read.text, (line) => line.includes(` ${major}:${minor} `));
}

/** All that a task has mapped that is a file, or the errno's name. */
export function readFileMappings(pid: number, root: string = PROC): Mapping[] | string {
  const read = readText(`${root}/${pid}/maps`, 'utf8');
  return typeof read === 'string'
    ? read
    : mappingsIn(read.text, (line) => !line.endsWith(' ') && !line.includes(' 00:00 0 '));
}

/** What a task has mapped that was deleted, by its link, or the errno's name. */
export function readDeletedMappings(pid: number, root: string = PROC): Mapping[] | string {
  const read = readText(`${root}/${pid}/maps`, 'utf8');
  return typeof read === 'string' ? read : mappingsIn(read.text, (line) => line.endsWith(DELETED));
}

/** The file of a mapping, or the errno's name: to follow these links takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
export const statMapping = (pid: number, { range }: Mapping): FileStat | string =>
  statAt(`${PROC}/${pid}/map_files/${range}`);
