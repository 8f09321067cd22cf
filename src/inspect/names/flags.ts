/** The open flags of a description, in words. Source: open(2), F_GETFL of fcntl(2). */
import { O_PATH } from '../../procfs/fdinfo.ts';
import { fs } from '../../procfs/read.ts';

const O_ACCMODE = 3;
const ACCESS = ['rdonly', 'wronly', 'rdwr'] as const;
/** The same on every architecture that is served; Node has no name for them. */
const FASYNC = 0o20000;
const TMPFILE = 0o20000000;

/** Besides how it may be accessed. O_SYNC holds the bit of O_DSYNC, and O_TMPFILE that of O_DIRECTORY. */
const flagBits = (): ReadonlyArray<readonly [name: string, bits: number, unless?: number]> => {
  const { O_APPEND, O_DIRECT, O_DIRECTORY, O_DSYNC, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_SYNC } = fs().constants;
  return [
    ['append', O_APPEND],
    ['nonblock', O_NONBLOCK],
    ['async', FASYNC],
    ['sync', O_SYNC],
    ['dsync', O_DSYNC, O_SYNC],
    ['direct', O_DIRECT],
    ['noatime', O_NOATIME],
    ['tmpfile', TMPFILE],
    ['directory', O_DIRECTORY, TMPFILE],
    ['nofollow', O_NOFOLLOW],
  ];
};

const holds = (flags: number, bits: number): boolean => (flags & bits) === bits;

/**
 * What fcntl(2) F_GETFL would answer: 'rdonly', 'wronly' or 'rdwr', or 'path' for what gives no access, then 'append', 'nonblock'
 * and the others. Left out are what a descriptor has, not the description (O_CLOEXEC), and what says nothing (O_LARGEFILE).
 */
export function openFlags(flags: number): string[] {
  const access = (flags & O_PATH) !== 0 ? 'path' : ACCESS[flags & O_ACCMODE];
  const others = flagBits().filter(
    ([, bits, unless]) => holds(flags, bits) && (unless === undefined || !holds(flags, unless)),
  );
  return [...(access === undefined ? [] : [access]), ...others.map(([name]) => name)];
}
