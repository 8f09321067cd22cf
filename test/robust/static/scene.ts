/** A random scene: some processes that opened things, watch them, were given some in common, and sent others on. */
import { Fds } from '../../support/brute.ts';
import { type Child, type ChildOptions, startChild } from '../../support/child.ts';
import * as libc from '../../support/libc.ts';
import type { Random } from '../../support/random.ts';
import { startThread } from '../../support/scenes.ts';
import type * as building from './build.ts';

const BUILD = new URL('./build.ts', import.meta.url).href;
const STEPS = 70; // of each process
const PASSED = 6; // that each process sends to the next

export interface Scene {
  children: Child[];
  built: building.Built[];
  fds: Fds;
}

/** Runs one function of build.ts in a child. */
export const within = <N extends keyof typeof building>(
  child: Child,
  name: N,
  ...args: Parameters<(typeof building)[N]>
): Promise<Awaited<ReturnType<(typeof building)[N]>>> =>
  child.run(
    async (_, source: string, name: string, args: unknown[]) => (await import(source))[name](...args),
    BUILD,
    name,
    args,
  );

/** Each sends something to the next, over sockets that they were given as fd 4 and 5. */
async function pass(children: Child[], random: Random): Promise<building.Built[]> {
  const kinds = await Promise.all(children.map((child) => within(child, 'send', 4, random.next())));
  return Promise.all(children.map((child, i) => within(child, 'receive', 5, kinds.at(i - 1) ?? 'unknown')));
}

/** @param options - for each process, whose it is */
export async function startScene(random: Random, options: readonly ChildOptions[]): Promise<Scene> {
  const fds = new Fds();
  const given = [fds.eventfd(), ...fds.pipe(), fds.epoll()];
  const sockets = options.map(() => libc.socketpair().map((fd) => fds.add(fd)));
  const children = await Promise.all(
    options.map((option, i) =>
      startChild({ ...option, fds: [sockets[i]?.[0] ?? 0, sockets.at(i - 1)?.[1] ?? 0, ...given] }),
    ),
  );
  for (const child of children) await within(child, 'build', random.next(), STEPS);
  if (random.below(2) === 0) await startThread(children[0] as Child, libc.CLONE_FILES);
  let built: building.Built[] = [];
  for (let i = 0; i < PASSED; i++) built = await pass(children, random);
  return { children, built, fds };
}
