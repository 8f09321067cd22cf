/**
 * `npm run test:races -- [--calls N] [--seed S] [--door sync|promises|both] [--mover NAME] [--period US]`: is anything
 * that the inspectors say wrong while descriptors, processes and epoll items move? Half a million calls when nothing is
 * named, over all movers, periods, questions and doors, by turns of one length. Exit code 1: something was.
 */
import { parseArgs } from 'node:util';
import { Random } from '../../support/random.ts';
import type { Row } from './caller.ts';
import { plansFor } from './plan.ts';
import { DOORS, type DoorName, doorMissing } from './questions.ts';
import { callerMissing, race, raceMissing } from './race.ts';
import { HEADER, line, summed, tooOften } from './table.ts';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '500000' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 32}` },
    door: { type: 'string', default: 'both' },
    mover: { type: 'string' },
    period: { type: 'string' },
  },
});
const wanted = DOORS.filter((name) => values.door === 'both' || values.door === name);
const doors: DoorName[] = wanted.filter((name) => !doorMissing(name));
for (const name of wanted) if (doorMissing(name)) console.log(`door ${name} is left out: ${doorMissing(name)}`);
if (doors.length === 0 || raceMissing) throw new Error(raceMissing || `no door ${values.door}`);

const calls = numberOf('calls', values.calls);
const seed = numberOf('seed', values.seed);
const periodUs = values.period === undefined ? undefined : numberOf('period', values.period);

/** How long a scene is asked before it is another's turn: equal times, since calls of some take ten times as long. */
const TURN_MS = 2000;
const random = new Random(seed);
const all: Row[] = [];
const sum = (name: 'calls' | 'wrong'): number => all.reduce((sum, row) => sum + row[name], 0);
console.log(`seed ${seed}`);
while (sum('calls') < calls) {
  const asked = { calls, ms: TURN_MS, seed: random.next(), doors, move: values.mover, periodUs };
  const plans = plansFor(asked).filter(({ caller }) => !callerMissing(caller));
  if (plans.length === 0) throw new Error(`nothing moves as ${values.mover}, every ${values.period} µs`);
  await race(plans, (rows) => {
    all.push(...rows);
    for (const failure of rows.flatMap((row) => row.failures)) console.log(failure);
  });
  console.log(`${sum('calls')} calls so far, ${sum('wrong')} wrong answers`);
}
console.log(`\nIn total:\n${HEADER}`);
for (const row of summed(all, ({ move, caller, periodUs, moves, door }) =>
  [move, caller, periodUs, moves, door].join(),
))
  console.log(line({ ...row, kind: row.caller, question: row.moves ? 'itself' : 'beside it', moves: false }));
console.log(`\n${sum('calls')} calls, ${sum('wrong')} wrong answers`);
for (const text of tooOften(all)) console.log(`"could not look" too often: ${text}`);
process.exitCode = sum('wrong') === 0 ? 0 : 1;

function numberOf(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--${name} ${text} is no number`);
}
