/**
 * The kernel's own headers, read for an architecture as its compiler would: a preprocessor of a hundred lines, so that
 * constants and structures can be compared where there is no compiler.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const INCLUDE = '/usr/include';

/** By Node's name: the folders that <asm/…> may be in, the size of a long, and what the compiler defines. */
// biome-ignore format: a table, one line an architecture
const COMPILERS = {
  x64: { folders: ['x86_64-linux-gnu'], word: 8, defined: ['__x86_64__'] },
  ia32: { folders: ['i386-linux-gnu', 'x86_64-linux-gnu'], word: 4, defined: ['__i386__'] },
  arm: { folders: ['arm-linux-gnueabihf'], word: 4, defined: ['__arm__', '__ARM_EABI__'] },
  arm64: { folders: ['aarch64-linux-gnu'], word: 8, defined: ['__aarch64__'] },
  riscv64: { folders: ['riscv64-linux-gnu'], word: 8, defined: ['__riscv'] },
  loong64: { folders: ['loongarch64-linux-gnu'], word: 8, defined: ['__loongarch__'] },
  ppc64: { folders: ['powerpc64le-linux-gnu'], word: 8, defined: ['__powerpc__', '__powerpc64__'] },
} as const;

export type Known = keyof typeof COMPILERS;
export const KNOWN: Known[] = Object.keys(COMPILERS) as Known[];

/** The folder with <asm/…> of an architecture, if it is installed. */
export const asmFolder = (architecture: Known): string | undefined =>
  COMPILERS[architecture].folders.find((folder) => existsSync(join(INCLUDE, folder, 'asm/unistd.h')));

const SIZES: Readonly<Record<string, number>> = {
  __u8: 1,
  __u16: 2,
  __u32: 4,
  __s32: 4,
  __poll_t: 4,
  __u64: 8,
  __s64: 8,
};

export interface Layout {
  size: number;
  align: number;
  /** By the field's name. */
  offsets: Record<string, number>;
}

export class Headers {
  readonly #architecture: Known;
  readonly #macros = new Map<string, string>();
  /** What is left when the preprocessor is done. */
  #text = '';

  constructor(architecture: Known, ...headers: string[]) {
    this.#architecture = architecture;
    const { word, defined } = COMPILERS[architecture];
    for (const name of defined) this.#macros.set(name, '1');
    this.#macros.set('__BITS_PER_LONG', String(8 * word));
    for (const name of ['__SIZEOF_LONG__', '__SIZEOF_POINTER__']) this.#macros.set(name, String(word));
    if (word === 8) this.#macros.set('__LP64__', '1');
    for (const header of headers) this.#read(header);
  }

  /** The number that a macro stands for; NaN for none. */
  value(name: string): number {
    return this.#macros.has(name) ? this.#evaluate(name) : NaN;
  }

