import type { BrokerData } from "@upwire/cluster/broker";
import type { Connection, PreparedMessage, SendOptions } from "@upwire/core";
import { plainFrame, v1Frame } from "./frames.ts";

/** The topic of a publication, as that sees it. */
export interface PublicationTopic {
  /** `headOf` this topic. */
  readonly head: string;
  readonly hasHistory: boolean;
  /** A member does not get this publication: its queue refused it, or gave it up later. */
  missed(connection: Connection, publication: Publication): void;
}

/** What only publications of topics without history may have. */
export interface Restriction {
  /** Not to these. */
  readonly except?: Connection | readonly Connection[] | undefined;
  /** What it is the latest state of: core's `key`. */
  readonly conflate?: string | undefined;
}

export interface PublicationInit {
  readonly epoch: string;
  /** In the topic's epoch; without history, one that this node counts. */
  readonly offset: number;
  readonly data: BrokerData;
  /** Whether a publish of this node is known to be, or not to be, where it comes from. */
  readonly isOriginKnown: boolean;
  /** When it came here, by the clock. Milliseconds. */
  readonly at: number;
  readonly restriction?: Restriction | undefined;
}

/** What a publication takes beside its data and its frame, about. Bytes. */
const OWN_BYTES = 400;

/** One publication of a topic, and its frames, which are made once for all that get it later than the others. */
export class Publication {
  readonly epoch: string;
  readonly offset: number;
  readonly data: BrokerData;
  readonly isOriginKnown: boolean;
  readonly at: number;
  readonly restriction: Restriction | undefined;
  /** A later one with the same `conflate` was sent: to miss this one is no loss. */
  isSuperseded = false;
  readonly #topic: PublicationTopic;
  #v1: PreparedMessage | undefined;
  #plain: PreparedMessage | undefined;
  #options: SendOptions<Connection> | undefined;
  #bytes = -1;

  constructor(topic: PublicationTopic, { epoch, offset, data, isOriginKnown, at, restriction }: PublicationInit) {
    this.#topic = topic;
    this.epoch = epoch;
    this.offset = offset;
    this.data = data;
    this.isOriginKnown = isOriginKnown;
    this.at = at;
    this.restriction = restriction;
  }

  /** Length of its data. */
  get bytes(): number {
    if (this.#bytes < 0) this.#bytes = Buffer.byteLength(this.data);
    return this.#bytes;
  }

  /** What it takes in memory, about: the data, and a frame once a client got it later than the others. */
  get cost(): number {
    return OWN_BYTES + 2 * this.data.length;
  }

  /** How it is sent to one connection, or to all. */
  options(): SendOptions<Connection> {
    const missed = (connection: Connection): void => this.#topic.missed(connection, this);
    const key = this.restriction?.conflate;
    return key === undefined ? { missed } : { missed, key };
  }

  /** The same, kept for the next one. */
  get keptOptions(): SendOptions<Connection> {
    return (this.#options ??= this.options());
  }

  v1(): PreparedMessage {
    const { head, hasHistory } = this.#topic;
    return v1Frame(this.data, hasHistory ? head + String(this.offset) : head);
  }

  plain(): PreparedMessage {
    return plainFrame(this.data);
  }

  /** A frame that is kept: it does not pin the block of Node's pool in which it was made. */
  get keptV1(): PreparedMessage {
    return (this.#v1 ??= kept(this.v1()));
  }

  get keptPlain(): PreparedMessage {
    return (this.#plain ??= kept(this.plain()));
  }

  isFor(connection: Connection): boolean {
    const except = this.restriction?.except;
    return except === undefined || (except !== connection && !(Array.isArray(except) && except.includes(connection)));
  }
}

function kept(message: PreparedMessage): PreparedMessage {
  message.keep();
  return message;
}
