/** The scans without blocking: against the same ones at once, and how long they keep a program waiting that asks. */
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Build } from './build.ts';
import { type Job, perform } from './jobs.ts';
import { median, ratio, type Timing } from './measure.ts';
import { countCalls } from './observe.ts';
import type { Row, Suite } from './row.ts';
import { epollScene, mixScene } from './scenes.ts';

const ROUNDS = 15;
const WARMUP = 3;
const GAPS = 5;
const ABORTS = 1000;
/** A descriptor of the first third of each process: an eventfd; and one of the second: an open of /dev/null. */
const EVENTFD = 100;
const DEVICE = 0.5;

/** Both doors in turn. */
async function againstAtOnce({ library, promises }: Build, name: string, scene: string, job: Job): Promise<Row> {
  const ours: Timing = { name: `promises ${job.call}()`, ms: 0, rounds: [] };
  const theirs: Timing = { name: `${job.call}()`, ms: 0, rounds: [] };
  const sides = [
    { timing: ours, run: () => perform(promises, job) },
    { timing: theirs, run: () => perform(library, job) },
  ];
  for (let round = -WARMUP; round < ROUNDS; round++) {
    for (const { timing, run } of round % 2 === 0 ? sides : sides.toReversed()) {
      const start = performance.now();
      await run();
      if (round >= 0) timing.rounds.push(performance.now() - start);
    }
  }
  for (const timing of [ours, theirs]) timing.ms = median(timing.rounds);
  const cost = ({ name, ms }: Timing): { name: string; ms: number } => ({ name, ms });
  return { name, scene, ours: cost(ours), against: [cost(theirs)], ratio: ratio(ours, theirs), limit: 1.15 };
}

/** Milliseconds of the processor's that this process took so far. */
function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * The longest time between two ticks of a timer of one millisecond, while something is awaited, and the most work: on a
 * busy machine others have the processor in between.
 */
async function longestGap(run: () => Promise<unknown>): Promise<{ gap: number; work: number }> {
  let [last, before] = [performance.now(), worked()];
  const longest = { gap: 0, work: 0 };
  const tick = (): void => {
    const [now, done] = [performance.now(), worked()];
    longest.gap = Math.max(longest.gap, now - last);
    longest.work = Math.max(longest.work, done - before);
    [last, before] = [now, done];
  };
  const timer = setInterval(tick, 1);
  await run();
  tick();
  clearInterval(timer);
  return longest;
}

/** Beside it stand what an idle program sees on this machine meanwhile, and the longest system call, which nothing can part. */
async function gapRow({ promises, index }: Build, name: string, scene: string, job: Job): Promise<Row> {
  const [gaps, works, idle]: [number[], number[], number[]] = [[], [], []];
  await perform(promises, job);
  for (let i = 0; i < GAPS; i++) {
    const start = performance.now();
    const { gap, work } = await longestGap(() => perform(promises, job));
    gaps.push(gap);
    works.push(work);
    const length = performance.now() - start;
    idle.push((await longestGap(() => sleep(length))).gap);
  }
  const beside = [
    { name: 'idle', ms: median(idle) },
    { name: 'the most work between two ticks', ms: median(works) },
    { name: 'its longest system call', ms: countCalls(index, job).longestMs },
  ];
  return { name, scene, figure: { value: median(gaps), unit: 'ms' }, against: beside, limit: 20 };
}

/** The longest time from the moment of an abort, which may come within a slice, to the rejection; what is left is an error. */
async function abortsRow({ promises }: Build, name: string, pids: number[]): Promise<Row> {
  const job: Job = { call: 'groupFiles', pids };
  const lengths: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await perform(promises, job);
    lengths.push(performance.now() - start);
  }
  const inUse = (): string => `${readdirSync('/proc/self/fd')} ${process.getActiveResourcesInfo().sort()}`;
  const before = inUse();
  let [heard, longest, own, idle] = [0, 0, 0, 0];
  for (let tries = 0; heard < ABORTS; tries++) {
    if (tries > 3 * ABORTS) throw new Error(`${name}: only ${heard} of ${tries} aborts came before the answer`);
    const controller = new AbortController();
    const delay = Math.ceil(Math.random() * Math.min(...lengths));
    const done = worked();
    const due = performance.now() + delay;
    const timer = setTimeout(() => controller.abort(), delay);
    const outcome = await perform(promises, job, controller.signal).catch((error: unknown) => error);
    const waited = performance.now() - due;
    clearTimeout(timer);
    if (getEventListeners(controller.signal, 'abort').length > 0) throw new Error(`${name}: a listener is left`);
    if (!(outcome instanceof Error)) continue;
    if (outcome.name !== 'AbortError') throw outcome;
    longest = Math.max(longest, waited);
    own = Math.max(own, Math.min(waited, worked() - done));
    heard++;
    const start = performance.now();
    await sleep(delay);
    idle = Math.max(idle, performance.now() - start - delay);
  }
  await sleep(5);
  if (inUse() !== before) throw new Error(`${name}: left ${inUse()} instead of ${before}`);
  const beside = [
    { name: 'idle', ms: idle },
    { name: 'at most by its own work', ms: own },
  ];
  const scene = `${ABORTS} at random moments: the longest wait`;
  return { name, scene, figure: { value: longest, unit: 'ms' }, against: beside, limit: 20 };
}

const NAMES = ['groups', 'holders', 'inherited', 'epoll'];

export const promises = (build: Build): Suite => ({
  rows: [...NAMES, 'aborts', 'gap.device', ...NAMES.map((name) => `gap.${name}`)].map((name) => `promises.${name}`),
  async *run(wanted): AsyncGenerator<Row> {
    for (const [part, processes, each] of [
      ['promises', 40, 700],
      ['promises.gap', 20, 10_000],
    ] as const) {
      const names = [...NAMES, 'device', 'aborts'].map((name) => `${part}.${name}`);
      if (!names.some(wanted)) continue;
      const scene = await mixScene('mixed', processes, each);
      const epoll = await epollScene('eventfds', 1000, true);
      const { pids } = scene;
      const [pid = 0, from = 0] = pids;
      const what = `${processes * each} descriptors`;
      const jobs: Array<[name: string, scene: string, job: Job]> = [
        ['groups', what, { call: 'groupFiles', pids }],
        ['holders', `${what}, an eventfd`, { call: 'findHolders', file: { pid, fd: EVENTFD }, pids }],
        ['inherited', `${2 * each} of them`, { call: 'findInherited', pid, from }],
        ['epoll', what, { call: 'resolveEpoll', pid: epoll.pid, efd: epoll.efd, pids: [...pids, epoll.pid] }],
      ];
      const device: Job = { call: 'findHolders', file: { pid, fd: Math.floor(each * DEVICE) }, pids };
      if (part === 'promises.gap') jobs.push(['device', `${what}, /dev/null`, device]);
      const row = part === 'promises' ? againstAtOnce : gapRow;
      for (const [name, scene, job] of jobs)
        if (wanted(`${part}.${name}`)) yield row(build, `${part}.${name}`, scene, job);
      if (wanted('promises.aborts') && part === 'promises') yield abortsRow(build, `${part}.aborts`, pids.slice(0, 8));
      await scene.stop();
      await epoll.stop();
    }
  },
});
