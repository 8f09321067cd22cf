/**
 * How questions grow where there is very much of one thing: nothing should take more than n log n but what the kernel
 * does itself, such as its walks through the targets of an epoll instance, which others wait for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compilerMissing } from '../../support/compile.ts';
import { startThreads } from '../../support/threads.ts';
import { during, startTurner, type Turner } from '../../support/turns.ts';
import type { Build } from '../build.ts';
import { NO_COMPILER, type Row, type Suite } from '../row.ts';
import { mixScene } from '../scenes.ts';
import { instances, processes } from './crowds.ts';
import { growing, type Question } from './measure.ts';

/** From one size to the next n log n looks like a power of 1.1, and the machine is never quiet. */
const LIMIT = 1.2;
/** An eventfd of each process of a mixture. */
const EVENTFD = 100;
const EACH = 10_000;

const SIZES = {
  fds: [1000, 20_000, 200_000],
  processes: [100, 1000, 5000],
  threads: [160, 1600, 16_000],
  instances: [20, 200, 2000],
  targets: [1000, 10_000, 100_000],
} as const;

const PARTS = ['fds', 'processes', 'threads', 'tables', 'instances', 'targets'] as const;

/** @param steps - how many of the sizes, from the smallest */
export const growth = (build: Build, steps: number): Suite => {
  const rows: Record<(typeof PARTS)[number], string[]> = {
    fds: ['groups', 'holders'],
    processes: ['groups', 'holders', 'tasks'],
    threads: ['groups', 'holders', 'tasks'],
    tables: ['groups', 'holders', 'tasks'],
    instances: ['all', 'one', 'holders'],
    targets: ['epoll', 'turns'],
  };
  const names = PARTS.flatMap((part) => rows[part].map((name) => `growth.${part}.${name}`));
  return {
    rows: names,
    async *run(wanted): AsyncGenerator<Row> {
      for (const part of PARTS) {
        const prefix = `growth.${part}`;
        if (!names.some((name) => name.startsWith(`${prefix}.`) && wanted(name))) continue;
        yield* runPart[part](build, prefix, steps);
      }
    },
  };
};

const tablesOf = ({ library }: Build, name: string, pids: number[], fd: number): Question[] => [
  { name: `${name}.groups`, call: 'groupFiles()', ask: () => library.groupFiles({ pids }), limit: LIMIT },
  {
    name: `${name}.holders`,
    call: 'findHolders()',
    ask: () => library.findHolders({ pid: pids[0] as number, fd }, { pids }),
    limit: LIMIT,
  },
];

const tasksOf = ({ library }: Build, name: string, ids: number[]): Question => ({
  name: `${name}.tasks`,
  call: 'taskSharing()',
  ask: () => library.taskSharing(ids),
  limit: LIMIT,
});

async function* ofThreads(build: Build, name: string, steps: number, haveOwn: boolean): AsyncGenerator<Row> {
  if (compilerMissing !== false) return yield { name, scene: 'threads', leftOut: NO_COMPILER };
  yield* growing(
    SIZES.threads.slice(0, steps),
    haveOwn ? 'threads and tables' : 'threads',
    (size) => startThreads(size, haveOwn),
    (crowd) => [...tablesOf(build, name, crowd.pids, 0), tasksOf(build, name, crowd.tids)],
  );
}

const runPart: Record<(typeof PARTS)[number], (build: Build, name: string, steps: number) => AsyncGenerator<Row>> = {
  fds: (build, name, steps) =>
    growing(
      SIZES.fds.slice(0, steps),
      'descriptors',
      async (size) => {
        const each = Math.min(size, EACH);
        return { ...(await mixScene('mixed', size / each, each)), count: size };
      },
      ({ pids }) => tablesOf(build, name, pids, EVENTFD),
    ),
  processes: (build, name, steps) =>
    growing(SIZES.processes.slice(0, steps), 'processes', processes, ({ pids }) => {
      // 39 calls of kcmp for each of 1,000 and 50 for each of 5,000, as sorting takes: but the kernel takes longer for one.
      const { limit: _, ...tasks } = tasksOf(build, name, pids);
      return [...tablesOf(build, name, pids, 0), tasks];
    }),
  threads: (build, name, steps) => ofThreads(build, name, steps, false),
  tables: (build, name, steps) => ofThreads(build, name, steps, true),
  instances: (build, name, steps) =>
    growing(SIZES.instances.slice(0, steps), 'epoll instances', instances, ({ pids, efds }) => {
      const [pid = 0] = pids;
      const [fd = 0] = efds;
      return [
        {
          name: `${name}.all`,
          call: 'all of them',
          ask: () => build.inner.resolveEpolls(pid, efds, { pids }),
          limit: LIMIT,
        },
        {
          name: `${name}.one`,
          call: 'resolveEpoll()',
          ask: () => build.library.resolveEpoll(pid, fd, { pids }),
          limit: LIMIT,
        },
        {
          name: `${name}.holders`,
          call: 'findHolders()',
          ask: () => build.library.findHolders({ pid, fd }, { pids }),
          limit: LIMIT,
        },
      ];
    }),
  targets: async function* (build, name, steps) {
    if (compilerMissing !== false) return yield { name, scene: 'targets', leftOut: NO_COMPILER };
    const turners: Turner[] = [];
    // One more is that by which it takes its turns.
    const start = async (size: number): Promise<Turner & { count: number }> =>
      Object.assign(await startTurner('eventfds', size - 1), { count: size });
    for await (const row of growing(SIZES.targets.slice(0, steps), 'targets', start, (turner) => {
      turners.push(turner);
      const ask = (): Promise<unknown> => look(build, turner);
      return [{ name: `${name}.epoll`, call: 'resolveEpoll()', ask }];
    })) {
      yield row;
      yield await turnsRow(build, name, turners.at(-1) as Turner, row);
    }
  },
};

/** Lets others run meanwhile, since they tell their turns to this process. */
const look = ({ promises }: Build, { pid, efd, pids }: Turner): Promise<unknown> =>
  promises.resolveEpoll(pid, efd, { pids });

/**
 * How often a watched process gets its events while nobody looks, and while somebody does all the while; the figure is what
 * it keeps of them beside another that nobody looks at, since all of them share the machine.
 */
async function turnsRow(build: Build, name: string, turner: Turner, { scene }: Row): Promise<Row> {
  const control = await startTurner('eventfds', 1);
  try {
    const both = [turner, control];
    const [alone = NaN, controlAlone = NaN] = await during(both, () => sleep(2000));
    const [watched = NaN, controlBeside = NaN] = await during(both, async () => {
      for (const end = performance.now() + 2000; performance.now() < end; ) await look(build, turner);
    });
    return {
      name: `${name}.turns`,
      scene: `${scene}: ${alone.toFixed(0)} turns/s, ${watched.toFixed(0)} in a look`,
      figure: { value: (100 * watched * controlAlone) / (alone * controlBeside), unit: '%' },
    };
  } finally {
    await control.stop();
  }
}
