/** What tests of sockets say of an other end, but for its names: found, and expected of descriptors of this process. */
import assert from 'node:assert/strict';
import type { FileRef, OtherEnd } from '../../src/index.ts';
import { refs } from './brute.ts';
import { inoOf } from './sockets.ts';

export const mine = (fd: number): FileRef => ({ pid: process.pid, fd });
const linkOf = (fd: number): string => `socket:[${inoOf(fd)}]`;

/** What there is to say but for the names. */
export function factsOf({ state, ends, holders }: OtherEnd): unknown {
  assert.deepEqual(refs(holders), refs(ends.flatMap((end) => end.holders)));
  return { state, ends: ends.map(({ link, state, holders }) => ({ link, state, holders: refs(holders) })) };
}

/** One end, which one descriptor of this process is. */
export const one = (state: string, fd: number, endState: string = state): unknown => ({
  state,
  ends: [{ link: linkOf(fd), state: endState, holders: [mine(fd)] }],
});
