/** Resolving every target of an epoll instance, against C that knows the answers or searches for them. */
import type { Build } from './build.ts';
import { compare, NO_COMPILER, type Row, type Suite } from './row.ts';
import { epollScene, type EpollScene } from './scenes.ts';
import { cSide, growthRows, ourSide } from './sides.ts';

type Status = 'live' | 'renumbered';

/** No row may be fast because it found less. */
function checkAnswers({ library }: Build, { pid, efd, fds }: EpollScene, expected: Status): void {
  const { targets } = library.resolveEpoll(pid, efd, { pids: [pid] });
  const places = new Set(fds);
  const wrong = targets.filter(
    ({ status, holders }) => status !== expected || holders.some((holder) => !places.has(holder.fd)),
  );
  if (targets.length !== fds.length || wrong.length > 0) {
    throw new Error(
      `resolveEpoll: ${wrong.length} of ${targets.length} targets are wrong, ${fds.length} were registered`,
    );
  }
}

function resolveRow(
  build: Build,
  name: string,
  what: string,
  scene: EpollScene,
  expected: Status,
  limit?: number,
): Row {
  const { pid, efd, tfds, fds } = scene;
  const { references } = build;
  checkAnswers(build, scene, expected);
  const common = {
    name,
    scene: what,
    rounds: fds.length > 5000 ? 7 : 21,
    ours: ourSide(build, { call: 'resolveEpoll', pid, efd }),
    ...(limit === undefined ? {} : { limit }),
  };
  if (references === undefined) return compare({ ...common, against: [], leftOut: NO_COMPILER });
  const against =
    expected === 'live'
      ? cSide('C: one call a target', () => references.epollConfirm(pid, efd, tfds, fds))
      : cSide('C: binary search', () => references.epollSearch(pid, efd, tfds));
  return compare({ ...common, against: [against] });
}

const LIVE = ([1_000, 10_000] as const).flatMap((targets) =>
  (['eventfds', 'sockets'] as const).map((kind) => ({ name: `epoll.live-${targets}-${kind}`, targets, kind })),
);

export const epolls = (build: Build): Suite => ({
  rows: [...LIVE.map(({ name }) => name), 'epoll.renumbered-1000', 'growth.epoll-live', 'growth.epoll-renumbered'],
  async *run(wanted): AsyncGenerator<Row> {
    for (const { name, targets, kind } of LIVE) {
      if (!wanted(name)) continue;
      const scene = await epollScene(kind, targets);
      yield resolveRow(
        build,
        name,
        `${targets} ${kind} in their own places`,
        scene,
        'live',
        targets === 10_000 ? 1.1 : undefined,
      );
      await scene.stop();
    }
    if (wanted('epoll.renumbered-1000')) {
      const scene = await epollScene('eventfds', 1000, true);
      yield resolveRow(build, 'epoll.renumbered-1000', '1000 eventfds under other numbers', scene, 'renumbered', 1.1);
      await scene.stop();
    }
    for (const [name, renumbered, smallest] of [
      ['growth.epoll-live', false, 625],
      ['growth.epoll-renumbered', true, 100],
    ] as const) {
      if (!wanted(name)) continue;
      const scenes = [];
      for (const size of [smallest, smallest * 4, smallest * 16])
        scenes.push(await epollScene('eventfds', size, renumbered));
      yield* growthRows(
        build,
        name,
        7,
        scenes.map(({ pid, efd, fds }) => ({
          scene: `${fds.length} eventfds`,
          job: { call: 'resolveEpoll', pid, efd },
        })),
      );
      for (const scene of scenes) await scene.stop();
    }
  },
});
