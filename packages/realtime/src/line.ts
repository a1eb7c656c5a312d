/** Keeps what takes a while in the order in which it began: each waits, when it is ready, for those before it. */
export class Line {
  readonly #places: Place[] = [];

  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  /** A place behind all others. It has to become ready some time. */
  enter(): Place {
    const place = new Place(() => this.#run());
    this.#places.push(place);
    return place;
  }

  #run(): void {
    for (let first = this.#places[0]; first?.work !== undefined; first = this.#places[0]) {
      this.#places.shift();
      first.work();
    }
  }
}

export class Place {
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
