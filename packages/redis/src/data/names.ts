const loneSurrogate = /\p{Surrogate}/u;

/**
 * What the keys and channels of topics are called. All of one topic have one hash tag, so that a Cluster keeps them on one server.
 * Two topics, and two keys of topics, never give the same name, whatever characters they have.
 */
export class Names {
  /** Where a node that was cut off asks the others to repeat their newest numbers. */
  readonly repeats: string;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.repeats = `${prefix}:repeats`;
  }

  channel(topic: string): string {
    return `${this.#prefix}:c:${tagOf(topic)}`;
  }

  /** A string: the epoch of the topic, its newest offset, and what else the scripts need. */
  meta(topic: string): string {
    return `${this.#prefix}:m:${tagOf(topic)}`;
  }

  /** A stream: the publications that are kept. */
  stream(topic: string): string {
    return `${this.#prefix}:s:${tagOf(topic)}`;
  }

  /** A string: the position that was published under the idempotency key. */
  key(topic: string, key: string): string {
    const tag = tagOf(topic);
    // The length in front says where the tag ends, though a topic may contain a brace.
    return `${this.#prefix}:k${tag.length}:${tag}${loneSurrogate.test(key) ? `~${inHex(key)}` : `=${key}`}`;
  }
}

/** Redis hashes what stands between the first brace and the next closing one; "=" keeps that from being empty. */
function tagOf(topic: string): string {
  return loneSurrogate.test(topic) ? `{~${inHex(topic)}}` : `{=${topic}}`;
}

/** Half of a surrogate pair has no UTF-8. */
function inHex(text: string): string {
  return Buffer.from(text, "utf16le").toString("hex");
}
