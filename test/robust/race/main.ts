/**
 * `npm run test:races -- [--calls N] [--seed S] [--door sync|promises|both] [--mover NAME] [--period US]`: is anything
 * that the inspectors say wrong while descriptors, processes and epoll items move? Half a million calls when nothing is
 * named, spread over all movers, periods, questions and doors. Exit code 1: something was.
 */
import { parseArgs } from 'node:util';
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

const seed = Number(values.seed);
const periodUs = values.period === undefined ? undefined : Number(values.period);
const plans = plansFor({ calls: Number(values.calls), seed, doors, move: values.mover, periodUs }).filter(
  ({ caller }) => !callerMissing(caller),
);
console.log(`seed ${seed}\n${HEADER}`);
const all: Row[] = [];
await race(plans, (rows) => {
  all.push(...rows);
  for (const row of rows) console.log([line(row), ...row.failures].join('\n'));
});
console.log(`\nIn total:\n${HEADER}`);
for (const row of summed(all, ({ move, caller, periodUs, moves, door }) =>
  [move, caller, periodUs, moves, door].join(),
))
  console.log(line({ ...row, kind: row.caller, question: row.moves ? 'itself' : 'beside it', moves: false }));
const [calls, wrong] = (['calls', 'wrong'] as const).map((name) => all.reduce((sum, row) => sum + row[name], 0));
console.log(`\n${calls} calls, ${wrong} wrong answers`);
for (const text of tooOften(all)) console.log(`"could not look" too often: ${text}`);
process.exitCode = wrong === 0 ? 0 : 1;
