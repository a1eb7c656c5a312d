import { watch } from "@upwire/core/adapter";

/** One source during one collection. Its stats are asked for once, since they are found by looking at each connection. */
export class Reading<Source extends { readonly stats: unknown }> {
  readonly source: Source;
  #stats: (() => Source["stats"]) | undefined;

  constructor(source: Source) {
    this.source = source;
  }

  /** @throws what the source throws, each time the same. */
  get stats(): Source["stats"] {
    this.#stats ??= once(() => this.source.stats);
    return this.#stats();
  }
}

function once<T>(read: () => T): () => T {
  try {
    const value = read();
    // Of a stand-in it may be a promise: what it rejects with is nothing that could be counted, and must not end the process.
    watch(value, () => {});
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
