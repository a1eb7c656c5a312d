/**
 * The newest position of a topic that this node has seen, and in which run of the server. It goes with every call of a script: a log that came
 * back shorter than that begins another epoch.
 */
export class Seen {
  epoch = "";
  top = 0;
  run = "";

  /** What a script has answered: it has compared it with what was seen before. */
  answered(epoch: string, top: number, run: string): void {
    if (epoch === this.epoch && run === this.run) {
      if (top > this.top) this.top = top;
      return;
    }
    this.epoch = epoch;
    this.top = top;
    this.run = run;
  }

  /**
   * What a channel has brought.
   * @returns whether a script must be asked first: it is of another epoch or another run, and what was seen must not be
   *   forgotten for it.
   */
  heard(epoch: string, top: number, run: string): boolean {
    if (epoch !== this.epoch || run !== this.run) return true;
    if (top > this.top) this.top = top;
    return false;
  }
}
