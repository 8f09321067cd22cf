/**
 * Whether this processor can run koffi's compiled binary. Only on riscv64 that is a question: the binary is built for
 * the profile RVA23, and loading it on less ends the process with SIGILL, so that the kernel is asked beforehand.
 *
 * Sources: the attributes of koffi 3.3.4's binary (`readelf --arch-specific`); arch/riscv/kernel/cpu.c and cpufeature.c,
 * which print the line `isa` of /proc/cpuinfo; the RISC-V profiles, RVA23U64.
 */
import { requireHere } from './require.ts';

/**
 * What the binary is built for, brings instructions of its own, and has a name in `isa`. Left out are what is in every
 * 64-bit processor of Linux (imafdc), hints, which any processor skips, and what says no more than one of these, such as zve64d.
 *
 * Linux names v, zba, zbb and zbs since 6.5 (before that no program may use v), zicond since 6.7, zfa, zfhmin, zvbb and
 * zvfhmin since 6.8, the others since 6.11. An older kernel is therefore refused: nothing else tells whether
 * the process would live, and there are processors with v and without zcb and zfa.
 */
// biome-ignore format: by kind
const NEEDED = [
  'v', 'zvbb', 'zvfhmin', 'zba', 'zbb', 'zbs', 'zfa', 'zfhmin', 'zicond', 'zcb', 'zawrs', 'zimop', 'zcmop',
];

const BINARY = '@koromix/koffi-linux-riscv64';
const CPUINFO = '/proc/cpuinfo';

/**
 * The extensions that koffi's riscv64 binary needs and at least one processor has not, going by the text of
 * /proc/cpuinfo; undefined when that has no line `isa`.
 */
export function missingExtensions(cpuinfo: string): string[] | undefined {
  const processors = [...cpuinfo.matchAll(/^isa[ \t]*:[ \t]*rv64([a-z]*)((?:_[a-z0-9]+)*)[ \t]*$/gm)];
  if (processors.length === 0) return undefined;
  return NEEDED.filter((name) =>
    processors.some(([, letters = '', names = '']) =>
      name.length === 1 ? !letters.includes(name) : !names.split('_').includes(name),
    ),
  );
}

/** Whether that binary would be loaded, from here or by koffi: one that was compiled is only where this is not installed. */
function isInstalled(): boolean {
  const { createRequire } = process.getBuiltinModule('node:module');
  const here = requireHere();
  const isFound = (resolve: () => string): boolean => {
    try {
      resolve();
      return true;
    } catch {
      return false;
    }
  };
  return isFound(() => here.resolve(BINARY)) || isFound(() => createRequire(here.resolve('koffi')).resolve(BINARY));
}

function readCpuinfo(): string {
  try {
    return process.getBuiltinModule('node:fs').readFileSync(CPUINFO, 'latin1');
  } catch {
    return '';
  }
}

/** Why loading koffi would end this process and what helps, or undefined where it would not. */
export function processorRefusal(): { reason: string; fix: string } | undefined {
  if (process.arch !== 'riscv64' || !isInstalled()) return undefined;
  const missing = missingExtensions(readCpuinfo());
  if (missing?.length === 0) return undefined;
  const why =
    missing === undefined
      ? 'does not tell what this one has'
      : `does not name ${missing.join(', ')}, which Linux does since 6.11 where the processor has them`;
  return {
    reason: `koffi's binary for riscv64 needs a processor of the profile RVA23, and ${CPUINFO} ${why}`,
    fix: `a processor of RVA23 with Linux 6.11 or later, or koffi compiled here (needs CMake): remove node_modules/${BINARY}, then npm rebuild koffi`,
  };
}
