/** The questions, through either door, and the verdict on each answer. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as sync from '../../../src/index.ts';
import { judgeGroups, judgeHolders, judgeInherited, judgeLink, judgeProcess, type Wrong } from './judge.ts';
import { judgeEpoll } from './judge-epoll.ts';
import { couldNotLook, Excuses, Look } from './look.ts';
import { type Ask, keyOf, type Mask, NONE, type Scene } from './scene.ts';

export type DoorName = 'sync' | 'promises';
type Name = 'findHolders' | 'groupFiles' | 'findOpen' | 'resolveEpoll' | 'findInherited';
type Report<N extends Name> = ReturnType<(typeof sync)[N]>;
export type Door = { [N in Name]: (...args: Parameters<(typeof sync)[N]>) => Report<N> | Promise<Report<N>> };
export type Answer = Report<Name> | sync.FileIdentity;

const PROMISES = new URL('../../../src/promises.ts', import.meta.url);
export const DOORS: readonly DoorName[] = ['sync', 'promises'];

/** Why a door cannot be gone through, or false; for a test's `skip`. */
export const doorMissing = (name: DoorName): string | false =>
  name === 'promises' && !existsSync(fileURLToPath(PROMISES)) ? 'there is no src/promises.ts' : false;

export const openDoor = async (name: DoorName): Promise<Door> =>
  name === 'sync' ? sync : ((await import(PROMISES.href)) as Door);

export interface Judged {
  wrong: Wrong;
  /** Was anything called "could not look" that could be looked at? */
  told: boolean;
}
export interface Verdict extends Judged {
  /** The report, or the error in words. */
  answer: Answer | string;
  look: Look;
  ms: number;
}

function put(
  { question, pid, fd, other }: Ask,
  door: Door,
  pids: { pids?: number[] },
  { files, still, keeper }: Scene,
): Answer | Promise<Answer> {
  switch (question) {
    case 'holders':
      return door.findHolders({ pid, fd }, pids);
    case 'groups':
      return door.groupFiles({ ...pids, minHolders: 1 });
    case 'process':
      return door.findOpen(`${pid}`, { ...pids, parts: ['otherEnd'] });
    case 'link': {
      const file = still.get(keyOf({ pid, fd })) as number;
      return door.findOpen(files.get(file)?.link as string, { ...pids, parts: ['otherEnd'] });
    }
    case 'inherited':
      // Whoever is further up is no part of the scene.
      return door.findInherited(pid, { from: keeper });
    case 'epoll':
      return door.resolveEpoll(pid, fd, pids);
    case 'identify':
      return sync.identifyFiles({ pid, fd }, { pid, fd: other });
  }
}

export function judge(ask: Ask, answer: Answer, look: Look): Judged {
  if ('relation' in answer) {
    const isOne = (look.may(ask) & look.may({ pid: ask.pid, fd: ask.other }) & ~NONE) !== 0;
    const wrong = answer.relation === 'same' && !isOne ? 'they were never one' : undefined;
    return { wrong, told: answer.relation === 'unknown' };
  }
  const { told } = new Excuses(answer.coverage, look);
  if ('targets' in answer) return { wrong: judgeEpoll(ask, answer, look), told: told || !answer.stable };
  if ('files' in answer)
    return { wrong: (ask.question === 'link' ? judgeLink : judgeProcess)(ask, answer, look), told };
  if ('holders' in answer) return { wrong: judgeHolders(ask, answer, look), told };
  return { wrong: 'groups' in answer ? judgeGroups(answer, look) : judgeInherited(answer, look), told };
}

/** An error is right where it says that it could not look, or that what was asked about is gone, as it may have been. */
function judgeError(error: NodeJS.ErrnoException, ask: Ask, look: Look): Judged {
  const { code } = error;
  if (couldNotLook({ code })) return { wrong: undefined, told: code === 'EAGAIN' || !look.refused };
  return { wrong: code === 'EBADF' && (look.may(ask) & NONE) !== 0 ? undefined : 'it throws', told: false };
}

/** Asks once, and judges the answer by what was true meanwhile. */
export async function inquire(ask: Ask, door: Door, scene: Scene): Promise<Verdict> {
  const { keeper, mover, twin } = scene;
  const pids = mover === 0 ? {} : { pids: [keeper, mover, ...(twin === 0 ? [] : [twin])] };
  const since = scene.watch();
  const start = performance.now();
  let answer: Answer | NodeJS.ErrnoException;
  try {
    answer = await put(ask, door, pids, scene);
  } catch (error) {
    answer = error as NodeJS.ErrnoException;
  }
  const ms = performance.now() - start;
  const masks = new Map<number, Mask>();
  for (const cell of [...scene.cells.values(), scene.access]) if (cell >= 0) masks.set(cell, since(cell));
  const look = new Look(scene, (cell) => masks.get(cell) as Mask);
  if (answer instanceof Error) return { ...judgeError(answer, ask, look), answer: `${answer}`, look, ms };
  return { ...judge(ask, answer, look), answer, look, ms };
}
