/**
 * Something that is done before each system call that is made through koffi: so a test decides between which two of them
 * another process moves. Import it before whatever makes these calls.
 */
import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');
type Library = ReturnType<Koffi['load']>;

// The object that koffi itself is loaded from, whoever loads it.
const { default: koffi } = createRequire(import.meta.url)('koffi') as { default: Koffi };
const { load } = koffi;
let before: ((number: unknown) => void) | undefined;

koffi.load = (...args) => {
  const library = load(...args);
  const func = (declaration: string): unknown => {
    const call = library.func(declaration) as unknown as (...args: unknown[]) => unknown;
    return (...given: unknown[]) => {
      before?.(given[0]);
      return call(...given);
    };
  };
  return new Proxy(library, { get: (_, name) => (name === 'func' ? func : Reflect.get(library, name)) }) as Library;
};

/** @param work - is given the number of the call; undefined: nothing from now on */
export function beforeCalls(work: ((number: unknown) => void) | undefined): void {
  before = work;
}
