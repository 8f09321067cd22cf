/**
 * A world of descriptions and who has them, which knows what is at the other end of each since it made them all.
 *
 *   Description   has descriptors, in any process, and `others`: the descriptions at its other end
 *   World         makes, passes on, copies, opens again, closes and sends off what is in it, at random
 */
import type { FileRef } from '../../../src/index.ts';
import type { Random } from '../../support/random.ts';
import type { Actor, Actors } from './actors.ts';

export interface Description {
  what: string;
  refs: FileRef[];
  /** In flight, so that nobody has it and it is not closed. */
  isAloft: boolean;
  /** Nothing is at its other end, ever. */
  isAlone?: boolean;
  /** The kernel does not tell what is at its other end, so that only what somebody has can be seen. */
  isSilent?: boolean;
  /** What is said of it when there is nothing at its other end any more: `unknown` where only a look at all would tell. */
  whenGone: string;
  /** What is said of it while somebody has one of them. */
  whenHeld: string;
  others(): Description[];
  /** How another description of it can be had, where one has it. */
  reopen?: (from: FileRef, actor: Actor) => Promise<Description>;
  /** It waits to be accepted, so that it must not be closed for good. */
  isWaiting?: boolean;
}

export const isAlive = ({ refs, isAloft }: Description): boolean => refs.length > 0 || isAloft;

interface Flight {
  from: FileRef;
  to: FileRef;
  what: Description;
}

export type Make = (world: World) => Promise<void>;

export class World {
  readonly random: Random;
  readonly actors: Actors;
  descriptions: Description[] = [];
  /** What can be done to what was made, such as to accept a client. */
  readonly later: Array<() => Promise<void>> = [];
  readonly #flights: Flight[] = [];

  constructor(random: Random, actors: Actors) {
    this.random = random;
    this.actors = actors;
  }

  actor(home?: string): Actor {
    return this.random.pick(this.actors.all.filter((actor) => home === undefined || actor.home === home));
  }

  add(description: Omit<Description, 'isAloft'>): Description {
    const added = { ...description, isAloft: false };
    this.descriptions.push(added);
    return added;
  }

  /** One of all that somebody has. */
  pick(isFit: (description: Description) => boolean = () => true): Description | undefined {
    const held = this.descriptions.filter((one) => one.refs.length > 0 && isFit(one));
    return held.length === 0 ? undefined : this.random.pick(held);
  }

  async step(makes: readonly Make[]): Promise<void> {
    const choice = this.random.below(12);
    if (choice < 3 || this.descriptions.length < 6) return this.random.pick(makes)(this);
    if (choice === 3 && this.later.length > 0) return this.later.splice(this.random.below(this.later.length), 1)[0]?.();
    if (choice === 4 && this.#flights.length > 0) return this.#land();
    const what = this.pick(choice === 7 ? ({ reopen }) => reopen !== undefined : undefined);
    if (what === undefined) return;
    const from = this.random.pick(what.refs);
    const to = this.actor();
    if (choice < 7) what.refs.push({ pid: to.pid, fd: await this.actors.pass(from, to) });
    else if (choice === 7 && what.reopen !== undefined) await what.reopen(from, this.actors.of(from.pid));
    else if (choice === 8) await this.#fly(what, from);
    else await this.#close(what, from);
  }

  async #closeFd({ pid, fd }: FileRef): Promise<void> {
    await this.actors.of(pid).run(({ libc }, fd: number) => libc.close(fd), fd);
  }

  async #close(what: Description, ref: FileRef): Promise<void> {
    if (what.isWaiting === true && what.refs.length === 1) return;
    what.refs.splice(what.refs.indexOf(ref), 1);
    await this.#closeFd(ref);
  }

  /** Sends a descriptor off, to be received later; sometimes it was the last. */
  async #fly(what: Description, ref: FileRef): Promise<void> {
    if (what.isAloft) return;
    const actor = this.actors.of(ref.pid);
    const [from, to] = await actor.run(({ libc }, fd: number) => {
      const [here, there] = libc.socketpair();
      libc.sendFd(here, fd);
      return [libc.closeOnExec(here), libc.closeOnExec(there)] as const;
    }, ref.fd);
    what.isAloft = true;
    this.#flights.push({ from: { pid: actor.pid, fd: from }, to: { pid: actor.pid, fd: to }, what });
    await this.#close(what, ref);
  }

  async #land(): Promise<void> {
    const { from, to, what } = this.#flights.splice(this.random.below(this.#flights.length), 1)[0] as Flight;
    const fd = await this.actors.of(to.pid).run(({ libc }, fd: number) => libc.closeOnExec(libc.receiveFd(fd)), to.fd);
    what.isAloft = false;
    what.refs.push({ pid: to.pid, fd });
    for (const ref of [from, to]) await this.#closeFd(ref);
  }

  /** Closes all there is. */
  async end(): Promise<void> {
    while (this.#flights.length > 0) await this.#land();
    for (const { refs } of this.descriptions) for (const ref of refs.splice(0)) await this.#closeFd(ref);
    this.descriptions = [];
    this.later.length = 0;
  }
}
