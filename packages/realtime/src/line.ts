/** Keeps what takes a while in the order in which it began: each waits, when it is ready, for those before it. */
export class Line {
  readonly #turns: Turn[] = [];

  get isEmpty(): boolean {
    return this.#turns.length === 0;
  }

  /** A place behind all others. It has to become ready some time. */
  enter(): Turn {
    const turn = new Turn(() => this.#run());
    this.#turns.push(turn);
    return turn;
  }

  #run(): void {
    for (let first = this.#turns[0]; first?.work !== undefined; first = this.#turns[0]) {
      this.#turns.shift();
      first.work();
    }
  }
}

export class Turn {
  work: (() => void) | undefined;
  readonly #ready: () => void;

  constructor(ready: () => void) {
    this.#ready = ready;
  }

  /** `work` is called at once, or when those before have been. It must not throw. */
  ready(work: () => void): void {
    this.work = work;
    this.#ready();
  }
}
