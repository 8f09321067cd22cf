/** Which targets of an epoll instance are not what their number says, told to somebody who never heard of it. */
import type { EpollReport, EpollTarget } from '../../index.ts';
import { readLink } from '../../procfs/fd.ts';
import { isInFirstNamespace } from '../../procfs/processes.ts';
import { plural, some } from '../../util/text.ts';
import { elsewhereText } from './elsewhere.ts';
import { named } from './names.ts';

/** What a target is, read from somebody who holds it; its inode where nobody does, which only of a socket is known for sure. */
export function describe({ holders, ino, elsewhere = [] }: EpollTarget): string {
  for (const holder of holders) {
    const link = readLink(holder.pid, holder.fd);
    if (link !== null) return link;
  }
  if (ino === undefined) return '?';
  return elsewhere.some(({ sure }) => sure === 'description') ? `socket:[${ino}]` : `inode ${ino}`;
}

const SHOWN = 4;

/** `4242:7, 4242:8 and 3 more`. */
export const holdersText = ({ holders }: EpollTarget): string =>
  holders.length === 0
    ? 'nobody seen'
    : some(
        holders.map(({ pid, fd }) => `${pid}:${fd}`),
        SHOWN,
      );

function keptBy(target: EpollTarget): string {
  const pids = [...new Set(target.holders.map(({ pid }) => pid))];
  if (pids.length > 0) {
    const fds =
      target.holders.length === 1 ? `fd ${target.holders[0]?.fd}` : plural(target.holders.length, 'descriptor');
    return `${fds} of ${some(pids.map(named), SHOWN)} (${holdersText(target)}) ${target.holders.length === 1 ? 'keeps' : 'keep'} that file open`;
  }
  const elsewhere = elsewhereText(target.elsewhere ?? []);
  if (target.elsewhere?.some(({ sure }) => sure === 'description') === true) return elsewhere as string;
  if (target.elsewhere?.some(({ how, sure }) => how === 'mapped' && sure === 'inode') === true)
    return `no process has a descriptor of that file: ${elsewhere}`;
  const [where, who] = isInFirstNamespace() ? ['', ''] : [' of this pid namespace', 'one outside has, or '];
  const nobody =
    target.reason === 'unreadable'
      ? 'whoever keeps that file open could not be seen'
      : `no process${where} has a descriptor of that file, so that ${who}it is in flight over a unix socket, mapped, or the kernel itself holds it`;
  return elsewhere === undefined ? nobody : `${nobody}: ${elsewhere}`;
}

/** Who else has the instance, each once. */
const partnersOf = ({ pid, instance }: EpollReport): number[] => [
  ...new Set(instance.map((one) => one.pid).filter((other) => other !== pid)),
];

/** `, shared with 4711 (node)`; nothing where nobody else has it. */
export function sharedText(report: EpollReport): string {
  const sharers = partnersOf(report);
  return sharers.length === 0 ? '' : `, shared with ${some(sharers.map(named), SHOWN)},`;
}

/** Nothing tells who registered a target; a process of an instance that is shared may have its file under that number still. */
function registeredBy(report: EpollReport, { tfd, holders }: EpollTarget): string {
  const sharers = partnersOf(report);
  const one = holders.find(({ pid, fd }) => fd === tfd && sharers.includes(pid));
  const still = one === undefined ? '' : `, as fd ${tfd} of ${named(one.pid)} still is`;
  return `registered when fd ${tfd}${sharers.length === 0 ? '' : ' of whoever did so'} was that file${still}`;
}

/** What is left of one that was registered for one report and has made it; the kernel keeps such flags as EPOLLET. */
const FLAGS = 0xf0000000;
const isDisarmed = ({ events }: EpollTarget): boolean => (events & ~FLAGS) === 0;

/** One paragraph: the number, what that number is today, and who keeps the old file alive. */
export function explainStale(report: EpollReport, target: EpollTarget): string {
  const { pid, efd } = report;
  const { tfd, numberNow, numberReused } = target;
  const today =
    numberNow === null
      ? 'is closed today'
      : numberReused
        ? `is another file today, ${numberNow}`
        : `is ${numberNow} today`;
  return (
    `Target ${tfd} is stale: it watches ${describe(target)}, ${registeredBy(report, target)}. Fd ${tfd} of ${named(pid)} ${today}, ` +
    `but ${keptBy(target)}, so epoll instance ${efd} ${isDisarmed(target) ? 'keeps it, and reports nothing of it until it is armed again,' : 'goes on reporting its events'} under number ${tfd}.`
  );
}
