/** Which revisions came, as runs without a gap: mostly one. */
export class RevisionRuns {
  /** First and last of each run, in turn. */
  #runs: number[] = [];

  add(revision: number): void {
    const runs = this.#runs;
    const last = runs.at(-1);
    if (last === revision) return;
    if (last === revision - 1) runs[runs.length - 1] = revision;
    else runs.push(revision, revision);
  }

  /** The highest; 0 where none came. */
  get last(): number {
    return this.#runs.reduce((highest, revision) => Math.max(highest, revision), 0);
  }

  /** The highest from `from` to `to` that did not come; undefined where all did. */
  missing(from: number, to: number): number | undefined {
    const runs: [number, number][] = [];
    for (let i = 0; i < this.#runs.length; i += 2) {
      runs.push([this.#runs[i] as number, this.#runs[i + 1] as number]); // They come in pairs.
    }
    runs.sort((a, b) => b[0] - a[0]);
    let wanted = to;
    for (const [first, last] of runs) {
      if (wanted < from) return undefined;
      if (last < wanted) return wanted;
      wanted = Math.min(wanted, first - 1);
    }
    return wanted < from ? undefined : wanted;
  }
}
