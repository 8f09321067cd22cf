/**
 * Descriptors, processes and epoll items that move while they are asked about: nothing that is said may be wrong. How
 * often it is "could not look" depends on what else the machine does, and is printed. `npm run test:races` does the same
 * at length.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SEED } from '../support/random.ts';
import type { Row } from './race/caller.ts';
import { plansFor } from './race/plan.ts';
import { DOORS, doorMissing } from './race/questions.ts';
import { callerMissing, findBlindSpots, race, raceMissing } from './race/race.ts';
import { tooOften } from './race/table.ts';

/** In total, as far as there is time: one plan takes no more of it than so many milliseconds. */
const CALLS = 40_000;
const PLAN_MS = 200;
const open = DOORS.filter((door) => !doorMissing(door));

test('the judges see every answer that is spoilt', { skip: raceMissing }, async () => {
  assert.deepEqual(await findBlindSpots(), []);
});

for (const door of DOORS) {
  describe(`through the door ${door}`, { skip: raceMissing || doorMissing(door) }, () => {
    const plans = plansFor({ calls: CALLS / open.length, ms: PLAN_MS, seed: SEED, doors: [door] });
    for (const name of new Set(plans.map(({ move, caller }) => `${move}, asked by ${caller}`))) {
      const own = plans.filter(({ move, caller }) => `${move}, asked by ${caller}` === name);
      test(name, { skip: callerMissing(own[0]?.caller ?? 'plain') }, async (t) => {
        t.diagnostic(`seed ${SEED}; KCMP_SEED=${SEED} repeats it`);
        const rows: Row[] = [];
        await race(own, (more) => rows.push(...more));
        const [calls, wrong] = (['calls', 'wrong'] as const).map((what) =>
          rows.reduce((sum, row) => sum + row[what], 0),
        );
        const told = rows.reduce((sum, row) => sum + row.told, 0);
        t.diagnostic(`${calls} calls, ${wrong} wrong answers, ${told} times it could not look`);
        for (const text of tooOften(rows)) t.diagnostic(`which is often: ${text}`);
        const failures = rows.flatMap((row) => row.failures);
        assert.equal(wrong, 0, `${wrong} wrong answers in ${calls} calls, such as\n${failures.slice(0, 3).join('\n')}`);
      });
    }
  });
}