  /** The macros whose names begin so, with what they stand for. */
  values(prefix: RegExp): Record<string, number> {
    const names = [...this.#macros.keys()].filter((name) => prefix.test(name));
    return Object.fromEntries(names.map((name) => [name, this.value(name)]));
  }

  /** The names of an enumeration, numbered from 0. */
  enumeration(name: string): Record<string, number> {
    const body = new RegExp(`enum ${name}\\s*\\{([^}]*)\\}`).exec(this.#text)?.[1] ?? '';
    return Object.fromEntries((body.match(/\w+/g) ?? []).map((word, index) => [word, index]));
  }

  /** Where the compiler lays the fields of a structure. */
  layout(name: string): Layout {
    const [, body, attributes = ''] = new RegExp(`struct ${name}\\s*\\{([^}]*)\\}([^;]*);`).exec(this.#text) ?? [];
    if (body === undefined) throw new Error(`no struct ${name}`);
    const isPacked = /packed/.test(this.#macros.get(attributes.trim()) ?? attributes);
    const layout: Layout = { size: 0, align: 1, offsets: {} };
    for (const [, type = '', field = '', count = '1'] of body.matchAll(/([\w ]+?)\s+(\w+)(?:\[(\d+)\])?\s*;/g)) {
      const { size, align } = this.#typeOf(type.trim());
      const aligned = isPacked ? 1 : align;
      layout.align = Math.max(layout.align, aligned);
      layout.size = Math.ceil(layout.size / aligned) * aligned;
      layout.offsets[field] = layout.size;
      layout.size += size * Number(count);
    }
    layout.size = Math.ceil(layout.size / layout.align) * layout.align;
    return layout;
  }

  #typeOf(type: string): { size: number; align: number } {
    if (type.startsWith('struct ')) return this.layout(type.slice('struct '.length));
    const size = SIZES[type];
    if (size === undefined) throw new Error(`unknown type ${type}`);
    // The one compiler that aligns 64 bits as it does 32.
    return { size, align: this.#architecture === 'ia32' ? Math.min(size, 4) : size };
  }

  #read(header: string): void {
    const folders = [asmFolder(this.#architecture) ?? '', ''];
    const path = folders.map((folder) => join(INCLUDE, folder, header)).find((path) => existsSync(path));
    // The headers of libc, and <asm/…> that there is not: what is in them nobody asks for, or finds to be NaN.
    if (path === undefined) return;
    const lines = readFileSync(path, 'utf8')
      .replaceAll(/\/\*.*?\*\/|\/\/[^\n]*|\\\n/gs, ' ')
      .split('\n');
    /** For each open #if: is this part read, and was one of its parts? */
    const open: Array<{ reading: boolean; taken: boolean }> = [];
    const enter = (condition: () => boolean): void => {
      const top = open.at(-1) as { reading: boolean; taken: boolean };
      const outside = open.slice(0, -1).every(({ reading }) => reading);
      top.reading = outside && !top.taken && condition();
      top.taken ||= top.reading;
    };
    for (const line of lines) {
      const [, directive = '', rest = ''] = /^\s*#\s*(\w+)\s*(.*?)\s*$/.exec(line) ?? [];
      if (directive.startsWith('if')) open.push({ reading: false, taken: false });
      if (directive === 'if' || directive === 'elif') enter(() => this.#evaluate(rest) !== 0);
      else if (directive === 'ifdef') enter(() => this.#macros.has(rest));
      else if (directive === 'ifndef') enter(() => !this.#macros.has(rest));
      else if (directive === 'else') enter(() => true);
      else if (directive === 'endif') open.pop();
      else if (open.every(({ reading }) => reading)) this.#take(directive, rest, line);
    }
  }

  #take(directive: string, rest: string, line: string): void {
    const [, name = '', value = ''] = /^(\w+)(?!\()\s*(.*)$/.exec(rest) ?? [];
    if (directive === 'define') this.#macros.set(name, value);
    else if (directive === 'undef') this.#macros.delete(name);
    else if (directive === 'include') this.#read(rest.slice(1, -1));
    else if (directive === '') this.#text += `${line}\n`;
  }

  /** A constant expression; what is no number in it counts as 0, as in #if. */
  #evaluate(expression: string, depth = 0): number {
    const plain = expression
      .replaceAll(/\bdefined\s*\(?\s*(\w+)\s*\)?/g, (_, name: string) => (this.#macros.has(name) ? '1' : '0'))
      .replaceAll(/\(__\w+_t\)/g, '')
      .replaceAll(/\b(0[xX][\da-fA-F]+|\d+)[uUlL]*\b/g, (_, digits: string) => digits.replace(/^0(?=[0-7])/, '0o'))
      .replaceAll(/\b[A-Za-z_]\w*\b/g, (name) => {
        const value = this.#macros.get(name);
        return value === undefined || depth > 20 ? '0' : `(${this.#evaluate(value, depth + 1)})`;
      });
    if (!/^[-\s\dxXoa-fA-F()|&<>=!+*~?:]+$/.test(plain)) return plain === '' ? 1 : NaN;
    try {
      return Number(new Function(`return (${plain});`)());
    } catch {
      return NaN;
    }
  }
}
