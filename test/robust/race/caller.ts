/** What asks: runs inside a process of its own (see race.ts), which it may have put under a filter or another user. */
import { inspect } from 'node:util';
import type { Plan } from './plan.ts';
import { type DoorName, inquire, openDoor } from './questions.ts';
import { type Ask, type Memory, Scene, shareMemory } from './scene.ts';

/** What became of one question through one door. */
export interface Row {
  move: string;
  kind: string;
  periodUs: number;
  question: string;
  /** Does what is asked about move itself? */
  moves: boolean;
  door: DoorName;
  caller: Plan['caller'];
  calls: number;
  wrong: number;
  told: number;
  ms: number;
  /** The first wrong answers, each with the truth. */
  failures: string[];
}

const SHOWN = 3;
const TURN_MS = 20;

let memory: Memory | undefined;

const show = (value: unknown): string => inspect(value, { depth: 5, breakLength: 120, compact: 6 });

export async function sceneOf(program: string, plan: Omit<Plan, 'calls' | 'doors' | 'ms'>): Promise<Scene> {
  const { move, kind, periodUs, seed, caller } = plan;
  memory ??= shareMemory();
  const scene = await Scene.start(program, [move, kind, `${periodUs}`, `${seed}`], memory);
  scene.blind = caller === 'refused';
  return scene;
}

/** Asks everything that a scene has to ask, through each door by turns. */
export async function run(program: string, plan: Plan): Promise<Row[]> {
  const { move, kind, periodUs, calls } = plan;
  const scene = await sceneOf(program, plan);
  try {
    const rows: Array<{ row: Row; ask: Ask; door: Awaited<ReturnType<typeof openDoor>> }> = [];
    for (const name of plan.doors) {
      const door = await openDoor(name);
      for (const ask of scene.asks) {
        const { question, moves } = ask;
        if (question === 'identify' && name !== 'sync') continue;
        const row = {
          move,
          kind,
          periodUs,
          question,
          moves,
          caller: plan.caller,
          door: name,
          calls: 0,
          wrong: 0,
          told: 0,
          ms: 0,
          failures: [],
        };
        rows.push({ row, ask, door });
      }
    }
    const end = performance.now() + plan.ms;
    for (let call = 0, turn = performance.now(); call < calls && turn < end; call++) {
      for (const { row, ask, door } of rows) {
        const { wrong, told, ms, answer, look } = await inquire(ask, door, scene);
        row.calls++;
        row.ms += ms;
        if (told) row.told++;
        if (wrong === undefined || ++row.wrong > SHOWN) continue;
        row.failures.push(`${JSON.stringify({ ...plan, ask })}\n  ${wrong}\n  ${look}\n  ${show(answer)}`);
      }
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise(setImmediate);
      turn = performance.now();
    }
    if (scene.moves === 0 && calls * periodUs > 1e6) throw new Error(`nothing moved: ${JSON.stringify(plan)}`);
    return rows.map(({ row }) => row);
  } finally {
    await scene.stop();
  }
}
