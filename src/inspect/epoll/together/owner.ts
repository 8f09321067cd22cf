/** The process whose instances are looked at: whether it has run is asked once for all of them, not for each. */
import { hasRested, type Rest, restOf } from '../../../scan/rest.ts';

export class Owner {
  readonly pid: number;
  /** How it was with it before the lists were read. */
  rest: Rest | undefined;

  constructor(pid: number) {
    this.pid = pid;
    this.rest = restOf(pid);
  }

  /**
   * Whether it has not run since.
   * @param ask - what tells whether a process has run
   */
  hasRested(ask: typeof hasRested = hasRested): boolean {
    return ask(this.pid, this.rest);
  }

  /** To be called before all lists are read again: whether it has run, so that a new rest begins. */
  renew(): boolean {
    if (this.hasRested()) return false;
    this.rest = restOf(this.pid);
    return true;
  }
}
