/** One thing that must hold of the package. */
export interface Check {
  title: string;
  /** @returns a detail worth printing */
  run: () => string | void;
}
