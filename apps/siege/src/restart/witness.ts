/** Which message of a topic this is: `n` counts from 1 as long as the counter of this server lives, which a killed process takes along. */
export interface Numbered {
  readonly life: string;
  readonly n: number;
}

/** What one subscription was told, and what was wrong with it. */
export interface Testimony {
  /** Messages that never came, and of which no gap was told. */
  lost: number;
  doubled: number;
  gaps: number;
  states: number;
  resumed: number;
  notResumed: number;
  /** Messages that came after the return, according to the subscription. */
  caughtUp: number;
}

export function emptyTestimony(): Testimony {
  return { lost: 0, doubled: 0, gaps: 0, states: 0, resumed: 0, notResumed: 0, caughtUp: 0 };
}

/** Looks at everything that one subscription of one client is told. */
export class Witness {
  readonly testimony: Testimony = emptyTestimony();
  #life = "";
  /** Of the newest message, and of the state, which may be ahead of the messages that follow it. */
  #last = 0;
  #covered = 0;
  /** What comes next may begin anywhere: at the beginning, and behind a gap. */
  #isAnywhere = true;
  #isBack = false;

  /** The newest that it knows of. */
  get at(): Numbered {
    return { life: this.#life, n: Math.max(this.#last, this.#covered) };
  }

  subscribed({ resumed, missed }: { readonly resumed: boolean; readonly missed: number }): void {
    if (this.#isBack) {
      this.testimony[resumed ? "resumed" : "notResumed"]++;
      this.testimony.caughtUp += missed;
    }
    this.#isBack = true;
  }

  gap(): void {
    this.testimony.gaps++;
    this.#isAnywhere = true;
  }

  state({ life, n }: Numbered): void {
    this.testimony.states++;
    if (life !== this.#life) this.#last = 0;
    this.#life = life;
    this.#covered = n;
    this.#isAnywhere = false;
  }

  message({ life, n }: Numbered): void {
    const isOther = life !== this.#life;
    if (this.#isAnywhere && (isOther || n > this.#last)) {
      this.#begin(life, n);
      return;
    }
    if (isOther) {
      // A server began anew, and did not say so.
      this.testimony.lost++;
      this.#begin(life, n);
      return;
    }
    const next = Math.max(this.#last, this.#covered) + 1;
    if (n <= this.#last) this.testimony.doubled++;
    else if (n > next) this.testimony.lost += n - next;
    this.#last = Math.max(this.#last, n);
  }

  #begin(life: string, n: number): void {
    this.#life = life;
    this.#last = n;
    this.#covered = 0;
    this.#isAnywhere = false;
  }
}
