/** Runs plans: each by its caller, in a pid namespace of few processes, so that a call is cheap and neighbours decide nothing. */
import { type Child, startChild } from '../../support/child.ts';
import { compile, compilerMissing } from '../../support/compile.ts';
import { AS_NOBODY, isRoot, needsRoot, works } from '../../support/user.ts';
import type * as spots from './blind-spots.ts';
import type * as caller from './caller.ts';
import type { CallerName, Plan } from './plan.ts';

const CALLER = new URL('./caller.ts', import.meta.url).href;
const USER = isRoot ? [] : ['--user', '--map-root-user'];
const NAMESPACE = ['unshare', ...USER, '--pid', '--fork', '--kill-child', '--mount-proc'];
const WRAPPERS: Record<CallerName, string[]> = {
  plain: NAMESPACE,
  refused: NAMESPACE,
  // Whoever becomes another user loses what makes him end with his parent.
  nobody: [...NAMESPACE, ...AS_NOBODY, '--pdeathsig=keep'],
};

/** Why nothing can be run here, or false; for a test's `skip`. */
export const raceMissing: string | false =
  compilerMissing || (works(NAMESPACE) ? false : 'needs root, or user namespaces');
/** Where nobody else can be had, what is asked as an ordinary user is left out. */
export function callerMissing(name: CallerName): string | false {
  if (name === 'nobody' && needsRoot) return needsRoot;
  return works(WRAPPERS[name]) ? false : `nobody can be ${name} here`;
}

async function startCaller(name: CallerName): Promise<Child> {
  const child = await startChild({ wrapper: WRAPPERS[name] });
  if (name === 'refused') await child.run(({ seccomp }) => seccomp.refuseKcmp('EPERM'));
  return child;
}

const SOURCES = ['mover.c', 'files.c', 'moves.c', 'processes.c'].map((name) => new URL(name, import.meta.url));
/** Who moves, as a program. */
export const program = (): string => compile(...SOURCES);

/** @returns what the judges of answers do not see, see blind-spots.ts */
export async function findBlindSpots(): Promise<string[]> {
  await using child = await startCaller('plain');
  return await child.run(
    async (_, source: string, program: string) => ((await import(source)) as typeof spots).blindSpots(program),
    new URL('./blind-spots.ts', import.meta.url).href,
    program(),
  );
}

/** @param done - is told of every plan that was run, with one row for each question and door */
export async function race(plans: readonly Plan[], done: (rows: caller.Row[], plan: Plan) => void): Promise<void> {
  for (const name of new Set(plans.map((plan) => plan.caller))) {
    const child = await startCaller(name);
    try {
      for (const plan of plans.filter((plan) => plan.caller === name)) {
        const rows = await child.run(
          async (_, source: string, program: string, plan: Plan) =>
            ((await import(source)) as typeof caller).run(program, plan),
          CALLER,
          program(),
          plan,
        );
        done(rows, plan);
      }
    } finally {
      await child.stop();
    }
  }
}
