/** Grouping and holders, over many processes, against C, and against other programs. */
import { isInstalled, type Build } from './build.ts';
import type { Job } from './jobs.ts';
import { measureMemory } from './observe.ts';
import { wholeProcess } from './processes.ts';
import { compare, NO_COMPILER, type Row, type Suite } from './row.ts';
import { mixScene, treeScene } from './scenes.ts';
import { cSide, growthRows, ourSide } from './sides.ts';

const PROCESSES = 40;
const EACH = 700;
const DESCRIPTORS = PROCESSES * EACH;
const ROUNDS = 15;
/** A descriptor of the first third of each process: an eventfd, whose inode every other eventfd shares. */
const EVENTFD = 100;
const NO_SUCH_PID = '2147483647';

function groupRow(build: Build, name: string, scene: string, pids: number[], limit: number): Row {
  const { library, references } = build;
  const common = { name, scene, limit, rounds: ROUNDS, ours: ourSide(build, { call: 'groupFiles', pids }) };
  if (references === undefined) return compare({ ...common, against: [], leftOut: NO_COMPILER });
  const list = Int32Array.from(pids);
  const { groups } = library.groupFiles({ pids });
  const holders = groups.reduce((sum, group) => sum + group.holders.length, 0);
  const found = references.groupBySort(list);
  if (groups.length !== found.groups || holders !== found.holders) {
    throw new Error(`${name}: ${groups.length} groups of ${holders}, but C finds ${found.groups} of ${found.holders}`);
  }
  const against = [
    cSide('C: one kcmp sort', () => references.groupBySort(list)),
    cSide('C: inode, then kcmp', () => references.groupByInode(list)),
  ];
  return compare({ ...common, against });
}

/** findHolders against what lsof needs to list the same, its start taken off. */
function holdersRow(build: Build, scene: string, pids: number[]): Row {
  const ours = ourSide(build, { call: 'findHolders', file: { pid: pids.at(-1) ?? 0, fd: EVENTFD }, pids });
  const common = { name: 'holders', scene, ours, limit: 0.3, warmup: 1 };
  if (!isInstalled('lsof')) return compare({ ...common, against: [], rounds: ROUNDS, leftOut: 'lsof: not installed' });
  const listing = wholeProcess('lsof', ['-nP', '-p', pids.join()]);
  const start = wholeProcess('lsof', ['-nP', '-p', NO_SUCH_PID]);
  const row = compare({ ...common, against: [listing, start], rounds: 5 });
  const [fast, slow] = row.against ?? [];
  if (row.ours !== undefined && fast !== undefined && slow !== undefined) {
    row.against = [{ name: 'lsof less its start', ms: slow.ms - fast.ms }];
    row.ratio = row.ours.ms / (slow.ms - fast.ms);
  }
  return row;
}

/** `kcmp groups` beside the programs that list descriptors, each as a whole process. */
function* commandRows(
  { main }: Build,
  wanted: (row: string) => boolean,
  scene: string,
  pids: number[],
): Generator<Row> {
  const ours = wholeProcess(process.execPath, [main, 'groups', ...pids.map(String)], 'kcmp groups');
  const peers = [
    { name: 'command.groups', peer: wholeProcess('lsof', ['-nP', '-p', pids.join()]), limit: 1.0 },
    { name: 'command.groups-lsfd', peer: wholeProcess('lsfd', ['-p', pids.join()]) },
    { name: 'command.groups-ss', peer: wholeProcess('ss', ['-axp']) },
  ];
  for (const { peer, ...named } of peers) {
    if (!wanted(named.name)) continue;
    if (isInstalled(peer.name)) yield compare({ ...named, scene, ours, against: [peer], rounds: 5, warmup: 1 });
    else yield { ...named, scene, leftOut: `${peer.name}: not installed` };
  }
  if (!wanted('command.machine')) return;
  const all = wholeProcess(process.execPath, [main, 'groups'], 'kcmp groups');
  const named = { name: 'command.machine', scene: 'the whole machine', limit: 1.0 };
  if (isInstalled('lsof'))
    yield compare({ ...named, ours: all, against: [wholeProcess('lsof', ['-nP'])], rounds: 5, warmup: 1 });
  else yield { ...named, leftOut: 'lsof: not installed' };
}

function* growth(build: Build, wanted: (row: string) => boolean, pids: number[]): Generator<Row> {
  const parts = [2, 8, 32].map((count) => pids.slice(0, count));
  const rows = (name: string, job: (part: number[]) => Job): Generator<Row> =>
    growthRows(
      build,
      name,
      ROUNDS,
      parts.map((part) => ({ scene: `${part.length * EACH} descriptors`, job: job(part) })),
    );
  if (wanted('growth.groups')) yield* rows('growth.groups', (part) => ({ call: 'groupFiles', pids: part }));
  if (wanted('growth.holders')) {
    yield* rows('growth.holders', (part) => ({
      call: 'findHolders',
      file: { pid: part[0] ?? 0, fd: EVENTFD },
      pids: part,
    }));
  }
}

export const mixedGroups = (build: Build): Suite => ({
  rows: [
    'groups.mixed',
    'groups.memory',
    'holders',
    'growth.groups',
    'growth.holders',
    'command.groups',
    'command.groups-lsfd',
    'command.groups-ss',
    'command.machine',
  ],
  async *run(wanted): AsyncGenerator<Row> {
    const scene = await mixScene('mixed', PROCESSES, EACH);
    const { pids } = scene;
    const what = `${DESCRIPTORS}: eventfds, /dev/null, sockets`;
    if (wanted('groups.mixed')) yield groupRow(build, 'groups.mixed', what, pids, 1.0);
    if (wanted('groups.memory')) {
      const value = measureMemory(build.index, { call: 'groupFiles', pids }) / 1e6;
      yield {
        name: 'groups.memory',
        scene: 'peak memory added by grouping these',
        figure: { value, unit: 'MB' },
        limit: 40,
      };
    }
    if (wanted('holders')) yield holdersRow(build, what, pids);
    yield* growth(build, wanted, pids);
    yield* commandRows(build, wanted, what, pids);
    await scene.stop();
  },
});

export const socketGroups = (build: Build): Suite => ({
  rows: ['groups.sockets'],
  async *run(): AsyncGenerator<Row> {
    const scene = await mixScene('sockets', PROCESSES, EACH);
    yield groupRow(build, 'groups.sockets', `${DESCRIPTORS}: sockets, pipes`, scene.pids, 1.0);
    await scene.stop();
  },
});

export const treeGroups = (build: Build): Suite => ({
  rows: ['groups.tree'],
  async *run(): AsyncGenerator<Row> {
    const scene = await treeScene(200, 100);
    yield groupRow(build, 'groups.tree', 'a server, 200 children that inherit 100', scene.pids, 0.5);
    await scene.stop();
  },
});
