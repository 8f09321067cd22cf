/**
 * A cursor over the bytes of a text. It reads numbers digit by digit and makes no string of them, since an
 * epoll instance may have a million lines of six each.
 */
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const LOWER_A = 97;
const LOWER_F = 102;

const MAX_HEX_DIGITS = 16; // 64 bits
const MAX_DECIMAL_DIGITS = 19; // 63 bits
const EXACT_DIGITS = 15; // as many as a number surely holds

export class Scanner {
  at = 0;
  /** The upper and the lower 32 bits of the hexadecimal number read last. */
  high = 0;
  low = 0;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  atEnd(): boolean {
    return this.at >= this.#end;
  }

  /** Steps over this word if it is next. */
  skip(word: string): boolean {
    const bytes = this.#bytes;
    const start = this.at;
    if (start + word.length > this.#end) return false;
    for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return false;
    this.at = start + word.length;
    return true;
  }

  skipBlanks(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let { at } = this;
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    this.at = at;
  }

  /** Steps over whatever is next, up to a blank or the end of the line. */
  skipField(): void {
    while (!this.#atBreak()) this.at++;
  }

  atLineEnd(): boolean {
    const code = this.#code();
    return code === NEWLINE || code === RETURN;
  }

  /** Goes to the start of the next line, from anywhere in this one. */
  nextLine(): void {
    while (this.#code() !== NEWLINE) this.at++;
    this.at++;
  }

  /** A decimal number up to the next blank or line end; undefined if there is none. */
  decimal(): number | undefined {
    this.skipBlanks();
    const start = this.at;
    const negative = this.#code() === MINUS;
    if (negative) this.at++;
    const first = this.at;
    let value = 0;
    for (;;) {
      const code = this.#code();
      if (code < ZERO || code > NINE) break;
      value = value * 10 + (code - ZERO);
      this.at++;
    }
    const digits = this.at - first;
    if (digits === 0 || digits > MAX_DECIMAL_DIGITS || !this.#atBreak()) return undefined;
    if (digits > EXACT_DIGITS) return Number(String.fromCharCode(...this.#bytes.subarray(start, this.at)));
    return negative && value !== 0 ? -value : value;
  }

  /** Reads a hexadecimal number up to the next blank or line end into `high` and `low`; false if there is none. */
  hex(): boolean {
    this.skipBlanks();
    const bytes = this.#bytes;
    const end = this.#end;
    const first = this.at;
    let at = first;
    let high = 0;
    let low = 0;
    for (; at < end; at++) {
      const code = bytes[at] as number;
      let digit: number;
      if (code >= ZERO && code <= NINE) digit = code - ZERO;
      else if (code >= LOWER_A && code <= LOWER_F) digit = code - LOWER_A + 10;
      else break;
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    this.at = at;
    this.high = high >>> 0;
    this.low = low >>> 0;
    const digits = at - first;
    return digits > 0 && digits <= MAX_HEX_DIGITS && this.#atBreak();
  }

  /** What is next; behind the last byte stands a newline. */
  #code(): number {
    return this.at < this.#end ? (this.#bytes[this.at] as number) : NEWLINE;
  }

  #atBreak(): boolean {
    const code = this.#code();
    return code === SPACE || code === TAB || code === NEWLINE || code === RETURN;
  }
}
