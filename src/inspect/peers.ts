/**
 * The other end of a file: who holds what this is connected to.
 *
 *   peers/kinds    which kinds have one, and what is looked for
 *   peers/peer     what all kinds have in common
 *   pipe, unix, …  one kind each
 *   peers/whole    whether everything was looked at, so that nobody means nobody
 */
import type { Holder } from '../scan/holder.ts';
import type { Steps } from '../scan/steps.ts';
import type { Scan } from '../scan/tables.ts';
import { some } from '../util/text.ts';
import { type Aloft, type Carrier, carriersIn, lookAloft } from './elsewhere/aloft.ts';
import { keptBy } from './elsewhere/registered.ts';
import { byDescription, type OnClosed } from './peers/by-description.ts';
import type { Peer, PeerEnd, PeerState, PeerVia, Seen } from './peers/peer.ts';
import { whyNotAll } from './peers/whole.ts';

/** Which state the other end is in, and why no other one, where that needs to be told. */
export type EndState = { state: Exclude<PeerState, 'unknown'>; reason?: string } | { state: 'unknown'; reason: string };

/** What is at the other end of a file. */
export type OtherEnd = EndState & EndFacts;

/** The other end whatever its state is. */
export interface EndFacts {
  /** What people call it; null when its ends are called differently, or there is none. */
  name: string | null;
  via: PeerVia;
  /** Who holds it, all ends taken together. */
  holders: Holder[];
  /** One an open file description: the readers of a FIFO, the slaves of a pty, who sends to a datagram socket, who waits to be accepted. */
  ends: PeerEnd[];
}

/** So many of those that may have it are named. */
const SHOWN = 3;
/** What is another one each time that it is looked at. */
export const RESTLESS: { state: 'unknown'; reason: string } & Pick<EndFacts, 'holders' | 'ends'> = {
  state: 'unknown',
  reason: 'it changed all the while',
  holders: [],
  ends: [],
};
const UNTOLD = 'nothing tells what it is connected to';

/** Looks once more at what may have changed; whether the other end was found by now. */
type LookAgain = () => Steps<boolean>;

/**
 * What was found out about an other end; undefined when it appeared just now, so that all has to be looked at anew.
 * @param seen - descriptors that were found to be of it
 * @param own - who has the file itself
 * @param findAloft - what is in flight or registered, looked for once where many are asked about
 * @param onClosed - told of those that were closed meanwhile, which are left out then
 */
export function* tellOtherEnd(
  peer: Peer,
  scan: Scan,
  seen: readonly Seen[],
  own: Holder[],
  lookAgain: LookAgain,
  findAloft: () => Steps<Aloft> = () => lookAloft(scan),
  onClosed?: OnClosed,
): Steps<OtherEnd | undefined> {
  // Without kcmp(2) there is but one look.
  if (!scan.comparable && (yield* peer.hasMoved())) return undefined;
  if (!peer.fits(own)) return { ...RESTLESS, name: null, via: peer.via };
  const ends = yield* peer.tellEnds(seen, own, byDescription(scan, onClosed));
  const holders = ends.flatMap((end) => end.holders);
  const [first] = ends;
  const name = first !== undefined && ends.every((end) => end.name === first.name) ? first.name : peer.name;
  const isHeld = holders.length > 0 || (peer.state !== 'connected' && peer.state !== 'not-accepted');
  const told = isHeld ? peer : yield* tellUnheld(peer, scan, lookAgain, findAloft);
  if (told === undefined) return undefined;
  const { state } = told;
  const reason = told.reason ?? (peer.isRestless ? RESTLESS.reason : undefined);
  return { ...stateOf(state, reason), name, via: peer.via, holders, ends };
}

function stateOf(state: PeerState, reason: string | undefined): EndState {
  if (state === 'unknown') return { state, reason: reason ?? UNTOLD };
  return reason === undefined ? { state } : { state, reason };
}

/** Nobody was found to have it: because there is nothing, or because not all could be looked at. */
function* tellUnheld(
  peer: Peer,
  scan: Scan,
  lookAgain: LookAgain,
  findAloft: () => Steps<Aloft>,
): Steps<{ state: PeerState; reason: string | undefined } | undefined> {
  const links = peer.links();
  const aloft = links.length > 0 ? yield* findAloft() : undefined;
  // Any of them is enough.
  const carriers =
    aloft === undefined
      ? []
      : carriersIn(aloft, (text) => (links.some((link) => keptBy(text, link) !== 'no') ? 'possible' : 'no'));
  const doubts = [peer.doubt, ...(carriers.length === 0 ? [] : [couldBe(carriers)])];
  // What could not be told of one that may have it is counted by now.
  const why = peer.isRestless ? RESTLESS.reason : whyNotAll(scan);
  const reason = [...doubts, why, peer.reason].filter((one) => one !== undefined).join('; ') || undefined;
  if (why !== undefined) return { state: 'unknown', reason };
  if (peer.doubt !== undefined || carriers.length > 0) return { state: 'unseen', reason };
  // What was in flight before may have come down just before that was looked at; and without kcmp(2) there is but one look.
  if ((peer.isSilent || !scan.comparable) && (yield* lookAgain())) return undefined;
  return { state: peer.isSilent ? 'closed' : 'unseen', reason };
}

const couldBe = (carriers: readonly Carrier[]): string => {
  const places = carriers.map(({ how, pid, fd }) =>
    how === 'in-flight' ? `in flight to fd ${fd} of pid ${pid}` : `registered with fd ${fd} of pid ${pid}`,
  );
  return `it may be ${some(places, SHOWN)}`;
};
