/** /proc/PID/mountinfo: what is mounted where, as a task sees it. Source: proc_pid_mountinfo(5). */
import { readText } from '../read.ts';
import { PROC } from '../root.ts';

export interface Mount {
  id: number;
  /** What it is mounted on. */
  parent: number;
  /** In the kernel's own form, `major << 20 | minor`, as statx tells it. */
  dev: number;
  /** Which folder or file of the filesystem is mounted: `/` where all of it is. */
  root: string;
  /** Where, as the task names it. */
  point: string;
  /** The type of its filesystem. */
  type: string;
  /** What is mounted, as a filesystem tells it: mostly the path of a device. */
  source: string;
  /** What else the filesystem tells of itself, with commas between, still escaped. */
  options: string;
}

/** Numbers of the mount, its parent and its device; what of it is mounted, where, how; tags; then the filesystem's type, what it is of, and more. */
const LINE = /^(\d+) (\d+) (\d+):(\d+) (\S+) (\S+) \S+ (?:\S+ )*?- (\S+) (\S*)(?: (\S+))?/gm;

export const unescaped = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export const parseMounts = (text: string): Mount[] =>
  Array.from(
    text.matchAll(LINE),
    ([, id, parent, major, minor, root = '', point = '', type = '', of = '', more = '']) => ({
      id: Number(id),
      parent: Number(parent),
      dev: (Number(major) << 20) | Number(minor),
      root: unescaped(root),
      point: unescaped(point),
      type,
      source: unescaped(of),
      options: more,
    }),
  );

/** The mounts that a task sees, or the errno's name. */
export function readMounts(pid: number, root: string = PROC): Mount[] | string {
  const read = readText(`${root}/${pid}/mountinfo`, 'utf8');
  return typeof read === 'string' ? read : parseMounts(read.text);
}

/** The mount by which a descriptor was opened, by the text of its fdinfo; undefined where it is none of these. */
export function mountOf(fdinfo: string, mounts: readonly Mount[] | string): Mount | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(fdinfo)?.[1];
  return typeof mounts === 'string' ? undefined : mounts.find((mount) => mount.id === Number(id));
}

/** Whether a path is below where something is mounted, by its text. */
export const isBelow = ({ point }: Mount, path: string): boolean =>
  path.startsWith(point === '/' ? point : `${point}/`);
