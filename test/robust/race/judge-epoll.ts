/** Is what resolveEpoll says true, where it says that nothing changed? */
import type { EpollReport, EpollTarget } from '../../../src/index.ts';
import { anyOf, listed, type Wrong } from './judge.ts';
import { Excuses, type Look } from './look.ts';
import { type Ask, filesOf, type Item, NONE } from './scene.ts';

export function judgeEpoll(ask: Ask, report: EpollReport, look: Look): Wrong {
  if (!report.stable) return undefined;
  return anyOf(look.may(ask), (instance) => {
    const items = look.scene.items.get(instance) ?? [];
    const wrong = listed(instance, report.instance, new Excuses(report.coverage, look), look);
    if (wrong !== undefined && !look.scene.blind) return `instance: ${wrong}`;
    for (const target of report.targets) {
      const item = items.find(({ data }) => BigInt(data) === target.data);
      const fault = item === undefined ? 'it watches no such thing' : judgeTarget(ask.pid, item, target, report, look);
      if (fault !== undefined) return `target ${target.data}: ${fault}`;
    }
    for (const { data, cell } of items) {
      const times = report.targets.filter((target) => target.data === BigInt(data)).length;
      if (times > 1 || (times === 0 && (cell < 0 || (look.cell(cell) & NONE) === 0)))
        return `target ${data} is there ${times} times`;
    }
    return undefined;
  });
}

function judgeTarget(
  pid: number,
  { tfd, file, cell }: Item,
  target: EpollTarget,
  report: EpollReport,
  look: Look,
): Wrong {
  const { status, holders, numberNow, numberReused, reason } = target;
  if (tfd !== target.tfd) return `it was registered as ${tfd}`;
  if (cell >= 0 && look.cell(cell) === NONE) return 'it was not there at any moment';
  const wrong = listed(file, holders, new Excuses(report.coverage, look), look);
  if (wrong !== undefined) return wrong;
  const isLive = holders.some((ref) => ref.pid === pid && ref.fd === tfd);
  const isOwn = holders.some((ref) => ref.pid === pid);
  const expected = isLive ? 'live' : isOwn ? 'renumbered' : holders.length > 0 ? 'foreign' : 'unresolved';
  if (status !== expected) return `it is called ${status} and its holders say ${expected}`;
  if (reason === 'unseen' && ([...look.definite()].some(([, held]) => held === file) || look.scene.roam.includes(file)))
    return 'it is called unseen, and somebody holds it';
  if (look.refused) return undefined;
  const number = look.may({ pid, fd: tfd });
  const links = filesOf(number).map((held) => look.scene.files.get(held)?.link);
  const isRight = numberNow === null ? number === 0 || (number & NONE) !== 0 : links.includes(numberNow);
  if (!isRight) return `number ${tfd} is called ${numberNow} and was ${look.describe(number)}`;
  return numberReused === (numberNow !== null && !isLive) ? undefined : `numberReused is ${numberReused}`;
}
