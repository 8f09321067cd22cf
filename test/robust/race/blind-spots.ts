/**
 * Do the judges see what is wrong? Right answers about scenes that keep still are spoilt in every way that matters, and
 * judged again: a spoilt one that passes is a blind spot, and so is a right one that does not.
 */
import type {
  Coverage,
  EpollReport,
  FileGroup,
  GroupReport,
  Holder,
  HolderReport,
  InheritedReport,
  OpenReport,
} from '../../../src/index.ts';
import { sceneOf } from './caller.ts';
import { type Answer, inquire, judge, openDoor } from './questions.ts';
import { type Ask, keyOf } from './scene.ts';

const skip = (report: { coverage: Coverage }, code: string, pid: number): void =>
  void report.coverage.skipped.push({ pid, code, count: 1, unit: 'descriptor', reason: code });
const pop = <T>(items: T[]): T => items.pop() as T; // the last ones are surely the scene’s

type Spoil<R> = Record<string, (report: R, ask: Ask) => void>;

const HOLDERS: Spoil<HolderReport> = {
  'a holder is missing': ({ holders }) => pop(holders),
  'a holder is missing, which is said to be gone': (report) => skip(report, 'ESRCH', pop(report.holders).pid),
  'a holder is missing, and another process is excused': (report) =>
    skip(report, 'EAGAIN', pop(report.holders).pid + 1),
  'a holder is named twice': ({ holders }) => holders.push({ ...pop(holders) }, { pid: 1, fd: 1 }),
  'another file is named as well': ({ holders, sameInode, otherEnd }) =>
    holders.push((sameInode.pop() ?? otherEnd?.holders.at(-1)) as Holder),
  'a holder is called another file': ({ holders, sameInode }) => sameInode.push(pop(holders)),
  'the link is another': (report) => Object.assign(report, { link: 'pipe:[1]' }),
  'the kind is another': (report) => Object.assign(report, { kind: 'socket' }),
  nobody: ({ holders }) => holders.splice(0),
};
const GROUPS: Spoil<GroupReport> = {
  'two groups are merged': ({ groups }) => pop(groups).holders.forEach((ref) => groups.at(-1)?.holders.push(ref)),
  'a group is split': ({ groups }) => {
    const whole = groups.findLast(({ holders }) => holders.length > 1) as FileGroup;
    groups.push({ ...whole, holders: [pop(whole.holders)] });
  },
  'a group is missing': ({ groups }) => pop(groups),
  'one is missing, which is said to be gone': (report) =>
    skip(report, 'EBADF', pop(report.groups.at(-1)?.holders ?? []).pid),
  'the link is another': ({ groups }) => Object.assign(groups.at(-1) as object, { link: 'pipe:[1]' }),
};
const INHERITED: Spoil<InheritedReport> = {
  'one is missing': ({ inherited }) => pop(inherited),
  'one is not inherited': ({ inherited }) => Object.assign(inherited.at(-1) as object, { fd: 98 }),
  'it came from another': ({ inherited }) =>
    Object.assign(inherited.at(-1) as object, { from: { pid: inherited.at(-1)?.from.pid, fd: 52 } }),
};
const EPOLL: Spoil<EpollReport> = {
  'a target is missing': ({ targets }) => pop(targets),
  'a holder is missing': ({ targets }) => pop(targets[0]?.holders ?? []),
  'the holders are another’s': ({ targets }) => {
    const first = targets.find(({ data }) => data === 1n);
    const second = targets.find(({ data }) => data === 2n);
    Object.assign(first as object, { holders: second?.holders });
  },
  'the status is another': ({ targets }) =>
    Object.assign(targets[0] as object, { status: targets[0]?.status === 'live' ? 'foreign' : 'live' }),
  'the number is another file': ({ targets }) => Object.assign(targets[0] as object, { numberNow: '/dev/null' }),
  'the instance lacks one': ({ instance }) => pop(instance),
};
const PROCESS: Spoil<OpenReport> = {
  'two are merged': ({ files }) => pop(files).holders.forEach((ref) => files.at(-1)?.holders.push(ref)),
  'one is missing': ({ files }) => files.splice(0),
  'a holder is missing': ({ files }) => {
    for (const { holders } of files) if (holders.length > 1) pop(holders);
  },
  'the link is another': ({ files }) => files.forEach((file) => Object.assign(file, { link: 'pipe:[1]' })),
};
const SPOILS: Record<Ask['question'], Spoil<never>> = {
  holders: HOLDERS,
  groups: GROUPS,
  process: PROCESS,
  link: PROCESS,
  inherited: INHERITED,
  epoll: EPOLL,
  identify: {},
};
/** What may be left out when it is told. */
const EXCUSED: Spoil<HolderReport> = {
  'a holder is missing, which could not be looked at': (report) => skip(report, 'EAGAIN', pop(report.holders).pid),
};
const HOUR = 4_000_000;

/** @returns what the judges did not see */
export async function blindSpots(program: string): Promise<string[]> {
  const door = await openDoor('sync');
  const blind: string[] = [];
  let seen = 0;
  for (const move of ['flip', 'renumber']) {
    const scene = await sceneOf(program, { move, kind: 'pipe', periodUs: HOUR, seed: 1, caller: 'plain' });
    try {
      for (const ask of scene.asks) {
        const { wrong, answer, look } = await inquire(ask, door, scene);
        if (wrong !== undefined) blind.push(`${ask.question}, which is right: ${wrong}`);
        const check = (name: string, spoil: (report: never, ask: Ask) => void, isWrong: boolean): void => {
          const spoilt = structuredClone(answer) as Answer;
          spoil(spoilt as never, ask);
          seen++;
          const { wrong } = judge(ask, spoilt, look);
          if ((wrong !== undefined) !== isWrong)
            blind.push(`${move}, ${ask.question} of ${keyOf(ask)}: ${name}: ${wrong}`);
        };
        for (const [name, spoil] of Object.entries(SPOILS[ask.question])) check(name, spoil, true);
        if (ask.question === 'holders') for (const [name, spoil] of Object.entries(EXCUSED)) check(name, spoil, false);
      }
    } finally {
      await scene.stop();
    }
  }
  return seen > 40 ? blind : [...blind, `only ${seen} answers were spoilt`];
}
